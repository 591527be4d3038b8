"""The stand-in's side of LiveKit's internal calls: names of channels and messages, as livekit/psrpc writes them."""

import pytest
from google.protobuf.message import DecodeError
from livekit.protocol.sip import SIPStatus

from sandbox.psrpc_wire import ClaimRequest, CreateParticipant, Response, channel, seal, unseal


def test_channels_are_named_as_psrpc_names_them() -> None:
    """An empty topic has no place; what is no letter or digit is spelled out."""
    assert channel("SIPInternal", "CreateSIPParticipant", "", "REQ") == "SIPInternal|CreateSIPParticipant|REQ"
    assert channel("SIPInternal", "TransferSIPParticipant", "SCL_a-b", "RCLAIM") == (
        "SIPInternal|TransferSIPParticipant|SCL_au+002db|RCLAIM"
    )


def test_a_message_on_the_bus_names_its_type() -> None:
    """The server looks the type up by that name; bytes are those of Go's protobuf."""
    sealed = seal(ClaimRequest(request_id="REQ_1", server_id="SRV_1", affinity=1.0))
    assert sealed.startswith(b"\n)type.googleapis.com/internal.ClaimRequest\x12")
    assert sealed.endswith(b"\n\x05REQ_1\x12\x05SRV_1\x1d\x00\x00\x80?")
    assert unseal(ClaimRequest, sealed).server_id == "SRV_1"
    with pytest.raises(DecodeError):
        unseal(ClaimRequest, b"\xff\xff")


def test_a_refusal_carries_the_status_that_the_server_reads() -> None:
    """As an Any of livekit.SIPStatus: from it come `sip_status_code` and `sip_status` at the client."""
    response = Response(request_id="REQ_1", code="resource_exhausted", error="busy")
    busy = SIPStatus(code=486, status="Busy Here")
    response.error_details.add(type_url="type.googleapis.com/livekit.SIPStatus", value=busy.SerializeToString())
    [detail] = unseal(Response, seal(response)).error_details
    assert SIPStatus.FromString(detail.value).code == 486


def test_fields_that_are_not_used_here_are_passed_over() -> None:
    """The server's message is larger than what the stand-in reads of it."""
    asked = CreateParticipant(call_to="+33142000000", participant_attributes={"sip.callID": "SCL_1"})
    asked.ringing_timeout.seconds = 25
    read = CreateParticipant.FromString(asked.SerializeToString() + b"\x82\x02\x02FR")  # field 32
    assert (read.call_to, read.ringing_timeout.seconds) == ("+33142000000", 25)
    assert dict(read.participant_attributes) == {"sip.callID": "SCL_1"}
