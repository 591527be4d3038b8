"""From what the SIP layer says, or the API of a test call, to an InboundCall. Pure."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from contracts.call import InboundCall
from contracts.ids import call_id_for
from contracts.phone import PhoneNumberInvalid, parse_e164


class InboundUnreadable(ValueError):
    """The SIP attributes name no dialled number: the trunk or the dispatch rule is not set up for AVA. Or a test call's
    metadata is of a release that this one does not understand."""


def read_test_call(metadata: str, *, received_at: datetime) -> InboundCall | None:
    """What a job was dispatched with -> the test call that it is; None: a telephone's.

    Only the holder of LiveKit's secret can dispatch, and the API writes this into tokens that it signs: a browser can
    neither make nor change it. What a participant says of itself is never asked. Raises InboundUnreadable.
    """
    if '"test_of"' not in metadata:
        return None
    try:
        found = InboundCall.model_validate_json(metadata)
    except ValidationError as error:
        raise InboundUnreadable(
            "the metadata of a test call can't be read: API and worker must be of one release"
        ) from error
    return None if found.test_of is None else found.model_copy(update={"received_at": received_at})


def read_inbound(attributes: Mapping[str, str], *, received_at: datetime) -> InboundCall:
    """LiveKit's `sip.*` participant attributes -> InboundCall. A caller who withholds the number is None.

    Raises InboundUnreadable naming the attribute.
    """
    sip_call_id = attributes.get("sip.callID") or attributes.get("sip.callIDFull")
    if not sip_call_id:
        raise InboundUnreadable("the participant has no sip.callID: the call did not come through a SIP trunk")
    try:
        dialed = parse_e164(attributes.get("sip.trunkPhoneNumber", ""))
    except PhoneNumberInvalid as error:
        raise InboundUnreadable(
            "sip.trunkPhoneNumber is not in E.164: give the trunk its numbers as in +33123456789"
        ) from error
    try:
        caller = parse_e164(attributes.get("sip.phoneNumber", ""))
    except PhoneNumberInvalid:
        caller = None
    return InboundCall(
        call_id=call_id_for(sip_call_id),
        sip_call_id=sip_call_id,
        dialed=dialed,
        caller=caller,
        received_at=received_at,
    )
