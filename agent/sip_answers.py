"""What it means that somebody who was rung did not answer, by what LiveKit says of it (statuses: RFC 3261)."""

from typing import Literal

from livekit import api

NotAnswered = Literal["busy", "no_answer", "declined"]

_MEANING: dict[int, NotAnswered] = {
    **dict.fromkeys((486, 600), "busy"),
    **dict.fromkeys((408, 480, 487), "no_answer"),
    **dict.fromkeys((603, 607, 608), "declined"),
}


def status_of(error: api.ServerError) -> int | None:
    """The telephone network's own answer. None: LiveKit names none."""
    return error.sip_status_code if isinstance(error, api.SipCallError) else None


def not_answered(error: api.ServerError) -> NotAnswered | None:
    """None: anything else, a network that failed for one."""
    status = status_of(error)
    if status is None and error.code == api.TwirpErrorCode.CANCELED:  # it rang for as long as it was to
        return "no_answer"
    return None if status is None else _MEANING.get(status)
