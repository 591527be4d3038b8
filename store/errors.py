"""What the database said, in the vocabulary of the contracts.

Owns: the SQLSTATEs our functions raise, and the translation of answers and network failures. Refuses: deciding what to
do next: `StoreUnavailable` may be tried again, `StoreRejected` may not, and only `StoreMisconfigured` is for an operator.
"""

import json
from typing import Any, cast

import httpx

from contracts.errors import CallNotAnswerable, DomainError, StoreRejected, StoreUnavailable

CALL_NOT_OPEN = "AVA01"
VERSION_IMMUTABLE = "AVA02"
CALLS_PKEY = "calls_pkey"

# What our functions say to people: supabase/migrations/20261127000100_add_actor_checks_v1.sql
_TOLD = ("AVA03", "AVA04", "AVA05", "AVA06", "AVA07")

# Postgres: connection failures, out of resources, shutting down, statement timeout, serialisation and deadlock.
_TRANSIENT_CLASSES = ("08", "53", "57", "40", "58")
_MISSING_OBJECT = {"42P01", "42883", "PGRST202", "PGRST205"}
_PERMISSION = {"42501", "PGRST301", "PGRST302", "PGRST303"}
_EXPIRED = {"PGRST301", "PGRST303"}
_KEY = "check SUPABASE_SERVICE_ROLE_KEY and SUPABASE_URL: they must belong to one project, and the key must be a secret one"


class StoreMisconfigured(StoreRejected):
    """A key, an address or the schema is wrong. The data is sound and can be sent again once that is put right."""

    code = "store_misconfigured"


class CallNotOpen(StoreRejected):
    """Something was sent for a call that has no row yet: open it first."""

    code = "call_not_open"


class CallIdentityClash(StoreRejected):
    """Two SIP call ids claim one call id."""

    code = "call_identity_clash"


class WebCallOver(CallNotAnswerable):
    """A test call that has ended: its token was used again. Another call needs another token."""

    code = "web_call_over"


class Told(DomainError):
    """One of our functions refused, in words for the person who asked. `reason` is the stable word for machines, `figure` what
    the function added (a revision, a limit)."""

    code = "refused"

    def __init__(self, message: str, *, reason: str = "", figure: str = "") -> None:
        super().__init__(message)
        self.reason = reason or self.code
        self.figure = figure


class RowNotFound(Told):
    """Nothing of that id in that tenant; also where the tenant is somebody else's."""

    code = "not_found"


class NotAllowed(Told):
    """A member of the tenant, but not of a role that may."""

    code = "not_allowed"


class Conflicting(Told):
    """It can't be done in the state things are in."""

    code = "conflict"


class Stale(Told):
    """Somebody else changed it since it was read; `figure` is the revision it has now."""

    code = "stale"


class Unacceptable(Told):
    """What was asked for breaks a rule of the database."""

    code = "unacceptable"


class TokenNotAccepted(DomainError):
    """The database refused a user's token: expired since we looked, or of an issuer it does not know."""

    code = "token_not_accepted"


_TELLING: dict[str, type[Told]] = dict(
    zip(_TOLD, (RowNotFound, NotAllowed, Conflicting, Stale, Unacceptable), strict=True)
)


def translate_answer(status: int, body: bytes) -> DomainError:
    """An HTTP answer of 400 or more. Its texts are not passed on where they may quote values."""
    said = _parse(body)
    code = str(said.get("code") or "")
    message = str(said.get("message") or "")
    if code == CALL_NOT_OPEN:
        return CallNotOpen("the call is not open in the database")
    if code == "23505" and CALLS_PKEY in message:
        return CallIdentityClash("another SIP call id has this call id")
    if told := _TELLING.get(code):
        return told(message, reason=str(said.get("hint") or ""), figure=str(said.get("details") or ""))
    if code in _EXPIRED and "expired" in message.lower():
        return TokenNotAccepted("the token has expired")
    if code in _MISSING_OBJECT or (status == 404 and not code):
        return StoreMisconfigured(
            f"the database lacks what this version needs ({code or status}): migrations are missing, run"
            " `supabase db push`, or SUPABASE_URL points elsewhere"
        )
    if status in (401, 403) or code in _PERMISSION:
        return StoreMisconfigured(f"the database refused the key ({code or status}): {_KEY}")
    if status >= 500 or status in (408, 425, 429) or code.startswith((*_TRANSIENT_CLASSES, "PGRST00")):
        return StoreUnavailable(f"the database could not answer ({code or status})")
    return StoreRejected(f"the database refused the request ({code or status})")


def translate_failure(error: httpx.HTTPError | httpx.InvalidURL | TimeoutError) -> DomainError:
    """A request that got no answer."""
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return StoreMisconfigured("SUPABASE_URL is not an address: write it as https://<project>.supabase.co")
    return StoreUnavailable(f"no answer from the database: {type(error).__name__}")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        said: Any = json.loads(body)
    except ValueError:
        return {}
    return cast(dict[str, Any], said) if isinstance(said, dict) else {}
