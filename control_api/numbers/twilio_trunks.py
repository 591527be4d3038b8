"""A Twilio SIP trunk put in order: there once, leading to our SIP addresses in their order, with transfers allowed, and asking
us what to do with a call that none of them took.

Owns: finding a trunk by its label, making it, and putting right what drifted. Refuses: which numbers use it, and how calls out
sign in there (`numbers.twilio_sign_in`).

The trunk's domain name is unique in all of Twilio, so two requests that make one label's trunk at the same time make one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from twilio.base import values

from control_api.numbers import twilio_sign_in
from control_api.numbers.carrier import SipTrunk, TrunkDrift, TrunkWish, is_encrypted
from control_api.numbers.carrier_errors import CarrierRefused, NotFoundAtCarrier
from control_api.numbers.fallback import is_recovery_url
from control_api.numbers.twilio_calls import Products, TwilioCalls
from control_api.numbers.twilio_wire import DOMAIN_TAKEN, WireError

TRANSFERS: Final = "enable-all"  # without it Twilio refuses a SIP REFER to the telephone network
_SUFFIX = "pstn.twilio.com"
_HINT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SHARE, _FIRST_RANK = 1, 1
_METHOD = "POST"


@dataclass(frozen=True)
class Settings:
    """What may drift of a trunk itself. `recovery_url`: its disaster recovery URL, None where it has none. `domain_name`: where
    it takes calls out."""

    secure: bool
    transfer_mode: str
    recovery_url: str | None = field(repr=False)
    domain_name: str | None


@dataclass(frozen=True)
class FoundTrunk:
    trunk_sid: str
    label: str
    settings: Settings


@dataclass(frozen=True)
class Destination:
    """An origination URL: where calls that reach the trunk are sent. `rank`: 1 is rung first; None: it is off, or shares its
    calls with another."""

    sid: str
    sip_uri: str
    label: str
    rank: int | None


async def ensure_trunk(calls: TwilioCalls, wish: TrunkWish) -> SipTrunk:
    """See `Carrier.ensure_trunk`."""
    _check(wish)
    trunk = await find_trunk(calls, wish)
    if trunk is None:
        trunk = await _make(calls, wish)
    if trunk.settings != (right := _right(trunk.settings, wish)):
        trunk = await _correct(calls, trunk, right, wish)
    await _lead(calls, trunk, _destinations_of(wish))
    made = SipTrunk(trunk.trunk_sid, trunk.label, wish["sip_uri"], trunk.settings.domain_name)
    if (sign_in := wish.get("sign_in")) is None:
        return made
    set_at = await twilio_sign_in.ensure_sign_in(calls, trunk.trunk_sid, trunk.label, sign_in)
    return replace(made, sign_in_set_at=set_at)


async def check_trunk(calls: TwilioCalls, wish: TrunkWish) -> tuple[TrunkDrift, ...]:
    """See `Carrier.check_trunk`."""
    _check(wish)
    trunk = await find_trunk(calls, wish)
    if trunk is None:
        return (TrunkDrift.GONE,)
    now, right = trunk.settings, _right(trunk.settings, wish)
    leads = sorted((one.rank or 0, one.sip_uri) for one in await _destinations(calls, trunk))
    checks = {
        TrunkDrift.NO_TRANSFERS: now.transfer_mode != right.transfer_mode,
        TrunkDrift.OTHER_SECURITY: now.secure != right.secure,
        TrunkDrift.OTHER_RECOVERY: now.recovery_url != right.recovery_url,
        TrunkDrift.OTHER_DESTINATIONS: leads != [(rank, uri) for uri, rank in _destinations_of(wish)],
        TrunkDrift.OTHER_DOMAIN: now.domain_name != right.domain_name,
    }
    wrong = [drift for drift, found in checks.items() if found]
    if (sign_in := wish.get("sign_in")) is not None:
        wrong += await twilio_sign_in.check_sign_in(calls, trunk.trunk_sid, trunk.label, sign_in)
    return tuple(wrong)


def domain_of(domain_hint: str) -> str:
    """See `CarrierAccounts.domain_of`."""
    return f"{domain_hint}.{_SUFFIX}"


def _check(wish: TrunkWish) -> None:
    if not _HINT.fullmatch(wish["domain_hint"]):
        raise ValueError("a trunk's name has lower-case letters, digits and hyphens, and at most 63 of them")
    if not all(uri.startswith(("sip:", "sips:")) for uri, _ in _destinations_of(wish)):
        raise ValueError("a trunk leads to a SIP address, as in sip:example.sip.livekit.cloud;transport=tcp")


def _destinations_of(wish: TrunkWish) -> list[tuple[str, int]]:
    """With the rank of each."""
    uris = dict.fromkeys(uri for uri in (wish["sip_uri"], wish.get("standby_uri")) if uri)
    return [(uri, rank) for rank, uri in enumerate(uris, _FIRST_RANK)]


def _right(now: Settings | None, wish: TrunkWish) -> Settings:
    """What a trunk's settings should be, given what they are. Somebody else's recovery stays where we have none, and another
    domain where nobody calls out."""
    recovery, domain = wish.get("recovery_url"), domain_of(wish["domain_hint"])
    if recovery is None and now is not None and now.recovery_url and not is_recovery_url(now.recovery_url):
        recovery = now.recovery_url
    if now is not None and wish.get("sign_in") is None:
        domain = now.domain_name
    return Settings(is_encrypted(wish["sip_uri"]), TRANSFERS, recovery, domain)


async def find_trunk(calls: TwilioCalls, wish: TrunkWish) -> FoundTrunk | None:
    """Where somebody made more of the same label by hand: the one of our domain, else that with the lowest id."""
    label, domain = wish["label"], domain_of(wish["domain_hint"])

    async def ask(twilio: Products) -> list[FoundTrunk]:
        return [_parse_trunk(row) for row in await twilio.trunks.list_async(page_size=calls.page_size)]

    rows = await calls.read(ask, doing="listing trunks", seconds=calls.deadlines.listing)
    ours = (row for row in rows if row.label == label)
    return min(ours, key=lambda row: (row.settings.domain_name != domain, row.trunk_sid), default=None)


async def _make(calls: TwilioCalls, wish: TrunkWish) -> FoundTrunk:
    right = _right(None, wish)

    async def send(twilio: Products) -> FoundTrunk:
        made = await twilio.trunks.create_async(
            friendly_name=wish["label"],
            domain_name=right.domain_name,
            secure=right.secure,
            transfer_mode=right.transfer_mode,
            disaster_recovery_url=right.recovery_url or values.unset,
            disaster_recovery_method=_METHOD if right.recovery_url else values.unset,
        )
        return _parse_trunk(made)

    try:
        return await calls.write(send, look=lambda: find_trunk(calls, wish), doing="making a trunk")
    except CarrierRefused as refused:
        if refused.carrier_code != DOMAIN_TAKEN:
            raise
        made_meanwhile = await find_trunk(calls, wish)
        if made_meanwhile is None:
            raise
        return made_meanwhile


async def _correct(calls: TwilioCalls, trunk: FoundTrunk, right: Settings, wish: TrunkWish) -> FoundTrunk:
    async def send(twilio: Products) -> FoundTrunk:
        moved = right.recovery_url != trunk.settings.recovery_url
        renamed = right.domain_name != trunk.settings.domain_name
        context = twilio.trunks(trunk.trunk_sid)
        row = await context.update_async(
            secure=right.secure,
            transfer_mode=right.transfer_mode,
            disaster_recovery_url=(right.recovery_url or "") if moved else values.unset,
            disaster_recovery_method=_METHOD if moved and right.recovery_url else values.unset,
            domain_name=(right.domain_name or values.unset) if renamed else values.unset,
        )
        return _parse_trunk(row)

    async def look() -> FoundTrunk | None:
        found = await find_trunk(calls, wish)
        return found if found is not None and found.settings == right else None

    return await calls.write(send, look=look, doing="correcting a trunk")


async def _lead(calls: TwilioCalls, trunk: FoundTrunk, wanted: Sequence[tuple[str, int]]) -> None:
    """What is right is made before what is wrong goes: at no time does the trunk lead nowhere."""
    known = await _destinations(calls, trunk)
    named = {one.sip_uri: one for one in known}
    spare = [one for one in known if one.label == trunk.label and one.sip_uri not in dict(wanted)]
    kept: set[str] = set()
    for sip_uri, rank in wanted:
        right = named.get(sip_uri) or (spare.pop(0) if spare else None)
        if right is None or (right.sip_uri, right.rank) != (sip_uri, rank):
            right = await _set_destination(calls, trunk, sip_uri, rank, right)
        kept.add(right.sid)
    for other in known:
        if other.sid not in kept:
            await _drop_destination(calls, trunk, other)


async def _destinations(calls: TwilioCalls, trunk: FoundTrunk) -> Sequence[Destination]:
    async def ask(twilio: Products) -> list[Destination]:
        rows = await twilio.trunks(trunk.trunk_sid).origination_urls.list_async(page_size=calls.page_size)
        return [_parse_destination(row) for row in rows]

    return await calls.read(ask, doing="reading where a trunk leads")


async def _set_destination(
    calls: TwilioCalls, trunk: FoundTrunk, sip_uri: str, rank: int, known: Destination | None
) -> Destination:
    async def send(twilio: Products) -> Destination:
        urls = twilio.trunks(trunk.trunk_sid).origination_urls
        put = urls.create_async if known is None else urls(known.sid).update_async
        row = await put(weight=_SHARE, priority=rank, enabled=True, friendly_name=trunk.label, sip_url=sip_uri)
        return _parse_destination(row)

    async def look() -> Destination | None:
        found = await _destinations(calls, trunk)
        return next((one for one in found if (one.sip_uri, one.rank) == (sip_uri, rank)), None)

    return await calls.write(send, look=look, doing="leading a trunk to the line")


async def _drop_destination(calls: TwilioCalls, trunk: FoundTrunk, other: Destination) -> None:
    async def send(twilio: Products) -> bool:
        return await twilio.trunks(trunk.trunk_sid).origination_urls(other.sid).delete_async()

    async def look() -> bool | None:
        gone = all(one.sid != other.sid for one in await _destinations(calls, trunk))
        return True if gone else None

    try:
        await calls.write(send, look=look, doing="taking a trunk off another destination")
    except NotFoundAtCarrier:
        return


def _parse_trunk(row: Any) -> FoundTrunk:
    if not isinstance(row.sid, str) or not row.sid:
        raise WireError("a trunk without an id")
    recovery = row.disaster_recovery_url or None
    if recovery and (row.disaster_recovery_method or _METHOD) != _METHOD:
        recovery = f"{row.disaster_recovery_method} {recovery}"  # asked otherwise, it is another address
    settings = Settings(bool(row.secure), row.transfer_mode or "", recovery, row.domain_name or None)
    return FoundTrunk(row.sid, row.friendly_name or "", settings)


def _parse_destination(row: Any) -> Destination:
    if not isinstance(row.sid, str) or not isinstance(row.sip_url, str):
        raise WireError("an origination URL without an id or an address")
    rank = row.priority if row.enabled and row.weight == _SHARE else None
    return Destination(row.sid, row.sip_url, row.friendly_name or "", rank)
