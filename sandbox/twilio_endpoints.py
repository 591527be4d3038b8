"""The endpoints of the Twilio stand-in, by product: what each reads from a request, does to the ledger and answers.

Owns: paths and parameters of the 2010 API (accounts, search, owned numbers, addresses), trunking v1, numbers v2 (regulations,
bundles) and pricing v1. Refuses: signing in, faults and errors' framing (`sandbox.twilio`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox import twilio_shapes as shapes
from sandbox.twilio_account import AccountRow, AddressRow, Ledger, Refusal, missing, not_found
from sandbox.twilio_inventory import COUNTRIES, KIND_PATHS, Offer, Pattern, regulation

_SWITCHES = {"SmsEnabled": "sms", "VoiceEnabled": "voice", "MmsEnabled": "mms", "FaxEnabled": "fax"}
_ADDRESS_FIELDS = ("CustomerName", "Street", "City", "Region", "PostalCode")


@dataclass(frozen=True)
class Asked:
    """A signed-in request. ``account`` is the one it acts on: the path's, where the path names one."""

    ledger: Ledger
    caller: AccountRow
    account: AccountRow
    base: str
    path: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    number_limit: int


Act = Callable[[Asked], Response]
Buy = Callable[[Asked], Awaitable[Response]]


def _answer(body: Any, status: int = 200) -> Response:
    return JSONResponse(body, status_code=status)


def _gone() -> Response:
    return Response(status_code=204)


# accounts


def fetch_account(asked: Asked) -> Response:
    return _answer(shapes.account_json(asked.account))


def list_accounts(asked: Asked) -> Response:
    rows = [a for a in asked.ledger.accounts.values() if asked.caller.sid in (a.sid, a.owner)]
    if name := asked.query.get("FriendlyName"):
        rows = [row for row in rows if row.name == name]
    if status := asked.query.get("Status"):
        rows = [row for row in rows if row.status == status]
    page = shapes.page_2010(asked.path, "accounts", rows, asked.query, sid=lambda r: r.sid, shape=shapes.account_json)
    return _answer(page)


def open_subaccount(asked: Asked) -> Response:
    row = asked.ledger.open_subaccount(asked.caller, asked.form.get("FriendlyName", "SubAccount"))
    return _answer(shapes.account_json(row), 201)


def update_account(asked: Asked) -> Response:
    if "FriendlyName" in asked.form:
        asked.account.name = asked.form["FriendlyName"]
    if "Status" in asked.form:
        asked.ledger.set_status(asked.account, asked.form["Status"])
    return _answer(shapes.account_json(asked.account))


# search


def show_country(asked: Asked) -> Response:
    country = COUNTRIES.get(asked.names["country"])
    if country is None:
        raise not_found(asked.path)
    return _answer(shapes.country_json(country, asked.account.sid))


def search_numbers(asked: Asked) -> Response:
    country, kind = COUNTRIES.get(asked.names["country"]), KIND_PATHS.get(asked.names["kind"])
    if country is None or kind is None or kind not in country.ranges:
        raise not_found(asked.path)
    contains = asked.query.get("Contains")
    if contains is not None and not Pattern(contains).valid:
        raise Refusal(400, 20001, "Contains is not a pattern of 2 to 16 characters")
    found = [
        o for o in asked.ledger.for_sale() if (o.country, o.kind) == (country.code, kind) and _fits(o, asked.query)
    ]
    size = max(1, min(int(asked.query.get("PageSize", "30")), 1_000))
    return _answer({"available_phone_numbers": [shapes.offer_json(o) for o in found[:size]], "uri": asked.path})


def _fits(offer: Offer, query: Mapping[str, str]) -> bool:
    switches = [offer.capabilities[name] for given, name in _SWITCHES.items() if query.get(given) == "true"]
    excluded = {
        "ExcludeAllAddressRequired": offer.address != "none",
        "ExcludeLocalAddressRequired": offer.address == "local",
        "ExcludeForeignAddressRequired": offer.address == "foreign",
    }
    area = query.get("AreaCode")
    contains = query.get("Contains")
    return (
        all(switches)
        and not any(out for name, out in excluded.items() if query.get(name) == "true")
        and (area is None or (offer.country == "US" and offer.e164.startswith(f"+1{area}")))
        and (contains is None or Pattern(contains).matches(offer.e164))
        and query.get("InLocality", offer.block.locality).casefold() == offer.block.locality.casefold()
        and query.get("InRegion", offer.block.region).casefold() == offer.block.region.casefold()
    )


# owned numbers


def list_numbers(asked: Asked) -> Response:
    rows = [row for row in asked.ledger.numbers.values() if row.account == asked.account.sid]
    if wanted := asked.query.get("PhoneNumber"):
        rows = [row for row in rows if wanted in row.e164]  # Twilio takes part of a number too
    if label := asked.query.get("FriendlyName"):
        rows = [row for row in rows if row.fields["friendly_name"] == label]
    page = shapes.page_2010(
        asked.path, "incoming_phone_numbers", rows, asked.query, sid=lambda r: r.sid, shape=shapes.number_json
    )
    return _answer(page)


def buy_number(asked: Asked) -> Response:
    row = asked.ledger.buy(asked.account, asked.form, limit=asked.number_limit)
    return _answer(shapes.number_json(row), 201)


def fetch_number(asked: Asked) -> Response:
    return _answer(shapes.number_json(asked.ledger.number(asked.account.sid, asked.names["sid"])))


def update_number(asked: Asked) -> Response:
    row = asked.ledger.number(asked.account.sid, asked.names["sid"])
    target = asked.form.get("AccountSid")
    if target is not None and target != row.account:
        asked.ledger.transfer(asked.caller, row, target, asked.form)
    asked.ledger.change(row, asked.form)
    return _answer(shapes.number_json(row))


def release_number(asked: Asked) -> Response:
    asked.ledger.release(asked.ledger.number(asked.account.sid, asked.names["sid"]))
    return _gone()


# addresses


def list_addresses(asked: Asked) -> Response:
    rows = [row for row in asked.ledger.addresses.values() if row.account == asked.account.sid]
    page = shapes.page_2010(asked.path, "addresses", rows, asked.query, sid=lambda r: r.sid, shape=shapes.address_json)
    return _answer(page)


def create_address(asked: Asked) -> Response:
    for name in (*_ADDRESS_FIELDS, "IsoCountry"):
        if not asked.form.get(name):
            raise missing(name)
    fields = {"customer_name" if n == "CustomerName" else "postal_code" if n == "PostalCode" else n.casefold(): asked.form[n]
              for n in _ADDRESS_FIELDS}  # fmt: skip
    fields["friendly_name"] = asked.form.get("FriendlyName", "")
    row = AddressRow(asked.ledger.new_sid("AD"), asked.account.sid, asked.form["IsoCountry"].upper(), fields)
    asked.ledger.addresses[row.sid] = row
    return _answer(shapes.address_json(row), 201)


# trunking v1: always the caller's own account; there is no other in the path


def list_trunks(asked: Asked) -> Response:
    rows = [row for row in asked.ledger.trunks.values() if row.account == asked.caller.sid]
    page = shapes.page_v1(
        asked.base + asked.path, "trunks", rows, asked.query,
        sid=lambda r: r.sid, shape=lambda r: shapes.trunk_json(r, asked.base),
    )  # fmt: skip
    return _answer(page)


def open_trunk(asked: Asked) -> Response:
    return _answer(shapes.trunk_json(asked.ledger.open_trunk(asked.caller.sid, asked.form), asked.base), 201)


def fetch_trunk(asked: Asked) -> Response:
    return _answer(shapes.trunk_json(asked.ledger.trunk(asked.caller.sid, asked.names["trunk"]), asked.base))


def update_trunk(asked: Asked) -> Response:
    row = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    asked.ledger.change_trunk(row, asked.form)
    return _answer(shapes.trunk_json(row, asked.base))


def close_trunk(asked: Asked) -> Response:
    asked.ledger.close_trunk(asked.ledger.trunk(asked.caller.sid, asked.names["trunk"]))
    return _gone()


def list_origination(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    page = shapes.page_v1(
        asked.base + asked.path, "origination_urls", list(trunk.origination.values()), asked.query,
        sid=lambda r: r.sid, shape=lambda r: shapes.origination_json(r, trunk, asked.base),
    )  # fmt: skip
    return _answer(page)


def create_origination(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    row = asked.ledger.set_origination(trunk, asked.form)
    return _answer(shapes.origination_json(row, trunk, asked.base), 201)


def _origination(asked: Asked) -> str:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    if asked.names["sid"] not in trunk.origination:
        raise not_found(asked.path)
    return asked.names["sid"]


def update_origination(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    row = asked.ledger.set_origination(trunk, asked.form, _origination(asked))
    return _answer(shapes.origination_json(row, trunk, asked.base))


def delete_origination(asked: Asked) -> Response:
    del asked.ledger.trunk(asked.caller.sid, asked.names["trunk"]).origination[_origination(asked)]
    return _gone()


def list_trunk_numbers(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    page = shapes.page_v1(
        asked.base + asked.path, "phone_numbers", asked.ledger.numbers_of(trunk), asked.query,
        sid=lambda r: r.sid, shape=lambda r: shapes.trunk_number_json(r, trunk, asked.base),
    )  # fmt: skip
    return _answer(page)


def attach_number(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    if "PhoneNumberSid" not in asked.form:
        raise missing("PhoneNumberSid")
    row = asked.ledger.number(asked.caller.sid, asked.form["PhoneNumberSid"])
    asked.ledger.route(row, {"TrunkSid": trunk.sid})
    return _answer(shapes.trunk_number_json(row, trunk, asked.base), 201)


def detach_number(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    row = asked.ledger.numbers.get(asked.names["sid"])
    if row is None or row.trunk_sid != trunk.sid:
        raise not_found(asked.path)
    row.trunk_sid = None
    return _gone()


# numbers v2


def list_regulations(asked: Asked) -> Response:
    country, kind = asked.query.get("IsoCountry", "").upper(), asked.query.get("NumberType")
    users = [asked.query["EndUserType"]] if "EndUserType" in asked.query else ["business", "individual"]
    rows = [
        found
        for code in ([country] if country else COUNTRIES)
        for path in KIND_PATHS.values()
        if kind in (None, path.replace("_", "-"))
        for user in users
        if (found := regulation(code, path, user)) is not None
    ]
    page = shapes.page_v1(
        asked.base + asked.path, "results", rows, asked.query, sid=lambda r: r["sid"], shape=lambda r: r
    )
    return _answer(page)


def list_bundles(asked: Asked) -> Response:
    rows = [row for row in asked.ledger.bundles.values() if row.account == asked.caller.sid]
    if status := asked.query.get("Status"):
        rows = [row for row in rows if row.status == status]
    page = shapes.page_v1(
        asked.base + asked.path, "results", rows, asked.query,
        sid=lambda r: r.sid, shape=lambda r: shapes.bundle_json(r, asked.base),
    )  # fmt: skip
    return _answer(page)


def fetch_bundle(asked: Asked) -> Response:
    row = asked.ledger.bundles.get(asked.names["sid"])
    if row is None or row.account != asked.caller.sid:
        raise not_found(asked.path)
    return _answer(shapes.bundle_json(row, asked.base))


# pricing v1


def show_prices(asked: Asked) -> Response:
    country = COUNTRIES.get(asked.names["country"].upper())
    if country is None:
        raise not_found(asked.path)
    return _answer(shapes.prices_json(country, asked.base))
