"""Sending a creating request twice makes one thing and gives one answer.

Owns: the claim on a key while its request runs, the answer kept for 24 hours (sealed: it may hold a key that is shown
once), and replaying it. Refuses: making the work itself repeatable: a creating service uses the operation's id as the
new row's, so that a request whose process died after the work finds its own row.

Only what succeeded is kept. What failed gives its key back: the same request may then be tried again.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import unquote

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import SecretStr

from contracts.errors import DomainError
from control_api.dependencies import acting_principal, find_provided
from control_api.errors import Conflict, InvalidRequest, Problem
from control_api.principal import Principal
from store.session import Session, Sessions
from store.vault import SecretUnreadable, Vault

_CLAIM_SECONDS = 60
_MOST_ANSWER = 1024 * 1024
_KEPT_HEADERS = ("content-type", "etag", "location")
_log = structlog.get_logger(__name__)
F = TypeVar("F", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class KeyReused(Conflict):
    code, title = "idempotency_key_reused", "The key belongs to another request"
    example = "this Idempotency-Key was sent with another request: make a new key for a new intention"


class StillRunning(Conflict):
    code, title = "idempotency_in_progress", "The first request with this key is still running"
    example = "the first request with this Idempotency-Key is still running: send it again after Retry-After seconds"


IDEMPOTENCY_PROBLEMS: tuple[type[Problem], ...] = (KeyReused, StillRunning)


def creates(endpoint: F) -> F:
    """Marks a POST that makes something: it takes an Idempotency-Key."""
    endpoint.__creates__ = True  # type: ignore[attr-defined]  # read by ApiRoute and control_api.openapi
    return endpoint


class ApiRoute(APIRoute):
    """Every route of the API: refuses NUL characters, which Postgres can't keep, and honours Idempotency-Key."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        once = _once(handler, self.name) if getattr(self.endpoint, "__creates__", False) else handler

        async def checked(request: Request) -> Response:
            await _refuse_nul(request)
            return await once(request)

        return checked


async def _refuse_nul(request: Request) -> None:
    asked = unquote(f"{request.scope.get('raw_path', b'').decode('latin-1')}?{request.url.query}")
    body = await request.body() if request.method not in ("GET", "HEAD", "DELETE") else b""
    if "\x00" in asked or b"\x00" in body or b"\\u0000" in body:
        raise InvalidRequest("the request holds a NUL character (U+0000): leave it out")


@dataclass(frozen=True)
class _Claim:
    """A key in the hands of one request."""

    session: Session
    vault: Vault
    principal: Principal
    key: str

    @property
    def context(self) -> str:
        return f"idempotency:{self.principal.tenant_id}:{self.principal.subject}"

    async def take(self, operation: str, fingerprint: str) -> Response | None:
        """None: ours, do the work. A response: the answer of the first time. Raises KeyReused, StillRunning."""
        found = cast(
            "dict[str, Any]",
            await self.session.call(
                "claim_idempotency_key_v1",
                p_tenant_id=str(self.principal.tenant_id),
                p_key=self.key,
                p_operation=operation,
                p_fingerprint=fingerprint,
                p_seconds=_CLAIM_SECONDS,
                p_on_behalf_of=self.session.on_behalf_of,
            ),
        )
        match found["outcome"]:
            case "claimed":
                return None
            case "done":
                return self._replayed(found["status"], found["answer"])
            case "running":
                wait = str(int(found["retry_after"]))
                raise StillRunning(StillRunning.example, headers={"retry-after": wait})
            case _:
                raise KeyReused(KeyReused.example)

    def _replayed(self, status: int, sealed: str) -> Response:
        try:
            opened = self.vault.unseal(sealed, context=self.context, at_most=_MOST_ANSWER)
        except SecretUnreadable as error:
            raise KeyReused(
                "the answer to this key can't be read any more: look whether it was made, then use another"
            ) from error
        kept = json.loads(opened.get_secret_value())
        headers = {**kept["headers"], "idempotency-replayed": "true"}
        return Response(base64.b64decode(kept["body"]), status_code=status, headers=headers)

    async def complete(self, response: Response) -> None:
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        kept = {"headers": headers, "body": base64.b64encode(bytes(response.body)).decode()}
        sealed = self.vault.seal(SecretStr(json.dumps(kept)), context=self.context, at_most=_MOST_ANSWER)
        await self._write(response.status_code, sealed)

    async def give_back(self) -> None:
        await self._write(None, None)

    async def _write(self, status: int | None, sealed: str | None) -> None:
        """Best effort: the work is done or not, whatever becomes of this; a claim that stays lapses by itself."""
        try:
            await self.session.call(
                "complete_idempotency_key_v1",
                p_tenant_id=str(self.principal.tenant_id),
                p_key=self.key,
                p_status=status,
                p_answer=sealed,
                p_on_behalf_of=self.session.on_behalf_of,
            )
        except DomainError as error:
            _log.warning("idempotency.not_written", code=error.code)


def _once(handler: Handler, operation: str) -> Handler:
    async def once(request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if not key or len(key) > 255:  # too long: the parameter's own check says so
            return await handler(request)
        principal = await acting_principal(request)
        if principal is None:  # the row's id, made of the key, is what makes it one
            return await handler(request)
        session = find_provided(request, Sessions).open(principal.access)
        claim = _Claim(session, find_provided(request, Vault), principal, key)
        replayed = await claim.take(f"{operation} {request.url.path}", await _fingerprint(request))
        if replayed is not None:
            return replayed
        try:
            response = await handler(request)
        except BaseException:
            await claim.give_back()
            raise
        await (claim.complete(response) if response.status_code < 300 else claim.give_back())
        return response

    return once


async def _fingerprint(request: Request) -> str:
    """Of what was asked: the body as JSON means it, and the query."""
    body = await request.body()
    try:
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):  # no JSON, or too deep to be anything we take: the endpoint says so
        body = bytes(body)
    return hashlib.sha256(request.url.query.encode() + b"\n" + body).hexdigest()
