"""Stands for the gateway of hosted Supabase: `/rest/v1/*` in front of PostgREST, behind an API key.

Owns: which keys are known and which role each stands for, the 401s in Supabase's own words, passing requests and answers
through as streams, and the fault switchboard. Refuses: SQL, rows, sessions of users (`/auth/v1` is not here: a token is
minted where it is needed).

Operations of the switchboard: every SQL function by its name, `table` for anything else under `/rest/v1`, `*` for all.

What it cannot show: Cloudflare in front of it, rate limits, the pooler, a project that is paused.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.faults import FaultRule, Switchboard, early_answer, late_answer

_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]
_YEARS = 10 * 365 * 24 * 3600
# of one connection only (RFC 9110 7.6.1); httpx and uvicorn write their own
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"}
_UPSTREAM_SECONDS = 30.0


def mint_token(secret: str, *, role: str, **claims: Any) -> str:
    """A JWT as the project's own signing key would give it, HS256, good for ten years unless `exp` is given."""
    now = int(time.time())
    return jwt.encode({"iss": "supabase", "iat": now, "exp": now + _YEARS, "role": role, **claims}, secret, "HS256")


@dataclass(frozen=True, repr=False)
class Keys:
    """The project's keys: opaque new-style ones, and the legacy JWTs that say the same."""

    publishable: str
    secret: str
    anon_jwt: str
    service_jwt: str

    def role_token(self, key: str) -> str | None:
        """The JWT that `key` stands for; None if it is no key of this project."""
        return {
            self.publishable: self.anon_jwt,
            self.secret: self.service_jwt,
            self.anon_jwt: self.anon_jwt,
            self.service_jwt: self.service_jwt,
        }.get(key)


def _error_body(status: int) -> dict[str, Any]:
    return {"code": None, "details": None, "hint": None, "message": f"the sandbox answers {status} on purpose"}


def _missing_key() -> Response:
    hint = "No `apikey` request header or url param was found."
    return JSONResponse({"message": "No API key found in request", "hint": hint}, status_code=401)


def _unknown_key() -> Response:
    hint = "Double check your Supabase `anon` or `service_role` API key."
    return JSONResponse({"message": "Invalid API key", "hint": hint}, status_code=401)


def _authorization(request: Request, key: str, role_token: str) -> str | None:
    """What PostgREST is given; None where a bearer token is an opaque key other than `apikey`."""
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    if not bearer or scheme.lower() != "bearer" or token == key:
        return f"Bearer {role_token}"
    if token.startswith(("sb_secret_", "sb_publishable_")):
        return None
    return bearer


def _query_without_key(request: Request) -> str:
    """As it came, byte for byte: PostgREST's filters have a quoting of their own."""
    return "&".join(part for part in request.url.query.split("&") if not part.startswith("apikey="))


class _Gateway:
    def __init__(self, client: httpx.AsyncClient, keys: Keys, switchboard: Switchboard) -> None:
        self._client = client
        self._keys = keys
        self._switchboard = switchboard

    async def rest(self, request: Request) -> Response:
        key = request.headers.get("apikey") or request.query_params.get("apikey")
        if not key:
            return _missing_key()
        role_token = self._keys.role_token(key)
        authorization = _authorization(request, key, role_token) if role_token else None
        if authorization is None:
            return _unknown_key()
        path: str = request.path_params["path"]
        rule = await self._switchboard.take(self._operation(path), {"method": request.method})
        if rule is not None and (early := early_answer(rule, _error_body)) is not None:
            return early
        try:
            return await self._pass_on(request, path, authorization, rule)
        except httpx.TransportError:
            return JSONResponse(
                {"message": "An invalid response was received from the upstream server"}, status_code=502
            )

    def _operation(self, path: str) -> str:
        name = path.removeprefix("rpc/")
        return name if name != path and name in self._switchboard.operations else "table"

    async def _pass_on(self, request: Request, path: str, authorization: str, rule: FaultRule | None) -> Response:
        kept = [(n, v) for n, v in request.headers.items() if n not in {*_HOP_BY_HOP, "authorization", "apikey"}]
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        upstream = self._client.build_request(
            request.method,
            httpx.URL(path=f"/{path}", query=_query_without_key(request).encode()),
            headers=[*kept, ("authorization", authorization)],
            content=request.stream() if has_body else None,
        )
        answer = await self._client.send(upstream, stream=True)
        headers = {n: v for n, v in answer.headers.items() if n not in _HOP_BY_HOP}
        if rule is not None:
            body = b"".join([chunk async for chunk in answer.aiter_raw()])
            await answer.aclose()
            return late_answer(rule, Response(body, status_code=answer.status_code, headers=headers))
        return StreamingResponse(
            answer.aiter_raw(),
            status_code=answer.status_code,
            headers=headers,
            background=BackgroundTask(answer.aclose),
        )


async def _no_route(request: Request) -> Response:
    return JSONResponse({"message": "no Route matched with those values"}, status_code=404)


def upstream_client(url: str) -> httpx.AsyncClient:
    """For `create_gateway`; the caller closes it."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    return httpx.AsyncClient(base_url=url, timeout=_UPSTREAM_SECONDS, limits=limits, trust_env=False)


def create_gateway(client: httpx.AsyncClient, keys: Keys, *, functions: Iterable[str] = ()) -> Starlette:
    """The gateway in front of the PostgREST `client` points to; `functions` are names for the switchboard."""
    operations: Collection[str] = {"table", *functions}
    switchboard = Switchboard(operations=operations)
    gateway = _Gateway(client, keys, switchboard)

    return Starlette(
        routes=[
            Route("/rest/v1/{path:path}", gateway.rest, methods=_METHODS),
            *switchboard.routes(),
            Route("/{path:path}", _no_route, methods=_METHODS),
        ]
    )
