"""A notice of LiveKit's, as far as it is acted upon: its documentation. What reads it is the protocol's own `WebhookEvent`."""

from typing import Any

LEAVING = frozenset({"participant_left", "participant_connection_aborted"})

LINE_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "LiveKit sends more, and more with each release",
    "properties": {
        "event": {
            "type": "string",
            "description": (
                "acted upon: participant_joined, participant_left, participant_connection_aborted, room_finished"
            ),
        },
        "createdAt": {"type": "string", "description": "seconds since 1970"},
        "room": {
            "type": "object",
            "properties": {
                "sid": {"type": "string", "description": "of this very room; a name may be used again"},
            },
        },
        "participant": {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "description": "only SIP is believed: what LiveKit itself says of a caller"},
                "attributes": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "`sip.callID` and `sip.trunkPhoneNumber` say which call it is",
                },
            },
        },
    },
    "examples": [
        {
            "event": "participant_left",
            "createdAt": "1795770000",
            "room": {"sid": "RM_hR4gfzMFsK7A"},
            "participant": {
                "kind": "SIP",
                "attributes": {"sip.callID": "SCL_7gQmT5rTnKxw", "sip.trunkPhoneNumber": "+33199001234"},
            },
        }
    ],
}
