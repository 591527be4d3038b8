"""Does the calendar agree with what was said? Every booking, every step and every message of a world, against its callers.

Owns: the promises, each as what breaks it. Refuses: making worlds (`booking_callers`).
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from calendar_tools.follow_ups import follow_up_for
from calendar_tools.model import Booking
from contracts.call import BookingRecorded, BookingState
from tests.fakes.booking_callers import NOW, OPEN, PARIS, World


@dataclass(frozen=True)
class Evidence:
    """What is there in the end: the calendar, every step ever recorded, and the booking keys that have a message.

    An appointment is a booking with all it became by being moved; its name is the uid it began with.
    """

    bookings: dict[str, Booking]
    steps: list[BookingRecorded]
    followed: set[str]

    def appointment(self, uid: str) -> str:
        booking = self.bookings.get(uid)
        earlier = booking.rescheduled_from if booking is not None else None
        return uid if earlier is None else self.appointment(earlier)

    def excused(self) -> set[str]:
        """The appointments that some message tells the business to look at."""
        named = {b.uid for b in self.bookings.values() if b.key is not None and b.key.value in self.followed}
        for step in self.steps:
            if step.booking_key in self.followed:
                named |= {uid for uid in (step.calendar_uid, step.replaces_uid) if uid is not None}
        return {self.appointment(uid) for uid in named}


def violations(world: World) -> list[str]:
    """Each says which promise is broken, for which booking."""
    steps = [step for ledger in world.ledgers.values() for step in [*ledger.ever, *ledger.kept]]
    followed = {step.booking_key for step in steps if _message(step) in world.box.messages}
    evidence = Evidence({booking.uid: booking for booking in world.bookings()}, steps, followed)
    standing = [b for b in evidence.bookings.values() if b.stands]
    return [
        *_doubled(standing, exclusive=world.exclusive),
        *_said_otherwise(world, evidence, standing),
        *_without_follow_up(world, evidence),
        *_ledger_disagrees(world, evidence.bookings),
    ]


def _said_otherwise(world: World, evidence: Evidence, standing: list[Booking]) -> list[str]:
    """The last thing said of each appointment against what the calendar holds of it."""
    said = {evidence.appointment(u): (u, start) for told in world.told.values() for u, start in told.heard}
    there = {evidence.appointment(b.uid): b for b in standing if b.key is not None}
    excused = evidence.excused()
    found: list[str] = []
    for name, (uid, start) in said.items():
        booking = there.get(name)
        if uid not in evidence.bookings:
            found.append(f"said booked, never was: {uid}")
        elif name in excused:
            continue
        elif start is None and booking is not None:
            found.append(f"said gone, is there: {uid}")
        elif start is not None and (booking is None or (booking.uid, booking.start) != (uid, start)):
            found.append(f"said booked, is not there: {uid}")
    return found + [f"unsaid: {b.uid}" for name, b in there.items() if name not in said and name not in excused]


def _without_follow_up(world: World, evidence: Evidence) -> list[str]:
    found: list[str] = []
    for told in world.told.values():
        for doubt in told.doubts:
            keys = {s.booking_key for s in evidence.steps if (s.action, s.starts_at) == (doubt.action, doubt.start)}
            if not keys & evidence.followed:
                found.append(f"doubt without follow-up: {doubt.action}")
    return found


def _message(step: BookingRecorded) -> UUID:
    return follow_up_for(step, "stands", language="en", zone=PARIS, at=NOW).message_id


def _doubled(standing: list[Booking], *, exclusive: bool) -> list[str]:
    # a booking that moved carries its first key along: its old time may be booked anew under it
    keys = Counter(b.key.value for b in standing if b.key is not None and b.rescheduled_from is None)
    found = [f"booked twice under one key: {key}" for key, count in keys.items() if count > 1]
    ordered = sorted(standing, key=lambda b: b.start)
    if exclusive:
        found += [f"overlap: {b.uid}" for a, b in zip(ordered, ordered[1:], strict=False) if b.start < a.end]
    return found


def _ledger_disagrees(world: World, bookings: dict[str, Booking]) -> list[str]:
    found: list[str] = []
    for ledger in world.ledgers.values():
        for step in {step.booking_key: step for step in ledger.kept}.values():
            made = [b for b in bookings.values() if b.key is not None and b.key.value == step.booking_key]
            if step.state in OPEN:
                found.append(f"left open: {step.booking_key}")
            elif step.state is BookingState.CONFIRMED and not made:
                found.append(f"recorded, is not there: {step.booking_key}")
            elif step.action == "book" and step.state in (BookingState.ABSENT, BookingState.REFUSED):
                if any(b.stands and b.start == step.starts_at for b in made):
                    found.append(f"recorded as not made, is there: {step.booking_key}")
    return found
