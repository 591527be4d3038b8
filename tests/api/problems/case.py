"""One documented problem of one operation, and a request that gets it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from tests.fakes.control_plane import ControlPlane


@dataclass(frozen=True)
class Case:
    """`operation_id` as in the OpenAPI document, `code` as in `urn:ava:problem:<code>`."""

    operation_id: str
    code: str
    send: Callable[[ControlPlane], Awaitable[httpx.Response]]

    @property
    def name(self) -> str:
        return f"{self.operation_id}-{self.code}"
