"""Twilio's answers as the carrier's types, and what each of its refusals means.

Owns: parsing the `twilio` client's objects, whose attributes are whatever the JSON had, and the table of error codes; pure.
Refuses: sending anything (`numbers.twilio_carrier`). Texts that Twilio sends never enter an error of ours.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, cast

from control_api.numbers.carrier import (
    AddressRequirement,
    Capability,
    EndUser,
    NumberKind,
    NumberQuery,
    OfferedNumber,
    OwnedNumber,
    Price,
    Regulation,
    Requirement,
    Routing,
)
from control_api.numbers.carrier_errors import (
    AddressRequired,
    BundleRequired,
    CarrierError,
    CarrierRefused,
    CredentialsRefused,
    NotFoundAtCarrier,
    NumberLimitReached,
    NumberNotAvailable,
    NumbersNotOffered,
)
from control_api.numbers.twilio_http import Refused

DOMAIN_TAKEN: Final = 21248
LIST_REFUSED: Final = 21240
"""A credential list or a credential: its name is there already, the password too weak, or the account has 100 lists."""
REGULATION_KINDS: Final[dict[NumberKind, str]] = {
    "local": "local",
    "mobile": "mobile",
    "toll_free": "toll-free",
    "national": "national",
}
_CAPABILITIES: Final[tuple[Capability, ...]] = ("voice", "sms", "mms", "fax")
_REQUIREMENTS: Final[tuple[AddressRequirement, ...]] = ("none", "any", "local", "foreign")

_ADDRESS = (
    "the country of this number wants an address of the business: add one that fits to the Twilio account, and name it when"
    " buying"
)
_BUNDLE = (
    "the country of this number wants papers: have a regulatory bundle for it approved in this Twilio account, and name it when"
    " buying"
)
_NO_AREA = "there are no numbers with this area code: try another, or search without one"
_LIMIT = "this Twilio account may not have more numbers: upgrade it from trial, or ask Twilio to raise its limit"
_BY_CODE: Final[dict[int, tuple[type[CarrierError], str]]] = {
    10002: (NumberLimitReached, _LIMIT),
    21404: (NumberLimitReached, _LIMIT),
    21422: (NumberNotAvailable, "somebody else has this number by now: choose another"),
    21450: (NumbersNotOffered, _NO_AREA),
    21451: (NumbersNotOffered, _NO_AREA),
    21452: (NumbersNotOffered, _NO_AREA),
    21613: (AddressRequired, _ADDRESS),
    21615: (AddressRequired, _ADDRESS),
    21628: (AddressRequired, "Twilio can't validate the address: correct it in the Twilio account"),
    21631: (AddressRequired, _ADDRESS),
    21649: (BundleRequired, _BUNDLE),
    21651: (BundleRequired, _BUNDLE),
}
_WORDS: Final[dict[int, str]] = {
    21421: "Twilio takes this for no telephone number: choose one from a search",
    DOMAIN_TAKEN: "the name of this trunk is taken at Twilio: give it another",
    LIST_REFUSED: "Twilio takes no further sign-in for calls out: delete credential lists that nobody uses in its console",
}


class WireError(ValueError):
    """The answer is not of the shape that Twilio promises."""


def to_error(refused: Refused, *, doing: str) -> CarrierError:
    """What a refusal means. `doing` names the operation in words for the owner."""
    where = f"HTTP {refused.status}, code {refused.code or 'none'}"
    match refused.status:
        case 401:
            return CredentialsRefused(
                f"Twilio refuses these credentials: copy Account SID and Auth Token from the Twilio console again ({where})"
            )
        case 403:
            return CredentialsRefused(
                f"the Twilio account may not do this: {doing}; see in the Twilio console whether it is suspended, and use its"
                f" live credentials, not the test ones ({where})"
            )
        case 404:
            return NotFoundAtCarrier(f"the Twilio account does not have this (any more): {doing} ({where})")
        case _:
            if refused.code in _BY_CODE:
                kind, words = _BY_CODE[refused.code]
                return kind(f"{words} (code {refused.code})")
            words = _WORDS.get(refused.code, f"Twilio refused: {doing}; its error directory explains the code")
            return CarrierRefused(f"{words} ({where})", carrier_code=refused.code or None)


def parse_owned(row: Any) -> OwnedNumber:
    routing = Routing(
        trunk_sid=_text(row.trunk_sid),
        application_sid=_text(row.voice_application_sid),
        voice_url=_text(row.voice_url),
        voice_method=_text(row.voice_method) or "POST",
        fallback_url=_text(row.voice_fallback_url),
        fallback_method=_text(row.voice_fallback_method) or "POST",
    )
    return OwnedNumber(
        number_sid=_needed(row.sid, "sid"),
        e164=_needed(row.phone_number, "phone_number"),
        label=_text(row.friendly_name) or "",
        capabilities=_capabilities(row.capabilities),
        address_requirement=_requirement(row.address_requirements),
        routing=routing,
        address_sid=_text(row.address_sid),
        bundle_sid=_text(row.bundle_sid),
    )


def parse_offer(row: Any, query: NumberQuery, *, needs_bundle: bool | None, price: Price | None) -> OfferedNumber:
    return OfferedNumber(
        e164=_needed(row.phone_number, "phone_number"),
        country=_text(row.iso_country) or query.country,
        kind=query.kind,
        locality=_text(row.locality),
        region=_text(row.region),
        capabilities=_capabilities(row.capabilities),
        address_requirement=_requirement(row.address_requirements),
        needs_bundle=needs_bundle,
        monthly_price=price.amount if price else None,
        currency=price.currency if price else None,
    )


def parse_price(country: Any, kind: NumberKind) -> Price | None:
    """Twilio writes "toll free" with a space here, with a hyphen in regulations."""
    for row in _rows(country.phone_number_prices):
        if str(row.get("number_type")).replace("-", "_").replace(" ", "_") == kind:
            return Price(_amount(row.get("current_price")), _needed(country.price_unit, "price_unit").upper())
    return None


def parse_regulation(row: Any, country: str, kind: NumberKind, end_user: EndUser) -> Regulation:
    """Supporting documents come as lists of lists; end users as one list."""
    asked: Any = row.requirements
    if not isinstance(asked, dict):
        raise WireError("a regulation without requirements")
    held = cast(dict[str, Any], asked)
    requirements = [
        *(_required("end_user", found) for found in _flat(held.get("end_user"))),
        *(_required("document", found) for found in _flat(held.get("supporting_document"))),
    ]
    sid, title = _needed(row.sid, "sid"), _text(row.friendly_name) or ""
    return Regulation(sid, title, country, kind, end_user, tuple(requirements))


def _required(kind: Literal["end_user", "document"], row: dict[str, Any]) -> Requirement:
    accepted = _rows(row.get("accepted_documents"))
    fields = [*_names(row.get("fields")), *(name for one in accepted for name in _names(one.get("fields")))]
    return Requirement(
        kind=kind,
        name=_text(row.get("name")) or "",
        description=_text(row.get("description")) or "",
        fields=tuple(dict.fromkeys(fields)),
        accepted=tuple(name for one in accepted if (name := _text(one.get("name")))),
    )


def _names(value: Any) -> list[str]:
    """A field is its name, or an object that has one under `machine_name` or `name`."""
    if not isinstance(value, list):
        return []
    found: list[str] = []
    for one in cast(list[Any], value):
        named = cast(dict[str, Any], one) if isinstance(one, dict) else {"name": one}
        if name := _text(named.get("machine_name")) or _text(named.get("name")):
            found.append(name)
    return found


def _flat(value: Any) -> Iterable[dict[str, Any]]:
    for one in cast(list[Any], value) if isinstance(value, list) else []:
        yield from _flat(one) if isinstance(one, list) else _rows([one])


def _rows(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast(dict[str, Any], one) for one in cast(list[Any], value) if isinstance(one, dict)]


def _text(value: Any) -> str | None:
    """Twilio leaves out what is not set as null here and as "" there."""
    return value if isinstance(value, str) and value else None


def _needed(value: Any, name: str) -> str:
    found = _text(value)
    if found is None:
        raise WireError(f"{name} is missing")
    return found


def _amount(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise WireError("a price is no number") from error


def _capabilities(value: Any) -> frozenset[Capability]:
    held: dict[str, Any] = {}
    if isinstance(value, dict):
        held = {str(name).casefold(): has for name, has in cast(dict[str, Any], value).items()}
    return frozenset(name for name in _CAPABILITIES if held.get(name) is True)


def _requirement(value: Any) -> AddressRequirement:
    """What this version does not know is taken for the least that can be meant: some address."""
    known: dict[Any, AddressRequirement] = {name: name for name in _REQUIREMENTS}
    return known.get(value, "any") if value else "none"
