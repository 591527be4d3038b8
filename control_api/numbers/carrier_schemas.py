"""What the API takes and gives for an owner's own carriers: a Twilio account to import from, a SIP trunk."""

import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from control_api.numbers.carrier import Capability
from control_api.numbers.line import SourceInvalid, parse_source
from control_api.numbers.purchase import CarrierKind
from control_api.numbers.schemas import Body, Number, Purchase, Routing

_WIDEST = {4: 12, 6: 24}  # no carrier calls from more than a million addresses


def _source(text: str) -> str:
    try:
        source = parse_source(text)
    except SourceInvalid as error:
        raise ValueError(f"not where calls can be allowed from: {error}") from error
    network = ip_network(source)
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError("this is more of the Internet than a carrier has: name the addresses it calls from")
    return source


def _printable(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("a password has no spaces and no accents here: SIP devices disagree about them")
    return secret


Source = Annotated[str, Field(max_length=64, examples=["203.0.113.0/24"]), AfterValidator(_source)]
Name = Field(default="", max_length=120, description="for your own eyes")


class TwilioConnect(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"account_sid": f"AC{'0' * 32}", "auth_token": "copied from the console", "name": "Our Twilio"}
            ]
        },
    )
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", description="of the account that has the numbers")
    auth_token: SecretStr = Field(min_length=8, max_length=128, description="kept sealed, and shown to nobody")
    name: str = Name


class Carrier(BaseModel):
    """Through whom numbers come. Of its secret, only `preview` is shown."""

    carrier_id: UUID
    kind: CarrierKind = Field(description="managed: an account at Twilio that is run for you")
    name: str
    account_sid: str | None
    preview: str
    allowed_addresses: list[str]
    sip_username: str | None
    outgoing_address: str | None = Field(default=None, description="where its calls out are sent")
    created_by: str
    created_at: datetime
    updated_at: datetime


def carrier_seen(row: Mapping[str, Any]) -> Carrier:
    return Carrier.model_validate(row)


class TwilioConnected(Carrier):
    trial: bool = Field(description="a trial account: its calls begin with a notice of Twilio's")


class ImportableNumber(BaseModel):
    e164: str
    name: str = Field(description="what the account calls it")
    capabilities: list[Capability]
    status: Literal["importable", "no_voice", "yours"] = Field(description="yours: it is here already, or on its way")
    routing: Routing
    takes_over: bool = Field(description="its calls go somewhere: an import needs confirm_takeover")


class ImportableNumbers(BaseModel):
    carrier_id: UUID
    numbers: list[ImportableNumber]
    total: int = Field(description="how many the account has that fit, however many are shown")


class ImportCreate(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"e164": "+12025550100", "confirm_takeover": True}]}
    )
    e164: Number
    carrier_id: UUID | None = Field(default=None, description="where several Twilio accounts are connected: which one")
    confirm_takeover: bool = Field(default=False, description="lead its calls to AVA, wherever they go now")
    assistant_id: UUID | None = Field(default=None, description="gets the number when it arrives")


class SipTrunkCreate(Body):
    """Calls from your own carrier are taken from these addresses, or with this name and password, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"e164s": ["+33199000010"], "allowed_addresses": ["203.0.113.0/24"]}]},
    )
    e164s: list[Number] = Field(min_length=1, max_length=20, description="the numbers that it brings")
    allowed_addresses: list[Source] = Field(default_factory=list[str], max_length=20)
    username: str | None = Field(default=None, min_length=1, max_length=64, pattern=r"^[!-~]+$")
    outgoing_address: str | None = Field(
        default=None,
        max_length=255,
        pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$",
        examples=["sip.example.com:5060"],
        description="where your carrier takes calls from these numbers, signed in with the same username and password;"
        " without it nobody can be rung: no warm transfer, no call-back",
    )
    password: Annotated[SecretStr, AfterValidator(_printable)] | None = Field(
        default=None, min_length=12, max_length=128, description="kept sealed, and shown to nobody"
    )
    assistant_id: UUID | None = Field(default=None, description="gets the numbers when they arrive")
    name: str = Name

    @model_validator(mode="after")
    def _closed_to_strangers(self) -> "SipTrunkCreate":
        if (self.username is None) != (self.password is None):
            raise ValueError("a username and a password come together: give both or neither")
        if self.username is None and not self.allowed_addresses:
            raise ValueError("anybody could call in: give allowed_addresses, or a username and a password")
        if len(set(self.e164s)) != len(self.e164s):
            raise ValueError("a number is named twice: name it once")
        return self


class SipTrunkMade(BaseModel):
    """`sip_uri` is where your carrier has to send its calls."""

    carrier: Carrier
    sip_uri: str
    purchases: list[Purchase]
