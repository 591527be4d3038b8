"""What can go wrong with calendars, beyond what every noun answers."""

from typing import ClassVar

from control_api.errors import Conflict, InvalidRequest, NotFound, Unavailable


class AssistantNotFound(NotFound):
    code, title = "not_found", "No such assistant"
    example = "there is no such assistant"


class AssistantUnreadable(Conflict):
    code, title = "config_unreadable", "The assistant's draft can't be read"
    example = "version 3 can't be read by this release: write a new one"


class NotConnected(NotFound):
    code, title = "calendar_not_connected", "No calendar is connected"
    example = "no calendar is connected: connect one with PUT /v1/assistants/{assistant_id}/calendar"


class AddressUnacceptable(InvalidRequest):
    code, title = "calendar_address_refused", "Not an address of a Cal.com API"
    example = "this address leads into a private network, which this deployment does not connect to"


class KeyRefused(InvalidRequest):
    code, title = "calendar_key_refused", "The calendar refuses the key"
    example = "Cal.com refuses the key: make a new one in Cal.com under Settings, Developer, API keys"


class MappingInvalid(InvalidRequest):
    code, title = "calendar_mapping_invalid", "Services and event types don't fit"
    example = "1 entry needs a change: see errors"


class ConnectionBroken(Conflict):
    """The stored connection; `state` as a test of it would say."""

    code, title = "calendar_connection_broken", "The stored connection does not work"
    example = "Cal.com refuses the key: make a new one in Cal.com under Settings, Developer, API keys"


class CalendarUnreachable(Unavailable):
    code, title = "calendar_unreachable", "The calendar can't be reached just now"
    example = "Cal.com did not answer within 8 s: send it again"
    retryable: ClassVar[bool] = True
