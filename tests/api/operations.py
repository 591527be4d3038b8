"""The operations of the OpenAPI document, as tests walk over them: what comes to the document comes to the tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from control_api.app import create_app
from control_api.settings import load_settings
from store.vault import generate_key

HEALTH = frozenset({"livez", "readyz", "metrics"})
# Believed for a signature of the body, whoever sends it: proven in `test_webhooks`.
SIGNED = frozenset({"receive_livekit_event"})


@dataclass(frozen=True)
class Operation:
    operation_id: str
    method: str
    path: str
    described: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return self.operation_id

    def parameters(self, place: str, *, required: bool = False) -> list[str]:
        """Names of what goes in `place`: path, query or header."""
        return [
            found["name"]
            for found in self.described.get("parameters", ())
            if found["in"] == place and (found.get("required") or not required)
        ]

    @property
    def has_body(self) -> bool:
        return "requestBody" in self.described

    @property
    def scopes(self) -> list[str]:
        """Empty: for a signed-in person, whatever their role."""
        found: list[str] = self.described.get("x-scopes", [])
        return found

    @property
    def needs_sign_in(self) -> bool:
        return "security" in self.described

    @property
    def is_of_tenant(self) -> bool:
        return "AVA-Tenant" in self.parameters("header")

    @property
    def creates(self) -> bool:
        return "Idempotency-Key" in self.parameters("header")

    @property
    def problems(self) -> frozenset[tuple[int, str]]:
        """(status, code) of everything that it documents as a problem."""
        found: list[tuple[int, str]] = []
        for status, response in self.described["responses"].items():
            found += [(int(status), code) for code in response.get("x-problems", ())]
        return frozenset(found)


@cache
def document() -> Mapping[str, Any]:
    """As it is served, of an app that is not running."""
    settings = load_settings(
        _env_file=None,
        supabase_url="http://127.0.0.1:1",
        supabase_publishable_key="-",
        supabase_secret_key="-",
        ava_sealing_keys=generate_key(),
    )
    described: dict[str, Any] = create_app(settings).openapi()
    return described


@cache
def operations() -> tuple[Operation, ...]:
    return tuple(
        Operation(described["operationId"], method.upper(), path, described)
        for path, methods in document()["paths"].items()
        for method, described in methods.items()
    )


def operation(operation_id: str) -> Operation:
    return next(found for found in operations() if found.operation_id == operation_id)
