"""What it means that somebody who was rung did not answer, by what LiveKit says of it."""

from livekit import api

from store import dialling
from store.dialling import NotAnswered


def status_of(error: api.ServerError) -> int | None:
    """The telephone network's own answer. None: LiveKit names none."""
    return error.sip_status_code if isinstance(error, api.SipCallError) else None


def not_answered(error: api.ServerError) -> NotAnswered | None:
    """None: anything else, a network that failed for one."""
    status = status_of(error)
    if status is None and error.code == api.TwirpErrorCode.CANCELED:  # it rang for as long as it was to
        return "no_answer"
    return None if status is None else dialling.not_answered(status)
