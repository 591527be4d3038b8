"""The calendar against the books: every booking has its row, every row its booking, every doubt somebody who is told.

Owns: comparing the Cal.com stand-in's state with `calls`, `call_events`, `bookings` and `messages` as Postgres holds them.
Refuses: what a scenario expected (`demo.expectations`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.call import AssistantSaid, CallerSaid, CallEvent
from demo.report import CalendarBooking, Check, Records
from sandbox.database import Database

_STANDS = {"confirmed": "accepted", "rescheduled": "accepted", "cancelled": "cancelled"}
_DOUBTS = ("intended", "unconfirmed")


def read_records(database: Database, call_id: UUID) -> Records:
    """Rows as the owner of the database sees them. Blocks for milliseconds."""
    calls = database.select("select * from public.calls where call_id = %s", call_id)
    return Records(
        call=calls[0] if calls else None,
        bookings=tuple(database.select("select * from public.bookings where call_id = %s order by at", call_id)),
        messages=tuple(database.select("select * from public.messages where call_id = %s order by at", call_id)),
        events=tuple(database.select("select * from public.call_events where call_id = %s order by seq", call_id)),
    )


def verify(
    calendar: Sequence[CalendarBooking], records: Records, watched: Sequence[CallEvent], *, zone: Any, spooled: int
) -> list[Check]:
    """`watched`: the events as the agent recorded them. `spooled`: journals of this call left on disk."""
    return [
        _calendar_has_rows(calendar, records, zone),
        _rows_have_bookings(calendar, records),
        _doubts_followed_up(records),
        _turns_kept(records, watched),
        _delivered_once(records, watched),
        _call_closed(records),
        _usage_and_cost(records),
        _check("nothing is left in the spool", spooled == 0, f"{spooled} journals"),
    ]


def _check(name: str, ok: bool, detail: str = "") -> Check:
    return Check(group="records", name=name, ok=ok, detail=detail)


def _row_matches(booking: CalendarBooking, row: dict[str, Any], zone: Any) -> bool:
    """Same booking, same minute, same person, and a state that says the same."""
    starts: datetime = row["starts_at"]
    return (
        row["calendar_uid"] == booking.uid
        and starts.astimezone(zone).strftime("%Y-%m-%dT%H:%M") == booking.start
        and (not row["attendee_name"] or row["attendee_name"] == booking.attendee)
        and _STANDS.get(str(row["state"])) == booking.status
    )


def _calendar_has_rows(calendar: Sequence[CalendarBooking], records: Records, zone: Any) -> Check:
    """Bookings that AVA made, moved or cancelled. A seeded one that nobody touched is nobody's business."""
    touched = {str(row["calendar_uid"]) for row in records.bookings} | {
        str(r["replaces_uid"]) for r in records.bookings
    }
    ours = [b for b in calendar if not b.foreign and (not b.seeded or b.uid in touched)]
    standing = [b for b in ours if b.status == "accepted" or (b.seeded and b.uid not in _replaced(records))]
    orphans = [b for b in standing if not any(_row_matches(b, row, zone) for row in records.bookings)]
    detail = f"no row for {', '.join(b.uid for b in orphans)}" if orphans else f"{len(standing)} bookings"
    return _check("every booking in the calendar has its row", not orphans, detail)


def _replaced(records: Records) -> set[str]:
    return {str(row["replaces_uid"]) for row in records.bookings if row["replaces_uid"]}


def _rows_have_bookings(calendar: Sequence[CalendarBooking], records: Records) -> Check:
    by_uid = {b.uid: b for b in calendar}
    settled = [row for row in records.bookings if str(row["state"]) in _STANDS]
    wrong = [
        str(row["booking_key"])
        for row in settled
        if (found := by_uid.get(str(row["calendar_uid"]))) is None or found.status != _STANDS[str(row["state"])]
    ]
    detail = f"not in the calendar as written: {', '.join(wrong)}" if wrong else f"{len(settled)} rows"
    return _check("every row has its booking in the calendar", not wrong, detail)


def _doubts_followed_up(records: Records) -> Check:
    doubts = [row for row in records.bookings if str(row["state"]) in _DOUBTS]
    told = [m for m in records.messages if m["follow_up"] == "booking_doubt"]
    ok = len(told) >= len(doubts)
    return _check("every doubt has a follow-up", ok, f"{len(doubts)} open doubts, {len(told)} follow-ups")


def _turns_kept(records: Records, watched: Sequence[CallEvent]) -> Check:
    said = [e for e in watched if isinstance(e, AssistantSaid | CallerSaid)]
    kept = [row for row in records.events if row["kind"] in ("assistant_said", "caller_said")]
    ok = [e.text for e in said] == [row["body"]["text"] for row in kept]
    return _check("every turn is in call_events, in order", ok, f"{len(kept)} of {len(said)}")


def _delivered_once(records: Records, watched: Sequence[CallEvent]) -> Check:
    """Every event that the agent recorded, once. Follow-ups of a sweep come on top."""
    kept = [str(row["event_id"]) for row in records.events]
    wanted = {str(e.event_id) for e in watched}
    missing = wanted - set(kept)
    ok = not missing and len(kept) == len(set(kept))
    return _check("every event was delivered exactly once", ok, f"{len(kept)} rows, {len(missing)} missing")


def _call_closed(records: Records) -> Check:
    call = records.call or {}
    ok = bool(call.get("outcome")) and bool(call.get("ended_by")) and call.get("ended_at") is not None
    return _check("the call is closed", ok, f"{call.get('outcome')}, ended by {call.get('ended_by')}")


def _usage_and_cost(records: Records) -> Check:
    call = records.call or {}
    usage: dict[str, Any] = call.get("usage") or {}
    ok = bool(usage.get("call_seconds")) and call.get("cost") is not None and call.get("cost_total") is not None
    return _check("usage and cost are present", ok, f"{call.get('cost_total')} {call.get('cost_currency')}")
