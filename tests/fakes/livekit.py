"""The LiveKit stand-in as tests hold it: what it has, what goes wrong at it, and who would answer a call there."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.livekit import create_app
from sandbox.providers import serve

NUMBER = "+33123456789"
OTHER = "+33198765432"
CALLER = "+33612345678"


@dataclass(frozen=True)
class Server:
    """The stand-in, and the hands on it that are not ours."""

    url: str
    http: httpx.AsyncClient

    async def reset(self) -> None:
        """Empty, without faults."""
        (await self.http.post("/_ctl/reset")).raise_for_status()

    async def state(self) -> dict[str, list[dict[str, Any]]]:
        return (await self.http.get("/_ctl/state")).json()

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        rule = {"operation": operation, "kind": kind, **more}
        (await self.http.post("/_ctl/faults", json=[rule])).raise_for_status()

    async def put(self, what: str, item: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post(f"/_ctl/{what}", json=item)
        return answer.raise_for_status().json()

    async def delete(self, what: str, identity: str) -> None:
        assert (await self.http.delete(f"/_ctl/{what}/{identity}")).json() == {"deleted": True}

    async def seen(self, operation: str) -> int:
        log = (await self.http.get("/_ctl/log", params={"operation": operation})).json()
        return len(log["entries"])

    async def call(self, to: str = NUMBER, caller: str = CALLER, source: str = "") -> dict[str, Any]:
        answer = await self.http.post("/_ctl/call", json={"from": caller, "to": to, "source": source})
        return answer.json()


@asynccontextmanager
async def serving(options: Mapping[str, str] | None = None) -> AsyncGenerator[Server]:
    """`options` as `sandbox.livekit.create_app` takes them."""
    async with serve(create_app(options)) as url, httpx.AsyncClient(base_url=url) as http:
        yield Server(url, http)
