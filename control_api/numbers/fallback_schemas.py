"""What an owner may have done with calls that nobody here can take."""

from typing import Annotated, Literal

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contracts.phone import E164

_LONGEST_MESSAGE = 500


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _at_no_premium(number: str) -> str:
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    if kind == phonenumbers.PhoneNumberType.PREMIUM_RATE:
        raise ValueError("a premium-rate number: every call to it would be charged; give an ordinary one")
    return number


class Forward(_Choice):
    """The carrier rings this number. Who does not pick up in 20 seconds leaves the caller to an apology."""

    kind: Literal["forward"]
    number: Annotated[E164, AfterValidator(_at_no_premium)] = Field(max_length=16, examples=["+33612345678"])


class Message(_Choice):
    """The carrier's own voice reads this, in the language of the number's assistant, and hangs up."""

    kind: Literal["message"]
    text: str = Field(min_length=1, max_length=_LONGEST_MESSAGE, examples=["Le cabinet vous rappelle dans la journée."])


class Nothing(_Choice):
    """The caller hears a busy line."""

    kind: Literal["none"]


Fallback = Annotated[Forward | Message | Nothing, Field(discriminator="kind")]
Standing = Literal["ready", "not_yet", "no_public_address", "at_carrier"]
STANDING = (
    "ready: the carrier asks here. not_yet: the number is on its way. no_public_address: nobody outside reaches this"
    " deployment: its operator sets AVA_PUBLIC_URL. at_carrier: calls come through a carrier of your own, who decides"
)


class NumberPatch(BaseModel):
    """`fallback` null: as the number was at first."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"fallback": {"kind": "forward", "number": "+33612345678"}}]}
    )
    fallback: Fallback | None
