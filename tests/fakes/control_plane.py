"""The control plane as its users reach it: the real app on the real database, outside parties by their stand-ins.

Owns: starting them once, signing people in, and a client per person. Each test makes people of its own, and so a tenant of
its own: nothing is reset between tests, and they run in any order. Refuses: judging.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from control_api.app import create_app
from control_api.settings import Settings
from demo.platform import CAL_KEY, Platform, open_platform
from observing.logs import set_up
from sandbox.database import Database

__all__ = ["CAL_KEY", "Client", "ControlPlane", "open_control_plane"]


@dataclass
class Client:
    """One person (or machine) at the API. `http` has their credentials and follows no redirect."""

    http: httpx.AsyncClient
    token: str = field(repr=False)
    subject: str
    tenant_id: UUID

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.http.get(path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.http.post(path, json=body, **options)

    async def made(self, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """A POST that must succeed -> its JSON."""
        answer = await self.post(path, body, **options)
        assert answer.status_code in (200, 201, 202), answer.text
        found: dict[str, Any] = answer.json()
        return found


@dataclass
class ControlPlane:
    app: FastAPI
    platform: Platform
    _clients: AsyncExitStack

    @property
    def settings(self) -> Settings:
        return self.platform.settings

    @property
    def database(self) -> Database:
        return self.platform.database

    @property
    def urls(self) -> Mapping[str, str]:
        return self.platform.urls

    async def token(self, *, kind: str = "supabase", **wish: Any) -> tuple[str, str]:
        """-> (token, subject)."""
        return await self.platform.token(kind=kind, **wish)

    async def owner(self, *, kind: str = "supabase", **wish: Any) -> Client:
        """Somebody who signs in for the first time: owner of a new tenant."""
        token, subject = await self.token(kind=kind, **wish)
        http = await self.client(token)
        me = await http.get("/v1/me")
        assert me.status_code == 200, me.text
        return Client(http, token, subject, UUID(me.json()["home_tenant_id"]))

    async def member(self, owner: Client, role: str) -> Client:
        """Somebody else in the owner's tenant."""
        token, subject = await self.token(sub=str(uuid4()))
        self.database.add_member(owner.tenant_id, subject, role)
        http = await self.client(token, tenant=owner.tenant_id)
        return Client(http, token, subject, owner.tenant_id)

    async def machine(self, owner: Client, *scopes: str) -> Client:
        """An API key of the owner's tenant."""
        made = await owner.made("/v1/api-keys", {"name": "a machine", "scopes": list(scopes)})
        http = await self.client(made["key"])
        return Client(http, made["key"], f"key:{made['key_id']}", owner.tenant_id)

    async def client(self, token: str | None, *, tenant: UUID | None = None) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if tenant is not None:
            headers["ava-tenant"] = str(tenant)
        transport = httpx.ASGITransport(self.app, client=(f"127.0.0.{uuid4().int % 250 + 1}", 40000))
        http = httpx.AsyncClient(transport=transport, base_url="http://api.test", headers=headers, timeout=30)
        return await self._clients.enter_async_context(http)

    async def control(self, app: str, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """A stand-in's `/_ctl`."""
        return await self.platform.control(app, path, body, method=method)


@asynccontextmanager
async def reconfigured(plane: ControlPlane, **changes: Any) -> AsyncGenerator[ControlPlane]:
    """A second process of the same deployment, with other settings."""
    settings = plane.settings.model_copy(update=changes)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield replace(plane, app=app, platform=replace(plane.platform, settings=settings))


@asynccontextmanager
async def open_control_plane(database: Database, **changes: Any) -> AsyncGenerator[ControlPlane]:
    """`changes` are settings that differ; no test is slowed down by a rate limit it does not ask for."""
    usual: dict[str, Any] = {
        "ava_rate_limit_per_address": "100000/minute",
        "ava_rate_limit_per_principal": "100000/minute",
        "ava_numbers_completer_seconds": 0,  # tests say when abandoned purchases are taken up
        "ava_public_url": "https://ava.example.com",  # where carriers are told to ask; nobody does unless a test listens
        "ava_planned_calls_seconds": 0,  # and when due calls are placed
        "ava_stranded_seconds": 0,  # and when callers without a worker are looked for
    }
    with TemporaryDirectory(prefix="ava-recordings-") as recordings:
        async with _opened(database, **{"ava_recordings": recordings, **usual, **changes}) as plane:
            yield plane


@asynccontextmanager
async def _opened(database: Database, **changes: Any) -> AsyncGenerator[ControlPlane]:
    async with open_platform(database, **changes) as platform, AsyncExitStack() as clients:
        set_up(platform.settings.ava_log_level)  # as the server does: what tests capture is what operators read
        app = create_app(platform.settings)
        async with app.router.lifespan_context(app):
            yield ControlPlane(app, platform, clients)
