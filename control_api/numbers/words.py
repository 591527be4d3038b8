"""What a carrier's state means, in sentences for a number's owner. Pure."""

from collections.abc import Iterator

from control_api.numbers.carrier import AddressRequirement, Routing, RoutingKind

_ADDRESSES: dict[AddressRequirement, str] = {
    "none": "no address",
    "any": "an address of the business, anywhere",
    "local": "an address of the business in the number's country",
    "foreign": "an address of the business outside the number's country",
}


def routing_words(kind: RoutingKind, target: str | None) -> str:
    """To stand behind "its calls go to"."""
    match kind:
        case "trunk":
            return f"a SIP trunk at the carrier ({target})"
        case "application":
            return f"an application at the carrier ({target})"
        case "webhook":
            return f"a webhook at {target}" if target else "a webhook"
        case "none":
            return "nobody: nothing is set up for them"


def takeover_words(routing: Routing) -> str:
    where = routing_words(routing.kind, routing.target)
    return f"calls to this number go to {where}: send confirm_takeover to lead them to AVA instead"


def address_words(requirement: AddressRequirement) -> str:
    return _ADDRESSES[requirement]


def needs_of(address: AddressRequirement, needs_bundle: bool | None) -> Iterator[str]:
    """What has to be given with a purchase. None of it: nothing is asked for."""
    if address != "none":
        yield f"{address_words(address)}: name it with address_sid"
    if needs_bundle:
        yield "papers approved by the carrier: name them with bundle_sid, see GET /v1/available-numbers/requirements"
    if needs_bundle is None:
        yield "perhaps papers: the carrier could not be asked just now"
