"""SIP attributes, or a test call's job -> InboundCall."""

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from agent.inbound import InboundUnreadable, read_inbound, read_test_call
from contracts.call import InboundCall, RanOn
from contracts.ids import call_id_for

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
WHOLE = {"sip.callID": "SCL_1", "sip.trunkPhoneNumber": "+33478000000", "sip.phoneNumber": "+33612345678"}


def test_reads_who_rings_whom() -> None:
    call = read_inbound(WHOLE, received_at=AT)
    assert (call.dialed, call.caller, call.sip_call_id) == ("+33478000000", "+33612345678", "SCL_1")
    assert call.call_id == call_id_for("SCL_1")
    assert call.received_at == AT


def test_same_sip_call_is_the_same_call_after_a_restart() -> None:
    later = read_inbound(WHOLE, received_at=datetime(2026, 11, 23, 9, tzinfo=UTC))
    assert later.call_id == read_inbound(WHOLE, received_at=AT).call_id


@pytest.mark.parametrize("shown", ["", "anonymous", "Anonymous", "restricted", "unavailable", "+", "+1"])
def test_withheld_number_is_nobody(shown: str) -> None:
    assert read_inbound({**WHOLE, "sip.phoneNumber": shown}, received_at=AT).caller is None


def test_no_caller_attribute_at_all_is_nobody() -> None:
    attributes = {k: v for k, v in WHOLE.items() if k != "sip.phoneNumber"}
    assert read_inbound(attributes, received_at=AT).caller is None


def test_full_call_id_stands_in() -> None:
    attributes = {**WHOLE, "sip.callID": "", "sip.callIDFull": "full@host"}
    assert read_inbound(attributes, received_at=AT).sip_call_id == "full@host"


@pytest.mark.parametrize(
    ("missing", "named"), [("sip.callID", "sip.callID"), ("sip.trunkPhoneNumber", "sip.trunkPhoneNumber")]
)
def test_missing_attribute_is_named(missing: str, named: str) -> None:
    with pytest.raises(InboundUnreadable, match=named):
        read_inbound({k: v for k, v in WHOLE.items() if k != missing}, received_at=AT)


def test_dialled_number_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(InboundUnreadable) as caught:
        read_inbound({**WHOLE, "sip.trunkPhoneNumber": "0478 00"}, received_at=AT)
    assert "0478" not in str(caught.value)


TRIED = InboundCall(
    call_id=uuid4(), sip_call_id="web:1", dialed="web", caller=None, received_at=datetime(2026, 11, 23, 7, tzinfo=UTC),
    test_of=RanOn(assistant_id=uuid4(), version=4),
)  # fmt: skip


def test_a_test_call_is_what_its_job_says() -> None:
    """But for the moment at which it is answered."""
    assert read_test_call(TRIED.model_dump_json(), received_at=AT) == TRIED.model_copy(update={"received_at": AT})


@pytest.mark.parametrize(
    "metadata", ["", "{}", json.dumps({"dialed": "+33478000000", "purchase_id": str(UUID(int=7))}), "+33478000000"]
)
def test_a_number_of_the_line_is_no_test_call(metadata: str) -> None:
    """What dispatch rules give along, also those that an operator has made by hand."""
    assert read_test_call(metadata, received_at=AT) is None


@pytest.mark.parametrize("wrong", [{"test_of": {"assistant_id": "?"}}, {"call_id": 1}, {"dialed": "0478"}])
def test_a_test_call_that_can_not_be_read_is_refused(wrong: dict[str, object]) -> None:
    """It is never taken for a telephone's, for which nobody would come."""
    metadata = json.dumps({**TRIED.model_dump(mode="json"), **wrong})
    with pytest.raises(InboundUnreadable, match="one release"):
        read_test_call(metadata, received_at=AT)


def test_a_telephone_call_that_claims_to_be_none_is_none() -> None:
    """`test_of` null: there is nothing to try."""
    assert read_test_call(TRIED.model_copy(update={"test_of": None}).model_dump_json(), received_at=AT) is None
