"""Limits that hold when the turn machinery does not: a tool that never returns, a model that never stops calling them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

from agent import limits
from agent.limits import watch
from agent.voice import CannedVoice
from contracts.call import CallOutcome, MessageTaken
from tests.fakes.tool_calls import Desk, open_conversation


@dataclass
class Session:
    """As much of one as the limits look at."""

    agent_state: str = "listening"
    current_speech: None = None
    down: bool = False

    def shutdown(self, *, drain: bool) -> None:
        self.down = True


@dataclass
class Voice:
    said: list[str] = field(default_factory=list[str])

    def say(self, _: Any, clip: str, *, allow_interruptions: bool) -> "asyncio.Future[None]":
        self.said.append(clip)
        spoken = asyncio.get_running_loop().create_future()
        spoken.set_result(None)
        return spoken


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path) as opened:
        yield opened


async def watched(desk: Desk, session: Session, voice: Voice) -> None:
    greeting = cast(SpeechHandle, None)
    await asyncio.wait_for(
        watch(cast("AgentSession[Any]", session), desk.conversation, cast(CannedVoice, voice), after=greeting), 5
    )


def kept(desk: Desk) -> list[MessageTaken]:
    return [event for event in desk.events if isinstance(event, MessageTaken)]


async def test_a_tool_that_never_returns_does_not_keep_the_caller(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thinking counts as no silence, so that nothing else would end it: a sentence, a message, and the line goes down."""
    monkeypatch.setattr(limits, "_THINKING", 0.3)
    session, voice = Session("thinking"), Voice()
    await watched(desk, session, voice)
    assert voice.said == ["give_up"]
    assert session.down
    assert (desk.conversation.ended_by, desk.conversation.outcome()) == ("failure", CallOutcome.FAILED)
    assert len(kept(desk)) == 1


async def test_a_model_that_calls_tools_without_end_is_stopped(desk: Desk) -> None:
    """Whatever they answer: the caller has not said a word meanwhile."""
    session, voice = Session("speaking"), Voice()
    desk.conversation.progress.tool_calls = 10
    await watched(desk, session, voice)
    assert voice.said == ["give_up"]


async def test_thought_that_is_followed_by_words_is_none_too_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is measured by itself."""
    monkeypatch.setattr(limits, "_THINKING", 0.5)
    session, voice = Session("thinking"), Voice()
    watching = asyncio.create_task(watched(desk, session, voice))
    for _ in range(4):
        await asyncio.sleep(0.3)
        session.agent_state = "speaking" if session.agent_state == "thinking" else "thinking"
    assert voice.said == []
    watching.cancel()


async def test_a_call_that_leads_nowhere_is_told_to_the_team(desk: Desk) -> None:
    """AVA says that she tells them."""
    session, voice = Session(), Voice()
    desk.conversation.progress.turns_since_progress = desk.conversation.config.limits.unproductive_turns
    await watched(desk, session, voice)
    assert voice.said == ["leading_nowhere"]
    assert [(message.callback_number, message.urgent) for message in kept(desk)] == [
        (desk.conversation.context.caller, False)
    ]


async def test_a_successor_has_what_is_left_of_the_calls_time(desk: Desk) -> None:
    """Not the whole of it again."""
    session, voice = Session(), Voice()
    desk.conversation.progress.elapsed = desk.conversation.config.limits.max_call - 0.2
    await watched(desk, session, voice)
    assert voice.said == ["time_is_up"]
