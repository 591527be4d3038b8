"""What the Twilio stand-in has for sale: countries, kinds of number, prices, and what each country asks of a buyer.

Owns: an inventory that is the same at every start, in ranges that no subscriber can have (the 555-01xx of North America,
Ofcom's and Arcep's ranges for fiction; for Israel, which reserves none, numbers whose first digit no subscriber has).
Refuses: being right about any country: which one asks for a bundle or an address, and what a number costs, are examples that
cover each combination. The real ones change, and are read from Twilio at run time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

Kind = Literal["local", "mobile", "toll_free", "national"]
AddressNeed = Literal["none", "any", "local", "foreign"]

KIND_PATHS: Final[Mapping[str, Kind]] = {
    "Local": "local",
    "Mobile": "mobile",
    "TollFree": "toll_free",
    "National": "national",
}

_NUMBERS_A_BLOCK = 12
_VOICE: Final = frozenset({"voice"})
_VOICE_SMS: Final = frozenset({"voice", "sms"})
_ALL: Final = frozenset({"voice", "sms", "mms"})


@dataclass(frozen=True)
class Block:
    """Twelve numbers in a row, from ``prefix`` + ``first`` on."""

    prefix: str
    first: int
    width: int
    locality: str = ""
    region: str = ""
    capabilities: frozenset[str] = _VOICE_SMS

    def numbers(self) -> Iterator[str]:
        for number in range(self.first, self.first + _NUMBERS_A_BLOCK):
            yield f"{self.prefix}{number:0{self.width}d}"


@dataclass(frozen=True)
class Range:
    """One kind of number in one country. ``price`` is a month's, in US dollars, as text like Twilio's."""

    price: str
    blocks: tuple[Block, ...]
    address: AddressNeed = "none"
    bundle: bool = False


@dataclass(frozen=True)
class Country:
    code: str
    name: str
    ranges: Mapping[Kind, Range]


@dataclass(frozen=True)
class Offer:
    """One number that could be bought."""

    e164: str
    country: str
    kind: Kind
    block: Block
    address: AddressNeed
    bundle: bool

    @property
    def capabilities(self) -> dict[str, bool]:
        return {name: name in self.block.capabilities for name in ("voice", "sms", "mms", "fax")}


_US = Country(
    "US",
    "United States",
    {
        "local": Range(
            "1.15",
            (
                Block("+1202555", 100, 4, "Washington", "DC", _ALL),
                Block("+1415555", 100, 4, "San Francisco", "CA", _ALL),
                Block("+1303555", 100, 4, "Denver", "CO", _VOICE),
            ),
        ),
        "toll_free": Range("2.15", (Block("+1800555", 100, 4, capabilities=_ALL),)),
    },
)
_GB = Country(
    "GB",
    "United Kingdom",
    {
        "local": Range(
            "1.15",
            (
                Block("+4420794600", 10, 2, "London", capabilities=_VOICE),
                Block("+44161496", 10, 4, "Manchester", capabilities=_VOICE),
            ),
            address="any",
        ),
        "mobile": Range("1.15", (Block("+447700900", 10, 3),), bundle=True),
        "toll_free": Range("2.15", (Block("+448081570", 10, 3, capabilities=_VOICE),), bundle=True),
        "national": Range("1.15", (Block("+443069990", 10, 3, capabilities=_VOICE),)),
    },
)
_FR = Country(
    "FR",
    "France",
    {
        "local": Range(
            "1.15",
            (
                Block("+331990000", 10, 2, "Paris", "IDF", _VOICE),
                Block("+332619100", 10, 2, "Rennes", "BRE", _VOICE),
                Block("+334657100", 10, 2, "Marseille", "PAC", _VOICE),
            ),
            address="local",
            bundle=True,
        ),
        "mobile": Range("6.00", (Block("+336399800", 10, 2),), address="any", bundle=True),
    },
)
_IL = Country(
    "IL",
    "Israel",
    {
        "local": Range("4.25", (Block("+9723000", 10, 4, "Tel Aviv", capabilities=_VOICE),), address="any"),
        "mobile": Range("15.00", (Block("+97255000", 10, 4),), address="foreign"),
        "national": Range("4.25", (Block("+97277000", 10, 4, capabilities=_VOICE),), bundle=True),
    },
)
COUNTRIES: Final[Mapping[str, Country]] = {country.code: country for country in (_US, _GB, _FR, _IL)}


def offers() -> dict[str, Offer]:
    """Everything for sale at the start, by its number, in the order in which a search shows it."""
    return {
        e164: Offer(e164, country.code, kind, block, sold.address, sold.bundle)
        for country in COUNTRIES.values()
        for kind, sold in country.ranges.items()
        for block in sold.blocks
        for e164 in block.numbers()
    }


@dataclass(frozen=True)
class Pattern:
    """``Contains``: ``*`` is one character, ``%`` any run of them, a first ``+`` and a last ``$`` hold the ends down."""

    text: str

    @cached_property
    def valid(self) -> bool:
        meta = sum(self.text.count(sign) for sign in "*%+$")
        known = all(sign.isascii() and (sign.isalnum() or sign in "*%+$") for sign in self.text)
        return known and 2 <= len(self.text) <= 16 and len(self.text) - meta >= (2 if meta else 1)

    def matches(self, e164: str) -> bool:
        body = self.text.removeprefix("+").removesuffix("$")
        starts = range(1, 2) if self.text.startswith("+") else range(1, len(e164))
        return any(_match(body, e164[start:], to_end=self.text.endswith("$")) for start in starts)


_KEYPAD: Final = {letter: key for key, row in zip("23456789", "ABC DEF GHI JKL MNO PQRS TUV WXYZ".split(), strict=True)
                  for letter in row}  # fmt: skip


def _match(pattern: str, digits: str, *, to_end: bool) -> bool:
    if not pattern:
        return not to_end or not digits
    first, rest = pattern[0], pattern[1:]
    if first == "%":
        return any(_match(rest, digits[skip:], to_end=to_end) for skip in range(len(digits) + 1))
    wanted = _KEYPAD.get(first.upper(), first)
    return bool(digits) and (first == "*" or wanted == digits[0]) and _match(rest, digits[1:], to_end=to_end)


def regulation(country: str, kind: Kind, end_user: str) -> dict[str, Any] | None:
    """What a buyer has to show before a bundle is approved, as Twilio's Regulations resource says it; None: nothing."""
    sold = COUNTRIES[country].ranges.get(kind) if country in COUNTRIES else None
    if sold is None or not sold.bundle:
        return None
    business = end_user == "business"
    names = ["business_name", "business_registration_number"] if business else ["first_name", "last_name"]
    proof = "Commercial Registry Excerpt" if business else "Passport"
    documents = [_document("Proof of Identity", "The identity of the end user.", proof, names)]
    if sold.address != "none":
        documents.append(_document("Address", "Where the end user is to be found.", "Utility Bill", ["address_sids"]))
    return {
        "sid": regulation_sid(country, kind, end_user),
        "friendly_name": f"{COUNTRIES[country].name}: {kind.replace('_', '-').title()} - {end_user.title()}",
        "iso_country": country,
        "number_type": kind.replace("_", "-"),
        "end_user_type": end_user,
        "requirements": {
            "end_user": [{"name": end_user.title(), "type": end_user, "fields": names}],
            "supporting_document": [documents],
        },
    }


def regulation_sid(country: str, kind: Kind, end_user: str) -> str:
    return f"RN{(country + kind[0] + end_user[0]).encode().hex():0>32}"


def _document(name: str, description: str, accepted: str, fields: list[str]) -> dict[str, Any]:
    kind = accepted.casefold().replace(" ", "_")
    accepts = [{"name": accepted, "type": kind, "fields": fields}]
    return {"name": name, "type": "document", "description": description, "accepted_documents": accepts}
