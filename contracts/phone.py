"""Phone numbers in E.164 ("+33123456789"): the only form that crosses a border."""

from functools import lru_cache
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator


class PhoneNumberInvalid(ValueError):
    """The text is not a telephone number that could exist."""


def parse_e164(text: str, *, country: str | None = None) -> str:
    """`text` as it is usually written, in `country` (ISO 3166 alpha-2) too -> "+33123456789". Raises PhoneNumberInvalid."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise PhoneNumberInvalid(f"not a telephone number; write it in E.164, as in +33123456789 ({error})") from error
    if not phonenumbers.is_possible_number(number):
        raise PhoneNumberInvalid("too long or too short for its country; write it in E.164, as in +33123456789")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1024)
def _strict(text: str) -> str:
    if not text.startswith("+"):
        raise PhoneNumberInvalid("must be in E.164: a plus sign, the country code and the number, as in +33123456789")
    return parse_e164(text)


E164 = Annotated[str, AfterValidator(_strict)]
