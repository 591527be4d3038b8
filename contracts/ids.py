"""Names for identities. A call's is derived from its SIP call id: a job that is started again writes to the same record."""

from uuid import UUID, uuid4, uuid5

_CALLS = UUID("6f0a3b52-3c39-5c0e-9f0e-6f2f9d4f7a11")


def call_id_for(sip_call_id: str) -> UUID:
    """The same SIP call id always gives the same call id."""
    return uuid5(_CALLS, sip_call_id)


def new_event_id() -> UUID:
    return uuid4()
