"""The message left for the business when a booking's end is in doubt, or when its caller may not know it.

Owns: its words and its identity: one per booking write, so that the desk's and the reconciler's are the same message.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from contracts.assistant import Language
from contracts.call import BookingRecorded, MessageTaken

_NAMES = UUID("0d6b1a7e-58c9-5f06-9f5b-3d1f0f7a2c55")

Why = Literal["unconfirmed", "stands", "absent"]
"""unconfirmed: nobody knows. stands: it took effect, and the caller may not have heard. absent: it did not."""

_WORDS: dict[Language, dict[Why, str]] = {
    "fr": {
        "unconfirmed": "{action} du {at} : l'agenda n'a pas confirmé. Vérifier l'agenda et rappeler.",
        "stands": "{action} du {at} : faite dans l'agenda, mais l'appelant n'en a peut-être pas été informé. Le rappeler.",
        "absent": "{action} du {at} : n'a pas été faite dans l'agenda, l'appelant l'attend peut-être. Le rappeler.",
    },
    "en": {
        "unconfirmed": "{action} of {at}: the calendar did not confirm it. Check the calendar and call back.",
        "stands": "{action} of {at}: it is in the calendar, but the caller may not know. Call back.",
        "absent": "{action} of {at}: it is not in the calendar, and the caller may expect it. Call back.",
    },
    "he": {
        "unconfirmed": "{action} בתאריך {at}: היומן לא אישר. יש לבדוק ביומן ולחזור למתקשר.",
        "stands": "{action} בתאריך {at}: בוצע ביומן, אך ייתכן שהמתקשר אינו יודע. יש לחזור אליו.",
        "absent": "{action} בתאריך {at}: לא בוצע ביומן, וייתכן שהמתקשר מצפה לכך. יש לחזור אליו.",
    },
}
_ACTIONS: dict[Language, dict[str, str]] = {
    "fr": {"book": "Réservation", "reschedule": "Modification de rendez-vous", "cancel": "Annulation"},
    "en": {"book": "Booking", "reschedule": "Rescheduling", "cancel": "Cancellation"},
    "he": {"book": "קביעת תור", "reschedule": "שינוי תור", "cancel": "ביטול תור"},
}


def follow_up_for(
    step: BookingRecorded, why: Why, *, language: Language, zone: ZoneInfo, at: datetime, callback: str | None = None
) -> MessageTaken:
    """The same ids for the same booking key: delivering it twice leaves one message. `callback`: when the attendee
    gave no number, the one that called."""
    when = f"{step.starts_at.astimezone(zone):%d/%m/%Y %H:%M}"
    action = _ACTIONS[language][step.action]
    return MessageTaken(
        event_id=uuid5(_NAMES, f"event:{step.booking_key}"),
        message_id=uuid5(_NAMES, f"message:{step.booking_key}"),
        at=at,
        caller_name=step.attendee_name,
        callback_number=step.attendee_phone or callback,
        reason=_WORDS[language][why].format(action=action, at=when),
        urgent=True,
        follow_up="booking_doubt",
    )
