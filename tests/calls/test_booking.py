"""One booking on real audio, looked at from every side: the calendar, the database, the traces, the logs."""

import json
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
import pytest_asyncio
import structlog

from agent import logs
from tests.fakes.ringing import House, Ring

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLER = "+33698765432"


class _Everything(logging.Handler):
    """Records as a JSON formatter would write them: message, extras, traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        extras = {k: v for k, v in record.__dict__.items() if k not in ("msg", "args")}
        self.lines.append(f"{record.getMessage()} {extras}")


@dataclass
class Seen:
    ring: Ring
    state: dict[str, Any]
    spans: dict[str, Any]
    logged: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def booked(open_house: House) -> AsyncIterator[Seen]:
    """A caller books; the model calls book_slot twice in one message."""
    house = open_house
    await house.as_on_the_first_day()
    book = {
        "name": "book_slot",
        "arguments": {"slot_id": "s1", "caller_name": "Jean Dupont", "callback_number": "", "email": ""},
    }
    hold = {"name": "hold_slot", "arguments": {"slot_id": "s1", "caller_name": "Jean Dupont"}}
    await house.model_says(
        {"when_user_matches": "le premier", "tool_calls": [hold]},
        {"when_user_matches": "je confirme", "tool_calls": [book, book]},
    )
    written, stderr, handler, root = StringIO(), sys.stderr, _Everything(), logging.getLogger()
    level = root.level
    sys.stderr = written
    logs.set_up("DEBUG")
    sys.stderr = stderr
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    framework = logging.getLogger("livekit.agents")
    framework_level = framework.level
    framework.setLevel(logging.DEBUG)  # it writes what was said there, under keys that logs.set_up takes away
    try:
        async with house.ring(house.assistant(), caller=CALLER) as ring:
            await ring.greeted()
            await ring.plays("fr-want-thursday")
            await ring.hears_more(0.5)
            await ring.asks("Le premier, au nom de Jean Dupont.")
            await ring.plays("fr-confirm")
            await ring.hears_more(0.5)
            await ring.hang_up()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        framework.setLevel(framework_level)
        structlog.reset_defaults()
    lines = [*written.getvalue().splitlines(), *handler.lines]
    state, spans = await house.stack.get("calcom", "state"), await house.stack.get("langfuse", "spans")
    yield Seen(ring, state, spans, "\n".join(lines))


async def test_a_tool_called_twice_in_one_message_books_once(booked: Seen) -> None:
    standing = [b for b in booked.state["bookings"] if b["status"] == "accepted"]
    assert len(standing) == 1
    assert sum("C'est réservé" in sentence for sentence in booked.ring.said) == 1
    [row] = booked.ring.rows("bookings")
    assert (row["state"], row["calendar_uid"]) == ("confirmed", standing[0]["uid"])
    assert booked.ring.row()["outcome"] == "booked"


async def test_every_span_says_whose_call_it_is_and_none_says_what_was_said(booked: Seen) -> None:
    spans = booked.spans["spans"]
    assert spans
    assert booked.spans["ingestion_versions"] == ["4"]
    for span in spans:
        attributes = span["attributes"]
        assert attributes["langfuse.session.id"] == str(booked.ring.inbound.call_id), span["name"]
        assert attributes["langfuse.user.id"], span["name"]
        assert attributes["langfuse.trace.name"] == "call", span["name"]
        assert set(tags_of(booked)) <= set(attributes["langfuse.trace.tags"]), span["name"]
    everything = json.dumps(spans, ensure_ascii=False)
    for words in (*booked.ring.understood, *booked.ring.said, "Dupont", CALLER):
        assert words not in everything


def tags_of(booked: Seen) -> list[str]:
    row = booked.ring.row()
    return ["call", "fr", f"tenant:{row['tenant_id']}", f"assistant:{row['assistant_id']}", f"version:{row['version']}"]


async def test_the_trace_is_one_and_its_root_says_what_came_of_the_call(booked: Seen) -> None:
    """Outcome and usage as the record has them; everything of the call is below it, and ended before it."""
    spans = booked.spans["spans"]
    [root] = [span for span in spans if span["parent_span_id"] is None]
    assert root["name"] == "call"
    assert {span["trace_id"] for span in spans} == {root["trace_id"]}
    assert {"agent_session", "llm_request", "tts_request"} <= {span["name"] for span in spans}
    assert max(span["end_ns"] for span in spans) == root["end_ns"]
    attributes, row = root["attributes"], booked.ring.row()
    assert attributes["langfuse.trace.tags"] == [*tags_of(booked), "outcome:booked"]
    assert json.loads(attributes["langfuse.trace.metadata.outcome"]) == row["outcome"]
    assert json.loads(attributes["langfuse.observation.metadata.ended_by"]) == row["ended_by"]
    assert row["usage"]["llm_output_tokens"] > 0
    for name, units in row["usage"].items():
        assert json.loads(attributes[f"langfuse.observation.metadata.{name}"]) == pytest.approx(units), name
    assert attributes["langfuse.observation.metadata.cost_usd"] == str(row["cost_total"])


async def test_nothing_personal_is_logged(booked: Seen) -> None:
    assert '"event": "call closed"' in booked.logged, "what is logged is seen here"
    assert str(booked.ring.inbound.call_id) in booked.logged
    for words in (CALLER, CALLER.lstrip("+"), "Dupont", "Jean", *booked.ring.understood, *booked.ring.said):
        assert words not in booked.logged, words
