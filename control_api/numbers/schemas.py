"""What the API takes and gives for numbers, purchases and costs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.phone import E164
from control_api.money import Money
from control_api.numbers.carrier import (
    AddressRequirement,
    Capability,
    EndUser,
    NumberKind,
    NumberQuery,
    RoutingKind,
)
from control_api.numbers.fallback_schemas import STANDING, Fallback, Standing
from control_api.numbers.purchase import Source, State
from control_api.numbers.words import routing_words

Number = Annotated[E164, Field(max_length=16, examples=["+12025550100"])]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166 alpha-2, as in FR", examples=["US"])]
_Source = Literal["purchase", "import", "sip_trunk", "operator"]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NumberSearch(BaseModel):
    """What to look for; read from the query."""

    country: Country
    kind: NumberKind = "local"
    area_code: str | None = Field(
        default=None, pattern=r"^[0-9]{1,6}$", description='as dialled inside the country, as in "01"'
    )
    contains: str | None = Field(
        default=None, pattern=r"^[0-9A-Za-z*]{2,16}$", description="digits, or letters as on a keypad; * is any one"
    )
    locality: str | None = Field(default=None, min_length=1, max_length=80, description="a city")
    capabilities: list[Capability] = Field(
        default_factory=lambda: list[Capability](["voice"]), max_length=4, description="all of these"
    )
    limit: int = Field(default=20, ge=1, le=50, description="how many at most")

    @property
    def query(self) -> NumberQuery:
        return NumberQuery(
            country=self.country,
            kind=self.kind,
            area_code=self.area_code,
            contains=self.contains,
            locality=self.locality,
            capabilities=frozenset(self.capabilities),
            limit=self.limit,
        )


class OfferedNumber(BaseModel):
    """A number that could be bought just now; nothing holds it."""

    e164: str
    country: str
    kind: NumberKind
    locality: str | None
    region: str | None
    capabilities: list[Capability]
    monthly_price: Money | None = Field(description="before tax; null: the carrier could not be asked")
    currency: str | None
    address_requirement: AddressRequirement
    needs_bundle: bool | None = Field(description="papers that the carrier approves first; null: could not be asked")
    needs: list[str] = Field(description="what has to be given with a purchase, in words; empty: nothing")


class Requirement(BaseModel):
    kind: Literal["end_user", "document"] = Field(description="facts about who uses the number, or a paper")
    name: str
    description: str
    fields: list[str]
    accepted: list[str] = Field(description="any one of these does")


class Regulation(BaseModel):
    title: str
    end_user: EndUser
    requirements: list[Requirement]


class NumberRequirements(BaseModel):
    """What a country asks of whoever has such a number, as the carrier says it today."""

    country: str
    kind: NumberKind
    address_requirement: AddressRequirement | None = Field(description="null: no such number is for sale just now")
    needs: list[str] = Field(description="in words; empty: nothing is asked for")
    regulations: list[Regulation] = Field(description="what the bundle has to hold; empty: no bundle is needed")


class PurchaseCreate(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"e164": "+12025550100", "country": "US", "kind": "local"}]}
    )
    e164: Number
    country: Country
    kind: NumberKind
    assistant_id: UUID | None = Field(default=None, description="gets the number when it arrives")
    address_sid: str | None = Field(default=None, pattern=r"^AD[0-9a-fA-F]{32}$", description="in your carrier account")
    bundle_sid: str | None = Field(default=None, pattern=r"^BU[0-9a-fA-F]{32}$", description="approved by the carrier")
    confirm_cost: bool = Field(default=False, description="buy it although your numbers then cost more than your alert")

    @model_validator(mode="after")
    def _of_its_country(self) -> "PurchaseCreate":
        code = phonenumbers.country_code_for_region(self.country)
        if not self.e164.startswith(f"+{code}"):
            raise ValueError("the number is not of this country: give the two as the search gave them")
        return self


class Routing(BaseModel):
    """Where a number's calls go or went."""

    kind: RoutingKind
    target: str | None = Field(description="an id at the carrier, or the host of an address")
    words: str = Field(examples=["a webhook at example.com"])


def routing_from(row: Mapping[str, Any] | None) -> Routing | None:
    if row is None:
        return None
    return Routing(kind=row["kind"], target=row["target"], words=routing_words(row["kind"], row["target"]))


class LastError(BaseModel):
    """What kept it from going on the last time. A purchase that is not `failed` goes on by itself."""

    code: str
    words: str


class Purchase(BaseModel):
    """A number on its way in (requested, bought, routed, active, or failed) or out (releasing, released)."""

    purchase_id: UUID
    source: Source
    state: State
    e164: str
    country: str | None
    kind: NumberKind | None
    capabilities: list[Capability]
    carrier_id: UUID | None
    assistant_id: UUID | None
    address_sid: str | None
    bundle_sid: str | None
    previous_routing: Routing | None = Field(description="of an imported number: restored when it is released")
    monthly_price: Money | None
    currency: str | None
    attempts: int
    last_error: LastError | None
    next_attempt_at: datetime | None = Field(description="null: nothing is left to do")
    created_by: str
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None
    released_at: datetime | None
    revision: int


def purchase_seen(row: Mapping[str, Any]) -> Purchase:
    waits = row["state"] in ("requested", "bought", "routed", "releasing")
    return Purchase.model_validate({**row, **_told(row), "next_attempt_at": row["next_attempt_at"] if waits else None})


class OwnNumber(BaseModel):
    """`answers` is true where calls reach an assistant, or would if there were one."""

    e164: str
    state: State
    source: _Source = Field(description="operator: put there by whoever runs this deployment")
    answers: bool
    assistant_id: UUID | None = Field(description="null: the number answers to nobody")
    purchase_id: UUID | None
    country: str | None
    kind: NumberKind | None
    capabilities: list[Capability]
    carrier_id: UUID | None
    previous_routing: Routing | None
    monthly_price: Money | None
    currency: str | None
    last_error: LastError | None
    fallback: Fallback | None = Field(
        description="for calls that nobody here can take; null: the assistant's transfer number, else an apology"
    )
    fallback_standing: Standing = Field(description=STANDING)
    created_at: datetime
    activated_at: datetime | None
    revision: int


def number_seen(row: Mapping[str, Any], *, is_reached: bool) -> OwnNumber:
    standing: Standing = "ready"
    if row["source"] not in ("purchase", "import"):
        standing = "at_carrier"
    elif not is_reached:
        standing = "no_public_address"
    elif row["state"] not in ("routed", "active"):
        standing = "not_yet"
    return OwnNumber.model_validate({**row, **_told(row), "fallback_standing": standing})


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    code = row["last_error_code"]
    return {
        "last_error": None if code is None else {"code": code, "words": row["last_error"] or ""},
        "previous_routing": routing_from(row["previous_routing"]),
    }


class Assignment(Body):
    assistant_id: UUID


class ReleaseRequest(Body):
    """There is no way back: a number that was bought is gone for good."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"confirm": "+12025550100"}]})
    confirm: str = Field(min_length=1, max_length=16, description="the number itself, once more")


class NumberCost(BaseModel):
    e164: str
    source: _Source
    monthly_price: Money | None = Field(description="null: not known here")
    currency: str | None
    paid_to: Literal["ava", "own_carrier"]


class Total(BaseModel):
    amount: Money
    currency: str


class NumberCosts(BaseModel):
    """A month of all your numbers, before tax."""

    numbers: list[NumberCost]
    totals: list[Total] = Field(description="one per currency, of what is paid to AVA")
    unknown: int = Field(description="numbers paid to AVA whose price is not known")
    alert_threshold: Money | None = Field(description="of the tenant's settings; null: no alert")
    over_threshold: bool


class Drift(BaseModel):
    """One thing that is not as it should be."""

    kind: str
    e164: str | None
    purchase_id: UUID | None
    words: str
    repairable: bool = Field(description="can be put right without asking anybody")


class DriftReport(BaseModel):
    """What was compared, and what differs. Nothing was changed."""

    compared: int = Field(description="numbers and accounts that were looked at")
    drifts: list[Drift]
    unreachable: list[str] = Field(description="what could not be looked at, and why")
