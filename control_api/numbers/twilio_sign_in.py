"""How calls out get into a Twilio trunk: a credential list of the trunk's own label, one credential of ours in it, attached.

Owns: finding each of the three by what it is called, making it once, setting the password again where Twilio may have another.
Refuses: making and keeping the password (`numbers.accounts`), and the trunk itself (`numbers.twilio_trunks`).

Twilio shows no password, but says when a credential was last changed: that is remembered, and anything else means that somebody
else set one. A name is unique in its list and a list's in its account, so two who make one at the same time make one. Attaching
comes last: from then on Twilio asks whoever calls out to sign in.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from control_api.numbers.carrier import SignIn, TrunkDrift
from control_api.numbers.carrier_errors import CarrierRefused
from control_api.numbers.twilio_calls import Products, TwilioCalls
from control_api.numbers.twilio_wire import WireError

T = TypeVar("T")


@dataclass(frozen=True)
class Credential:
    """`set_at`: when it was last changed."""

    sid: str
    username: str
    set_at: datetime


async def ensure_sign_in(calls: TwilioCalls, trunk_sid: str, label: str, sign_in: SignIn) -> datetime:
    """Calls out get into the trunk with it -> `SignIn.set_at` as it is now."""
    list_sid = await _find_list(calls, label) or await _make_list(calls, label)
    credential = await _find_credential(calls, list_sid, sign_in.username)
    if credential is None:
        credential = await _make_credential(calls, list_sid, sign_in)
    elif credential.set_at != sign_in.set_at:
        credential = await _set_password(calls, list_sid, credential, sign_in)
    if list_sid not in await _attached(calls, trunk_sid):
        await _attach(calls, trunk_sid, list_sid)
    return credential.set_at


async def check_sign_in(calls: TwilioCalls, trunk_sid: str, label: str, sign_in: SignIn) -> list[TrunkDrift]:
    """What `ensure_sign_in` would put right."""
    list_sid = await _find_list(calls, label)
    if list_sid is None or list_sid not in await _attached(calls, trunk_sid):
        return [TrunkDrift.NO_SIGN_IN]
    credential = await _find_credential(calls, list_sid, sign_in.username)
    if credential is None:
        return [TrunkDrift.NO_SIGN_IN]
    return [] if credential.set_at == sign_in.set_at else [TrunkDrift.OTHER_PASSWORD]


async def _find_list(calls: TwilioCalls, label: str) -> str | None:
    async def ask(twilio: Products) -> list[tuple[str, str]]:
        rows = await twilio.account.sip.credential_lists.list_async(page_size=calls.page_size)
        return [(_sid(row), row.friendly_name or "") for row in rows]

    rows = await calls.read(ask, doing="listing sign-ins for calls out", seconds=calls.deadlines.listing)
    return min((sid for sid, name in rows if name == label), default=None)


async def _make_list(calls: TwilioCalls, label: str) -> str:
    async def send(twilio: Products) -> str:
        return _sid(await twilio.account.sip.credential_lists.create_async(friendly_name=label))

    return await _once(calls, send, lambda: _find_list(calls, label), doing="making a list of sign-ins for calls out")


async def _find_credential(calls: TwilioCalls, list_sid: str, username: str) -> Credential | None:
    async def ask(twilio: Products) -> list[Credential]:
        credentials = twilio.account.sip.credential_lists(list_sid).credentials
        return [_parse(row) for row in await credentials.list_async(page_size=calls.page_size)]

    rows = await calls.read(ask, doing="reading the sign-ins for calls out")
    return next((row for row in rows if row.username == username), None)


async def _make_credential(calls: TwilioCalls, list_sid: str, sign_in: SignIn) -> Credential:
    async def send(twilio: Products) -> Credential:
        credentials = twilio.account.sip.credential_lists(list_sid).credentials
        password = sign_in.password.get_secret_value()
        return _parse(await credentials.create_async(username=sign_in.username, password=password))

    return await _once(
        calls,
        send,
        lambda: _find_credential(calls, list_sid, sign_in.username),
        doing="making a sign-in for calls out",
    )


async def _set_password(calls: TwilioCalls, list_sid: str, known: Credential, sign_in: SignIn) -> Credential:
    """A change within the second of the one before can't be told from none: then it is unconfirmed, and done again."""

    async def send(twilio: Products) -> Credential:
        credential = twilio.account.sip.credential_lists(list_sid).credentials(known.sid)
        return _parse(await credential.update_async(password=sign_in.password.get_secret_value()))

    async def look() -> Credential | None:
        found = await _find_credential(calls, list_sid, known.username)
        return found if found is not None and found.set_at != known.set_at else None

    return await calls.write(send, look=look, doing="setting the password for calls out")


async def _attached(calls: TwilioCalls, trunk_sid: str) -> set[str]:
    async def ask(twilio: Products) -> set[str]:
        lists = twilio.trunks(trunk_sid).credentials_lists
        return {_sid(row) for row in await lists.list_async(page_size=calls.page_size)}

    return await calls.read(ask, doing="reading who gets into a trunk")


async def _attach(calls: TwilioCalls, trunk_sid: str, list_sid: str) -> None:
    async def send(twilio: Products) -> bool:
        _sid(await twilio.trunks(trunk_sid).credentials_lists.create_async(credential_list_sid=list_sid))
        return True

    async def look() -> bool | None:
        return True if list_sid in await _attached(calls, trunk_sid) else None

    await _once(calls, send, look, doing="letting calls out into a trunk")


async def _once(
    calls: TwilioCalls,
    send: Callable[[Products], Awaitable[T]],
    look: Callable[[], Awaitable[T | None]],
    *,
    doing: str,
) -> T:
    """A refusal can mean that somebody was quicker; then it is there."""
    try:
        return await calls.write(send, look=look, doing=doing)
    except CarrierRefused:
        made_meanwhile = await look()
        if made_meanwhile is None:
            raise
        return made_meanwhile


def _sid(row: Any) -> str:
    if not isinstance(row.sid, str) or not row.sid:
        raise WireError("a credential list without an id")
    return row.sid


def _parse(row: Any) -> Credential:
    at: Any = row.date_updated or row.date_created
    if not isinstance(row.username, str) or not isinstance(at, datetime):
        raise WireError("a credential without a name or a date")
    return Credential(_sid(row), row.username, at if at.tzinfo else at.replace(tzinfo=UTC))
