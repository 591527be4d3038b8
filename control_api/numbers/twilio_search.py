"""What Twilio has for sale, what it costs and what a country asks for it.

Owns: search, prices and regulations of one account. Refuses: buying (`numbers.twilio_carrier`), and holding a search up for its
extras: a price or a regulation that can't be read in time is unknown, not none.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

import phonenumbers

from control_api.numbers.carrier import EndUser, NumberKind, NumberQuery, OfferedNumber, Price, Regulation
from control_api.numbers.carrier_errors import CarrierError, NotFoundAtCarrier, NumbersNotOffered
from control_api.numbers.twilio_calls import Products, TwilioCalls
from control_api.numbers.twilio_wire import REGULATION_KINDS, parse_offer, parse_price, parse_regulation

_COUNTRY = re.compile(r"[A-Z]{2}")
_NORTH_AMERICA: Final = 1


async def search(calls: TwilioCalls, query: NumberQuery) -> Sequence[OfferedNumber]:
    country, prefix = _country(query.country), _prefix(query)

    async def ask(twilio: Products) -> list[OfferedNumber]:
        available = twilio.account.available_phone_numbers(country)
        lists: dict[NumberKind, Any] = {
            "local": available.local,
            "mobile": available.mobile,
            "toll_free": available.toll_free,
            "national": available.national,
        }
        rows = await lists[query.kind].list_async(**_filters(query, prefix), limit=query.limit)
        if not rows:
            return []
        price, bundle = await asyncio.gather(_price_if_known(calls, query), _bundle_if_known(calls, query))
        return [parse_offer(row, query, needs_bundle=bundle, price=price) for row in rows]

    try:
        found = await calls.read(ask, doing="searching numbers")
    except NotFoundAtCarrier:
        raise NumbersNotOffered(
            f"Twilio has no {query.kind.replace('_', '-')} numbers in {country}: try another kind of number"
        ) from None
    return [offer for offer in found if offer.e164.startswith(prefix or "+")]


async def _price_if_known(calls: TwilioCalls, query: NumberQuery) -> Price | None:
    try:
        return await monthly_price(calls, query.country, query.kind, seconds=calls.deadlines.extras)
    except CarrierError:
        return None


async def _bundle_if_known(calls: TwilioCalls, query: NumberQuery) -> bool | None:
    try:
        return bool(await requirements(calls, query.country, query.kind, "business", seconds=calls.deadlines.extras))
    except CarrierError:
        return None


async def requirements(
    calls: TwilioCalls, country: str, kind: NumberKind, end_user: EndUser, *, seconds: float | None = None
) -> Sequence[Regulation]:
    code = _country(country)

    async def ask(twilio: Products) -> list[Regulation]:
        rows = await twilio.regulations.list_async(
            iso_country=code, number_type=REGULATION_KINDS[kind], end_user_type=end_user, page_size=calls.page_size
        )
        return [parse_regulation(row, code, kind, end_user) for row in rows]

    return await calls.read(ask, doing="reading what the country asks for", seconds=seconds)


async def monthly_price(
    calls: TwilioCalls, country: str, kind: NumberKind, *, seconds: float | None = None
) -> Price | None:
    code = _country(country)

    async def ask(twilio: Products) -> Price | None:
        return parse_price(await twilio.prices(code).fetch_async(), kind)

    try:
        return await calls.read(ask, doing="reading prices", seconds=seconds)
    except NotFoundAtCarrier:
        return None


def _country(code: str) -> str:
    """It goes into a path as it is, so it has to be one."""
    country = code.upper()
    if not _COUNTRY.fullmatch(country):
        raise NumbersNotOffered("a country is two letters, as in FR")
    return country


def _prefix(query: NumberQuery) -> str | None:
    """Twilio filters by area code in North America only; elsewhere it is the beginning of the number."""
    code = phonenumbers.country_code_for_region(query.country.upper())
    if query.area_code is None or not code:
        return None
    return f"+{code}{query.area_code if code == _NORTH_AMERICA else query.area_code.lstrip('0')}"


def _filters(query: NumberQuery, prefix: str | None) -> dict[str, Any]:
    in_america = prefix is not None and prefix.startswith(f"+{_NORTH_AMERICA}")
    chosen: dict[str, Any] = {
        "area_code": query.area_code if in_america else None,
        "contains": query.contains or (None if in_america else prefix),
        "in_locality": query.locality,
    }
    enabled = {f"{capability}_enabled": True for capability in sorted(query.capabilities)}
    return {name: value for name, value in chosen.items() if value is not None} | enabled
