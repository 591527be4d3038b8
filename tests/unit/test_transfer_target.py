"""To whom a telephone is sent on, as its carrier reads it."""

import pytest

from store.dialling import transfer_target

PERSON = "+33612345678"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        (None, f"tel:{PERSON}"),  # the carrier that the call came through knows telephone numbers
        ("sip.carrier.example.com", f"sip:{PERSON}@sip.carrier.example.com"),
        ("203.0.113.7:5080", f"sip:{PERSON}@203.0.113.7:5080"),
        ("ava-7.pstn.twilio.com", f"tel:{PERSON}"),
        ("ava-7.pstn.twilio.com:5061", f"tel:{PERSON}"),
        ("pstn.twilio.com.example.com", f"sip:{PERSON}@pstn.twilio.com.example.com"),
    ],
)
def test_twilio_is_told_a_telephone_number_and_any_other_carrier_its_own_address(
    address: str | None, target: str
) -> None:
    assert transfer_target(PERSON, address) == target
