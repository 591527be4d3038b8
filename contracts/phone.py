"""Phone numbers in E.164 ("+33123456789"): the only form that crosses a border."""

from typing import Annotated

import phonenumbers
from pydantic import AfterValidator


class PhoneNumberInvalid(ValueError):
    """The text is not a telephone number that could exist."""


def parse_e164(text: str, *, country: str | None = None) -> str:
    """`text` in any usual spelling -> "+33123456789". `country` (ISO 3166 alpha-2) reads national spellings.

    Raises PhoneNumberInvalid with what to do.
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise PhoneNumberInvalid(f"not a telephone number; write it in E.164, as in +33123456789 ({error})") from error
    if not phonenumbers.is_possible_number(number):
        raise PhoneNumberInvalid("too long or too short for its country; write it in E.164, as in +33123456789")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _strict(text: str) -> str:
    if not text.startswith("+"):
        raise PhoneNumberInvalid("must be in E.164: a plus sign, the country code and the number, as in +33123456789")
    return parse_e164(text)


E164 = Annotated[str, AfterValidator(_strict)]
