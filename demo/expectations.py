"""What a scenario expected against what came of the call: states first, sentences only by their kind.

Owns: one named check per expectation. Refuses: calendar against rows (`demo.verify`) and sound (`demo.audio`).
"""

import json
import re
from collections.abc import Sequence

from agent.phrases import PHRASES
from contracts.assistant import Language
from contracts.call import AssistantSaid, CallEvent, ProblemSeen, SpeechHeld, ToolCalled, TransferRequested
from demo.report import CalendarBooking, Check, Records
from demo.scenario import Expected, Scenario


def check_expected(
    scenario: Scenario,
    *,
    calendar: Sequence[CalendarBooking],
    records: Records,
    events: Sequence[CallEvent],
    unanswered: Sequence[str],
) -> list[Check]:
    wanted = scenario.expect
    checks = [_outcome(wanted, records), _bookings(wanted, calendar), *_rows(wanted, records, events)]
    checks += _results(wanted, events)
    checks += _sentences(wanted, scenario.language, events)
    if wanted.problems:
        seen = {e.part for e in events if isinstance(e, ProblemSeen)}
        checks.append(_check("the failing parts are on record", set(wanted.problems) <= seen, ", ".join(sorted(seen))))
    if wanted.held:
        held = sum(1 for e in events if isinstance(e, SpeechHeld))
        checks.append(_check("unproved sentences were held back", held >= wanted.held, f"{held} held"))
    if wanted.interruptions:
        cut = sum(1 for e in events if isinstance(e, AssistantSaid) and e.interrupted)
        checks.append(_check("AVA let herself be interrupted", cut >= wanted.interruptions, f"{cut} turns cut"))
    detail = f"silence after {', '.join(unanswered)}" if unanswered else ""
    checks.append(_check("the caller was never left without an answer", not unanswered, detail))
    return checks


def _check(name: str, ok: bool, detail: str = "") -> Check:
    return Check(group="expected", name=name, ok=ok, detail=detail)


def _outcome(wanted: Expected, records: Records) -> Check:
    if wanted.no_call_row:
        return _check("an unknown number is nobody's call", records.call is None)
    call = records.call or {}
    ok = call.get("outcome") == wanted.outcome and wanted.ended_by in (None, call.get("ended_by"))
    expected = f"{wanted.outcome}" + (f" by {wanted.ended_by}" if wanted.ended_by else "")
    return _check(
        "the call ended as expected", ok, f"{call.get('outcome')} by {call.get('ended_by')}, wanted {expected}"
    )


def _bookings(wanted: Expected, calendar: Sequence[CalendarBooking]) -> Check:
    """Exactly these: of seeded ones only those that no longer stand as they did."""
    expected = {(b.service, b.start.strftime("%Y-%m-%dT%H:%M"), b.attendee, b.status) for b in wanted.bookings}
    found = {
        (b.service, b.start, b.attendee, b.status)
        for b in calendar
        if not b.foreign and (not b.seeded or b.status != "accepted")
    }
    phones = {b.phone for b in wanted.bookings if b.phone} - {b.phone for b in calendar}
    detail = "; ".join(" ".join(b) for b in sorted(found)) or "none"
    if found != expected:
        detail += " — wanted " + ("; ".join(" ".join(b) for b in sorted(expected)) or "none")
    return _check("the calendar holds what was agreed", found == expected and not phones, detail)


def _rows(wanted: Expected, records: Records, events: Sequence[CallEvent]) -> list[Check]:
    messages = sorted(str(m["follow_up"]) for m in records.messages)
    transfers = [e.result for e in events if isinstance(e, TransferRequested)]
    return [
        _check("messages are kept as expected", messages == sorted(wanted.messages), ", ".join(messages) or "none"),
        _check("transfers are as expected", transfers == list(wanted.transfers), ", ".join(transfers) or "none"),
    ]


def statuses(events: Sequence[CallEvent], tool: str) -> list[str]:
    """What a tool answered, call by call; "error" for what is not one of our results."""
    found: list[str] = []
    for event in events:
        if isinstance(event, ToolCalled) and event.tool == tool:
            try:
                found.append(str(json.loads(event.result)["status"]))
            except (ValueError, KeyError, TypeError):
                found.append("error")
    return found


def _in_order(wanted: Sequence[str], found: Sequence[str]) -> bool:
    rest = iter(found)
    return all(any(status == one for one in rest) for status in wanted)


def _results(wanted: Expected, events: Sequence[CallEvent]) -> list[Check]:
    checks: list[Check] = []
    for tool, expected in wanted.results.items():
        found = statuses(events, tool)
        checks.append(_check(f"{tool} answered {', '.join(expected)}", _in_order(expected, found), ", ".join(found)))
    for tool, forbidden in wanted.never_results.items():
        found = statuses(events, tool)
        checks.append(_check(f"{tool} never answered {', '.join(forbidden)}", not set(found) & set(forbidden)))
    return checks


def _pattern(phrase: str) -> re.Pattern[str]:
    """A phrase of agent/phrases.py with anything in its places."""
    return re.compile(".+?".join(re.escape(piece) for piece in re.split(r"\{\w+\}", phrase)), re.DOTALL)


def _sentences(wanted: Expected, language: Language, events: Sequence[CallEvent]) -> list[Check]:
    said = [e.text for e in events if isinstance(e, AssistantSaid)]
    checks: list[Check] = []
    for name, must in [*((n, True) for n in wanted.heard), *((n, False) for n in wanted.never_heard)]:
        pattern = _pattern(getattr(PHRASES[language], name))
        found = any(pattern.search(text) for text in said)
        verb = "said" if must else "never said"
        checks.append(_check(f"AVA {verb}: {name.replace('_', ' ')}", found == must))
    return checks
