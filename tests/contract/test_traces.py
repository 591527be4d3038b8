"""What Langfuse gets of a call, decoded at its stand-in: over the real exporter, before the process that made it ends."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from livekit.agents.telemetry import tracer

from agent.settings import Settings, load_settings
from agent.telemetry import open_trace
from contracts.assistant import AssistantConfig
from contracts.call import CallClosing, CallContext, CallOutcome, Cost, Usage
from sandbox.otlp_sink import create_app
from sandbox.providers import serve

SAID = "Je m'appelle Jean Dupont"


@pytest_asyncio.fixture
async def langfuse() -> AsyncIterator[httpx.AsyncClient]:
    async with serve(create_app()) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


def settings(url: str, **changes: Any) -> Settings:
    return load_settings(
        _env_file=None, openai_api_key="-", deepgram_api_key="-", eleven_api_key="-", supabase_url="http://127.0.0.1:1",
        supabase_secret_key="-", langfuse_public_key="pk", langfuse_secret_key="sk", langfuse_base_url=url, **changes,
    )  # fmt: skip


def context(config: AssistantConfig) -> CallContext:
    return CallContext(
        call_id=uuid4(), sip_call_id="SCL", dialed="+33142000001", caller="+33612345678", started_at=datetime.now(UTC),
        tenant_id=uuid4(), assistant_id=uuid4(), version=7, config=config, calendar=None,
    )  # fmt: skip


def closing(call: CallContext, outcome: CallOutcome) -> CallClosing:
    return CallClosing(
        call_id=call.call_id,
        ended_at=datetime.now(UTC),
        outcome=outcome,
        ended_by="caller",
        summary=SAID,
        usage=Usage(stt_seconds=61.5, llm_output_tokens=240, call_seconds=62.0),
        cost=Cost(total="0.0312"),  # pyright: ignore[reportArgumentType] - as JSON has it
        latency_p50_ms=640.5,
    )


async def traced(http: httpx.AsyncClient, call: CallContext, outcome: CallOutcome, **changes: Any) -> list[Any]:
    """One call with one sentence in it -> its spans."""
    trace = open_trace(call, settings(str(http.base_url), **changes))
    with tracer.start_as_current_span("agent_session") as session, tracer.start_as_current_span("user_turn") as turn:
        session.set_attribute("lk.sip.trunkPhoneNumber", call.dialed)  # as the framework does of a telephone's room
        turn.set_attribute("lk.pii.user_transcript", SAID)
    trace.conclude(closing(call, outcome))
    await trace.flush()
    received = (await http.get("/_ctl/spans")).json()["spans"]
    return [span for span in received if span["attributes"]["langfuse.session.id"] == str(call.call_id)]


async def test_every_span_has_the_tags_and_the_root_has_the_outcome(
    langfuse: httpx.AsyncClient, config: AssistantConfig
) -> None:
    call = context(config)
    spans = await traced(langfuse, call, CallOutcome.BOOKED)
    [root] = [span for span in spans if span["parent_span_id"] is None]
    tags = ["call", "fr", f"tenant:{call.tenant_id}", f"assistant:{call.assistant_id}", "version:7"]
    assert {span["name"]: span["attributes"]["langfuse.trace.tags"] for span in spans} == {
        "user_turn": tags,
        "agent_session": tags,
        "call": [*tags, "outcome:booked"],
    }
    assert root["name"] == "call"
    assert {span["trace_id"] for span in spans} == {root["trace_id"]}
    attributes = root["attributes"]
    assert json.loads(attributes["langfuse.trace.metadata.outcome"]) == "booked"
    figures = {
        "stt_seconds": 61.5,
        "llm_output_tokens": 240,
        "call_seconds": 62.0,
        "cost_usd": 0.0312,
        "latency_p50_ms": 640.5,
    }
    assert {name: json.loads(attributes[f"langfuse.observation.metadata.{name}"]) for name in figures} == figures
    assert "langfuse.observation.metadata.latency_p95_ms" not in attributes
    assert attributes["langfuse.observation.level"] == "DEFAULT"


async def test_a_call_that_failed_shows_as_an_error(langfuse: httpx.AsyncClient, config: AssistantConfig) -> None:
    [root] = [span for span in await traced(langfuse, context(config), CallOutcome.FAILED) if span["name"] == "call"]
    assert root["attributes"]["langfuse.observation.level"] == "ERROR"


@pytest.mark.parametrize(("chosen", "told"), [(False, False), (True, True)])
async def test_words_leave_only_by_choice(
    langfuse: httpx.AsyncClient, config: AssistantConfig, chosen: bool, told: bool
) -> None:
    """Numbers and the summary never do."""
    spans = await traced(langfuse, context(config), CallOutcome.ANSWERED, langfuse_content=chosen)
    turn = next(span for span in spans if span["name"] == "user_turn")
    root = next(span for span in spans if span["name"] == "call")
    assert (SAID in json.dumps(turn, ensure_ascii=False)) is told
    assert SAID not in json.dumps(root, ensure_ascii=False)
    for number in ("33612345678", "33142000001"):
        assert number not in json.dumps(spans)


async def test_calls_after_each_other_are_traces_of_their_own(
    langfuse: httpx.AsyncClient, config: AssistantConfig
) -> None:
    """In one process and one task, as in the demo: the second is not inside the first."""
    first = await traced(langfuse, context(config), CallOutcome.SILENT)
    second = await traced(langfuse, context(config), CallOutcome.SILENT)
    assert {span["trace_id"] for span in first}.isdisjoint(span["trace_id"] for span in second)
    assert sum(span["parent_span_id"] is None for span in second) == 1


async def test_a_langfuse_that_is_away_holds_nobody_up(config: AssistantConfig) -> None:
    """Nothing is raised, and the end of the call does not wait for it longer than it may."""
    call = context(config)
    trace = open_trace(call, settings("http://127.0.0.1:9"))
    trace.conclude(closing(call, CallOutcome.ANSWERED))
    began = datetime.now(UTC)
    await trace.flush()
    assert (datetime.now(UTC) - began).total_seconds() < 20
