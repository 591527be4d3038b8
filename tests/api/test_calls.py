"""What an owner sees of calls: the list, one call, its events, the export, what callers left."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from contracts.call import BookingState, CallOutcome
from control_api.calls.export import COLUMNS
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.recorded_calls import Line, answered, cost, open_line, said

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture(loop_scope="session")
async def line(plane: ControlPlane, owner: Client) -> AsyncIterator[Line]:
    async with open_line(plane, owner) as opened:
        yield opened


async def listed(client: Client, **filters: Any) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get("/v1/calls", params={**filters, **cursor})
        assert answer.status_code == 200, answer.text
        found.extend(answer.json()["items"])
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def ids(client: Client, **filters: Any) -> list[UUID]:
    return [UUID(item["call_id"]) for item in await listed(client, **filters)]


def refused_at(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [problem["pointer"] for problem in answer.json().get("errors", [])]


class TestOneCall:
    async def test_everything_that_was_recorded_is_there(self, line: Line) -> None:
        """Transcript with latencies, tools, booking, message, transfer, problem, cost, and the version it ran on."""
        call_id = await line.call(
            MONDAY,
            CallOutcome.BOOKED,
            line.who.everything(MONDAY),
            seconds=90,
            summary="book: checkup",
            cost=cost("0.0123"),
            latency_p50_ms=640.0,
        )
        await line.records(call_id)
        answer = await line.owner.get(f"/v1/calls/{call_id}")
        assert answer.status_code == 200, answer.text
        call = answer.json()
        facts = {
            "assistant_id": str(line.assistant_id), "version": 1, "source": "database", "dialed": line.number,
            "caller": line.who.number, "started_at": "2026-03-02T09:00:00Z", "ended_at": "2026-03-02T09:01:30Z",
            "duration_seconds": 90.0, "outcome": "booked", "refusal": None, "ended_by": "caller",
            "summary": "book: checkup", "turns": 1, "tool_calls": 1, "booked": True, "message_left": True,
            "latency_p50_ms": 640.0, "latency_p95_ms": None, "cost_total": "0.0123", "cost_currency": "USD",
            "has_recording": True, "redacted_at": None, "is_complete": True,
        }  # fmt: skip
        assert {name: call[name] for name in facts} == facts
        assert [(turn["speaker"], turn["text"]) for turn in call["transcript"]] == [
            ("assistant", "Bonjour."),
            ("caller", f"Ici {line.who.name}, j'ai {line.who.words}."),
            ("assistant", f"Enchantée, {line.who.name}."),
        ]
        assert call["transcript"][2]["latency"]["total"] == 640.0
        assert call["tool_uses"][0]["arguments"] == {"name": line.who.name, "phone": line.who.number}
        assert [(b["state"], b["attendee_name"], b["calendar_uid"]) for b in call["bookings"]] == [
            ("confirmed", line.who.name, line.who.uid)
        ]
        assert [(m["caller_name"], m["urgent"], m["follow_up"]) for m in call["messages"]] == [
            (line.who.name, True, "message")
        ]
        assert [(t["to"], t["result"]) for t in call["transfers"]] == [("+33142000000", "failed")]
        assert [(p["part"], p["code"]) for p in call["problems"]] == [("tts", "timeout")]
        assert [h["claim"] for h in call["held_speech"]] == ["booked"]
        assert call["usage"]["llm_input_tokens"] == 900
        assert call["cost"]["lines"][0]["amount"] == "0.0123"
        assert [(r["seconds"], r["bytes"]) for r in call["recordings"]] == [(1.5, 4096)]
        assert "object_key" not in answer.text

    async def test_a_call_under_way(self, line: Line) -> None:
        """Shows what has been said so far."""
        call_id = await line.begin(MONDAY, caller=None)
        await line.store.append_events(call_id, [answered("Bonjour.", MONDAY)])
        call = (await line.owner.get(f"/v1/calls/{call_id}")).json()
        under_way = (call["outcome"], call["ended_at"], call["duration_seconds"], call["cost"], call["caller"])
        assert under_way == (None, None, None, None, None)
        assert len(call["transcript"]) == 1

    async def test_what_came_late_is_told_where_it_belongs(self, line: Line) -> None:
        """The transcript is in the order of the conversation, whatever order it was delivered in."""
        call_id = await line.begin(MONDAY)
        await line.store.append_events(call_id, [said("deux", MONDAY + 2 * MINUTE)])
        await line.store.append_events(call_id, [said("un", MONDAY + MINUTE)])
        call = (await line.owner.get(f"/v1/calls/{call_id}")).json()
        assert [turn["text"] for turn in call["transcript"]] == ["un", "deux"]

    async def test_nobody_elses(self, plane: ControlPlane, line: Line) -> None:
        """Another tenant's call is as absent as one that never was."""
        call_id = await line.call(MONDAY, events=line.who.everything(MONDAY))
        stranger = await plane.owner()
        for unknown in (call_id, uuid4()):
            for path in (f"/v1/calls/{unknown}", f"/v1/calls/{unknown}/events"):
                answer = await stranger.get(path)
                assert (answer.status_code, answer.json()["type"]) == (404, "urn:ava:problem:not_found")
        assert await listed(stranger) == []
        assert (await stranger.get("/v1/messages")).json()["items"] == []
        assert (await stranger.get("/v1/calls/export", params={"format": "jsonl"})).text == ""


class TestEvents:
    async def test_every_kind_as_it_was_recorded(self, line: Line) -> None:
        """Typed by kind, in pages that join without a gap."""
        events = line.who.everything(MONDAY)
        call_id = await line.call(MONDAY, events=events)
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await line.owner.get(f"/v1/calls/{call_id}/events", params={"limit": 4, **cursor})).json()
            found.extend(page["items"])
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == [event.model_dump(mode="json") for event in events]

    async def test_what_a_newer_worker_wrote(self, line: Line) -> None:
        """A kind or a form this release does not know is given as it is stored, and breaks nothing."""
        call_id = await line.call(MONDAY)
        for kind, body in (("smiled", {"width": 3}), ("problem_seen", {"part": "moon", "code": "x"})):
            line.database.select(
                "insert into call_events (event_id, call_id, tenant_id, at, kind, body)"
                " values (%s, %s, %s, now(), %s, %s::jsonb) returning 1",
                uuid4(),
                call_id,
                line.owner.tenant_id,
                kind,
                json.dumps(body),
            )
        page = (await line.owner.get(f"/v1/calls/{call_id}/events")).json()
        assert [(item["kind"], item["body"]) for item in page["items"]] == [
            ("smiled", {"width": 3}),
            ("problem_seen", {"part": "moon", "code": "x"}),
        ]
        assert (await line.owner.get(f"/v1/calls/{call_id}")).json()["problems"] == []

    async def test_not_a_cursor(self, line: Line) -> None:
        """Refused with words, whatever it is."""
        call_id = await line.call(MONDAY)
        for cursor in ("x", "WzFd%", "W10", "WyJ4Il0", "Wy0xXQ", "WzFlOTld", "bnVsbA"):
            answer = await line.owner.get(f"/v1/calls/{call_id}/events", params={"cursor": cursor})
            assert refused_at(answer) == ["query.cursor"]


class TestList:
    async def test_each_filter(self, plane: ControlPlane, line: Line) -> None:
        """Alone and together; what does not match is not there."""
        booked = await line.call(MONDAY, CallOutcome.BOOKED, seconds=30)
        silent = await line.call(MONDAY + MINUTE, CallOutcome.SILENT, caller="+33700000001", seconds=60)
        withheld = await line.call(MONDAY + 2 * MINUTE, CallOutcome.MESSAGE_TAKEN, caller=None, seconds=90)
        async with open_line(plane, line.owner) as second:
            other = await second.call(MONDAY + 3 * MINUTE, CallOutcome.BOOKED, caller=line.who.number, seconds=120)
        owner = line.owner
        assert await ids(owner) == [other, withheld, silent, booked]
        assert await ids(owner, assistant_id=str(second.assistant_id)) == [other]
        assert await ids(owner, number=line.number) == [withheld, silent, booked]
        assert await ids(owner, outcome="booked") == [other, booked]
        assert await ids(owner, outcome=["silent", "message_taken"]) == [withheld, silent]
        assert await ids(owner, caller=line.who.number) == [other, booked]
        assert await ids(owner, **{"from": "2026-03-02T10:01:00+01:00", "to": "2026-03-02T09:03:00Z"}) == [
            withheld,
            silent,
        ]
        assert await ids(owner, min_duration=60, max_duration=90) == [withheld, silent]
        assert await ids(owner, outcome="booked", number=line.number, caller=line.who.number, max_duration=30) == [
            booked
        ]
        assert await ids(owner, assistant_id=str(uuid4())) == []
        # a plus sign that was not encoded arrives as a space
        answer = await owner.http.get(f"/v1/calls?caller={line.who.number}")
        assert [item["call_id"] for item in answer.json()["items"]] == [str(other), str(booked)]

    async def test_pages_stay_in_step_while_calls_come_in(self, line: Line) -> None:
        """Every call that was there at the beginning comes once, in order, those of one moment too."""
        before = [await line.call(MONDAY + number // 4 * MINUTE, caller=None) for number in range(11)]
        wanted = [UUID(item["call_id"]) for item in await listed(line.owner, limit=100)]
        assert sorted(wanted) == sorted(before)
        found: list[UUID] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await line.owner.get("/v1/calls", params={"limit": 3, **cursor})).json()
            found.extend(UUID(item["call_id"]) for item in page["items"])
            await line.begin(MONDAY + timedelta(hours=1))
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == wanted

    async def test_what_can_not_be(self, line: Line) -> None:
        """Each says which field, and what to do."""
        for params, place in (
            ({"from": "2026-03-02T09:00:00"}, "query.from"),
            ({"from": "2026-03-02T09:00:00Z", "to": "2026-03-02T10:00:00+01:00"}, "query.from"),
            ({"to": "0001-01-01T00:00:00Z"}, "query.to"),
            ({"from": "9999-12-31T23:59:59-12:00"}, "query.from"),
            ({"caller": "0612345678"}, "query.caller"),
            ({"number": "+1"}, "query.number"),
            ({"outcome": "good"}, "query.outcome.0"),
            ({"min_duration": 10, "max_duration": 5}, "query.min_duration"),
            ({"min_duration": -1}, "query.min_duration"),
            ({"max_duration": 10**12}, "query.max_duration"),
            ({"limit": 101}, "query.limit"),
            ({"cursor": "nonsense"}, "query.cursor"),
            ({"assistant_id": "one"}, "query.assistant_id"),
        ):
            answer = await line.owner.get("/v1/calls", params=params)
            assert refused_at(answer) == [place], params
            assert answer.json()["errors"][0]["advice"] or answer.json()["errors"][0]["reason"]

    async def test_who_may(self, plane: ControlPlane, line: Line) -> None:
        """Viewers and keys with calls:read read; they delete nothing."""
        call_id = await line.call(MONDAY)
        viewer = await plane.member(line.owner, "viewer")
        machine = await plane.machine(line.owner, "calls:read")
        for reader in (viewer, machine):
            assert await ids(reader) == [call_id]
            assert (await reader.get(f"/v1/calls/{call_id}")).status_code == 200
            assert (await reader.http.delete(f"/v1/calls/{call_id}")).status_code == 403
            assert (await reader.post("/v1/callers/redact", {"caller": line.who.number})).status_code == 403
        blind = await plane.machine(line.owner, "assistants:read")
        assert (await blind.get("/v1/calls")).status_code == 403


class TestExport:
    async def test_it_is_the_list(self, line: Line) -> None:
        """More calls than one page of the export: same calls, same order, same values, in both forms."""
        line.add_many(1100, newest=MONDAY)
        await line.call(MONDAY + MINUTE, CallOutcome.BOOKED, line.who.everything(MONDAY), cost=cost("0.0123"))
        items = await listed(line.owner, limit=100)
        answer = await line.owner.get("/v1/calls/export", params={"format": "jsonl"})
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert answer.headers["content-disposition"].endswith('.jsonl"')
        assert [json.loads(row) for row in answer.text.splitlines()] == items
        answer = await line.owner.get("/v1/calls/export")
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert tuple(rows[0]) == COLUMNS
        words = {None: "", True: "true", False: "false"}
        assert rows == [
            {
                name: words[value] if value is None or isinstance(value, bool) else str(value)
                for name, value in item.items()
            }
            for item in items
        ]

    async def test_it_takes_the_same_filters(self, line: Line) -> None:
        """And refuses the same."""
        await line.call(MONDAY, CallOutcome.SILENT)
        booked = await line.call(MONDAY, CallOutcome.BOOKED)
        answer = await line.owner.get("/v1/calls/export", params={"format": "jsonl", "outcome": "booked"})
        assert [json.loads(row)["call_id"] for row in answer.text.splitlines()] == [str(booked)]
        answer = await line.owner.get("/v1/calls/export", params={"min_duration": 2, "max_duration": 1})
        assert refused_at(answer) == ["query.min_duration"]
        assert refused_at(await line.owner.get("/v1/calls/export", params={"format": "xlsx"})) == ["query.format"]

    async def test_no_cell_is_a_formula(self, line: Line) -> None:
        """What a caller or a model made up can't run in the owner's spreadsheet; telephone numbers stay numbers."""
        await line.call(MONDAY, summary='=HYPERLINK("http://evil.example";"a")')
        rows = list(csv.DictReader(io.StringIO((await line.owner.get("/v1/calls/export")).text)))
        assert (rows[0]["summary"], rows[0]["caller"]) == ('\'=HYPERLINK("http://evil.example";"a")', line.who.number)


class TestMessages:
    async def test_what_callers_left(self, plane: ControlPlane, line: Line) -> None:
        """Newest first, each with the call it was left in; by assistant, urgency and time; in pages."""
        first = await line.call(MONDAY, events=[line.who.leaves(MONDAY)])
        second = await line.call(MONDAY, events=[line.who.leaves(MONDAY + MINUTE, urgent=True)], caller=None)
        async with open_line(plane, line.owner) as other:
            third = await other.call(MONDAY, events=[line.who.leaves(MONDAY + 2 * MINUTE)])

        async def left(**params: Any) -> list[UUID]:
            answer = await line.owner.get("/v1/messages", params=params)
            assert answer.status_code == 200, answer.text
            return [UUID(item["call_id"]) for item in answer.json()["items"]]

        assert await left() == [third, second, first]
        assert await left(urgent=True) == [second]
        assert await left(urgent=False) == [third, first]
        assert await left(assistant_id=str(line.assistant_id)) == [second, first]
        assert await left(**{"from": "2026-03-02T09:01:00Z", "to": "2026-03-02T09:02:00Z"}) == [second]
        page = (await line.owner.get("/v1/messages", params={"limit": 2})).json()
        assert page["items"][0]["assistant_id"] == str(other.assistant_id)
        assert (page["items"][0]["caller"], page["items"][1]["caller"]) == (other.who.number, None)
        rest = (await line.owner.get("/v1/messages", params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert [item["call_id"] for item in rest["items"]] == [str(first)]
        assert rest["next_cursor"] is None
        answer = await line.owner.get(
            "/v1/messages", params={"from": "2026-03-02T09:01:00Z", "to": "2026-03-02T09:01:00Z"}
        )
        assert refused_at(answer) == ["query.from"]


async def test_a_booking_in_doubt_is_not_told_as_made(line: Line) -> None:
    """`booked` is what the calendar confirmed."""
    call_id = await line.call(MONDAY, events=[line.who.books(MONDAY, BookingState.UNCONFIRMED)])
    (item,) = await listed(line.owner)
    assert (item["call_id"], item["booked"]) == (str(call_id), False)
