"""Whose booking is it: one way to compare names, numbers and addresses, for every calendar and for the desk.

Owns: the comparison. Refuses: deciding what a match entitles to (`booking`).
"""

import unicodedata

from calendar_tools.model import Booking


def plain_name(name: str) -> str:
    """Without accents, case, punctuation or doubled spaces: "Élodie  LE-GOFF" -> "elodie le goff"."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c))
    return " ".join(kept.split())


def same_name(said: str, booked: str) -> bool:
    """Every word said is a word of the booked name: "Dupont" is "Marie Dupont"; one-letter names match nothing."""
    words = plain_name(said).split()
    return any(len(word) > 1 for word in words) and set(words) <= set(plain_name(booked).split())


def synthetic_email(phone: str) -> str:
    """The address Cal.com makes up for an attendee without one: "+33612345678" -> "33612345678@sms.cal.com"."""
    return f"{phone.lstrip('+')}@sms.cal.com"


def same_phone(phone: str, booking: Booking) -> bool:
    """`phone` in E.164. A booking without a number may still carry it in its made-up address."""
    if booking.attendee_phone is not None:
        return booking.attendee_phone == phone
    return (booking.attendee_email or "").casefold() == synthetic_email(phone)


def matches(booking: Booking, *, phone: str | None, email: str | None, name: str | None) -> bool:
    """Every given trait matches; False when none is given."""
    if phone is None and email is None and name is None:
        return False
    return (
        (phone is None or same_phone(phone, booking))
        and (email is None or (booking.attendee_email or "").casefold() == email.casefold())
        and (name is None or same_name(name, booking.attendee_name))
    )
