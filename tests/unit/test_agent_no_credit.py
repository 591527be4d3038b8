"""A call without credit, step by step: what is kept before what is said, and what is not said where it is not true."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from livekit.agents import AgentSession

from agent import no_credit
from agent.no_credit import do_without
from agent.voice import CannedVoice
from contracts.call import CallEvent, CallOutcome, MessageTaken, TransferRequested, TransferResult
from store.spool import JournalFull, pending
from tests.fakes.tool_calls import CALLER, Desk, SilentLine, open_conversation

PERSON = "+33142000000"


@dataclass
class Session:
    """As much of one as is used without credit. Its caller is there until `leave`."""

    closed: list[Callable[[Any], None]] = field(default_factory=list[Callable[[Any], None]])
    over: bool = False

    def on(self, event: str, heard: Callable[[Any], None]) -> None:
        assert event == "close"
        self.closed.append(heard)

    def leave(self) -> None:
        for heard in self.closed:
            heard(None)

    async def aclose(self) -> None:
        self.over = True


class Speech(asyncio.Future[None]):
    """Stands for a SpeechHandle."""

    interrupted = False


@dataclass
class Voice:
    """`on_disk` is what the journals held when each sentence began."""

    spool: Path
    said: list[str] = field(default_factory=list[str])
    on_disk: list[str] = field(default_factory=list[str])
    gone: bool = False
    endless: bool = False
    cut: bool = False

    def say(self, _: Any, clip: str, *, allow_interruptions: bool) -> Speech:
        assert not allow_interruptions
        if self.gone:
            raise RuntimeError("AgentSession is closing, cannot use say()")
        self.said.append(clip)
        self.on_disk.append("".join(path.read_text() for path in pending(self.spool)))
        spoken = Speech()
        spoken.interrupted = self.cut
        if not self.endless:
            spoken.set_result(None)
        return spoken


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path, with_desk=False) as opened:
        yield opened


@pytest.fixture
def voice(tmp_path: Path) -> Voice:
    return Voice(tmp_path)


async def answered(desk: Desk, voice: Voice, *, transfer_to: str | None = None, session: Session | None = None) -> None:
    c = desk.conversation
    c.context = c.context.model_copy(update={"without_credit": True, "transfer_to": transfer_to})
    ended = session or Session()
    await asyncio.wait_for(do_without(cast("AgentSession[Any]", ended), c, cast(CannedVoice, voice)), 5)
    assert ended.over


def kept(desk: Desk) -> list[MessageTaken]:
    return [event for event in desk.events if isinstance(event, MessageTaken)]


async def test_it_is_on_disk_before_the_caller_hears_that_it_is_noted(desk: Desk, voice: Voice) -> None:
    """A process that dies with the sentence owes nobody anything."""
    await answered(desk, voice)
    assert voice.said == ["call_noted"]
    [message] = kept(desk)
    assert (message.callback_number, message.reason) == (CALLER, desk.conversation.phrases.unanswered)
    assert str(message.message_id) in voice.on_disk[0]
    assert (desk.conversation.outcome(), desk.conversation.ended_by) == (CallOutcome.REFUSED, "assistant")


async def test_another_job_of_the_call_notes_it_once(desk: Desk, voice: Voice) -> None:
    for _ in range(2):
        await answered(desk, voice)
    assert len({message.message_id for message in kept(desk)}) == 1


async def test_a_disk_that_refuses_is_not_told_as_noted(
    desk: Desk, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: CallEvent) -> None:
        raise JournalFull("the disk takes nothing")

    monkeypatch.setattr(desk.recorder, "keep", refuse)
    await answered(desk, voice)
    assert voice.said == ["paused"]


async def test_a_caller_who_withholds_the_number_is_not_told_that_it_is_noted(tmp_path: Path, voice: Voice) -> None:
    """The team sees that somebody rang, and can't call back."""
    async with open_conversation(tmp_path, with_desk=False, caller=None) as desk:
        await answered(desk, voice)
        assert voice.said == ["paused"]
        assert [message.callback_number for message in kept(desk)] == [None]


@pytest.mark.parametrize("result", ["busy", "no_answer", "failed", "declined", "unavailable"])
async def test_a_transfer_that_does_not_come_about_is_told_and_noted(
    desk: Desk, voice: Voice, result: TransferResult
) -> None:
    desk.line.answer = result
    await answered(desk, voice, transfer_to=PERSON)
    assert (voice.said, desk.line.asked) == (["putting_through", "call_noted"], [PERSON])
    assert [e.result for e in desk.events if isinstance(e, TransferRequested)] == [result]
    assert len(kept(desk)) == 1


async def test_a_caller_who_is_put_through_is_let_go(desk: Desk, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose leg does not leave by itself is hung up on; there is nothing to call back for."""
    monkeypatch.setattr(no_credit, "_LEAVES_WITHIN", 0.05)
    await answered(desk, voice, transfer_to=PERSON)
    assert (voice.said, kept(desk), desk.conversation.progress.transferred) == (["putting_through"], [], True)


async def test_nobody_is_rung_for_a_caller_who_has_gone(desk: Desk, voice: Voice) -> None:
    """It is noted all the same."""
    session = Session()

    @dataclass
    class Left(SilentLine):
        async def start(self, session: Any, agent: Any) -> None:
            session.leave()

    line = Left(desk.line.inbound)
    desk.conversation.line = line
    await answered(desk, voice, transfer_to=PERSON, session=session)
    assert (line.asked, voice.said) == ([], [])
    assert [e.result for e in desk.events if isinstance(e, TransferRequested)] == ["abandoned"]
    assert len(kept(desk)) == 1
    assert desk.conversation.ended_by == "caller"


@pytest.mark.parametrize("how", ["gone", "cut"])
@pytest.mark.parametrize("transfer_to", [None, PERSON])
async def test_a_caller_who_hangs_up_into_a_sentence_ended_the_call(
    desk: Desk, voice: Voice, how: str, transfer_to: str | None
) -> None:
    """The session is closing, or has cut the sentence off, before it says that it has closed."""
    setattr(voice, how, True)
    await answered(desk, voice, transfer_to=transfer_to)
    assert (desk.line.asked, len(kept(desk)), desk.conversation.ended_by) == ([], 1, "caller")


async def test_a_sentence_that_never_ends_ends(desk: Desk, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(no_credit, "_SENTENCE", 0.05)
    voice.endless = True
    await answered(desk, voice)
    assert voice.said == ["call_noted"]
