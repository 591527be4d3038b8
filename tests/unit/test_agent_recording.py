"""When a call is recorded and when not: what counts as an objection, and what a disk that fails does to the call."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from livekit.agents import AgentSession
from livekit.agents.llm import ChatMessage

from agent.closing import OpenedCall
from agent.notice import is_recorded
from agent.objections import objects
from agent.recording import CallRecording
from agent.resources import Resources
from agent.telemetry import CallTrace
from agent.tools.recording import RecordingTools
from agent.tools.roster import toolsets
from contracts.assistant import Language, Recording
from contracts.call import ToolCalled
from demo.sound import TICK_BYTES, Ear, Mouth
from demo.stack import read_preset
from store.recordings.outbox import Outbox
from store.recordings.place import Place
from store.recordings.shelf import open_shelf
from store.recordings.tape import AUDIO, Tape, seconds_of
from tests.fakes.tapes import level, read_tape, write_tape
from tests.fakes.tool_calls import Desk, ToolContext, call_tool, open_conversation

ON = Recording(enabled=True, consent="Cet appel est enregistré.")


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        ("fr", "Je ne veux pas être enregistré.", True),
        ("fr", "Ah non, pas d'enregistrement s'il vous plaît.", True),
        ("fr", "Arrêtez l'enregistrement.", True),
        ("fr", "Je refuse que vous m'enregistriez.", True),
        ("fr", "Bonjour, je voudrais un rendez-vous. Non, pas jeudi.", False),
        ("fr", "Oui, l'enregistrement me convient. Non merci, rien d'autre.", False),
        ("en", "I'd rather not be recorded.", True),
        ("en", "Please don't record this.", True),
        ("en", "Stop recording, please.", True),
        ("en", "No, Thursday does not suit me.", False),
        ("en", "Recording is fine with me.", False),
        ("he", "אני לא רוצה שתקליטו אותי.", True),
        ("he", "בלי הקלטה בבקשה.", True),
        ("he", "אני לא יכול ביום חמישי.", False),
    ],
)
def test_an_objection_names_recording_and_refuses_it(language: Language, said: str, expected: bool) -> None:
    assert objects(said, language) is expected


@pytest.mark.parametrize("language", ["fr", "en", "he"])
def test_no_notice_of_a_preset_is_taken_for_an_objection_by_its_own_words(language: Language) -> None:
    """A line that echoes AVA's voice must not end the recording; each preset tells callers and asks for their word."""
    for industry in ("health", "legal", "beauty", "ecommerce", "real_estate", "consulting", "other"):
        config = read_preset(f"{industry}.{language}")
        recorded = config.model_copy(update={"recording": config.recording.model_copy(update={"enabled": True})})
        assert is_recorded(recorded)
        assert not is_recorded(config)


@pytest.mark.parametrize("recording", [Recording(), Recording(enabled=True), Recording(enabled=True, consent="  ")])
async def test_without_a_notice_there_is_neither_recording_nor_a_tool_to_stop_it(
    tmp_path: Path, recording: Recording
) -> None:
    async with open_conversation(tmp_path, recording=recording) as desk:
        assert not is_recorded(desk.conversation.config)
        assert [s for s in toolsets(desk.conversation) if isinstance(s, RecordingTools)] == []
    async with open_conversation(tmp_path, recording=ON) as desk:
        assert len([s for s in toolsets(desk.conversation) if isinstance(s, RecordingTools)]) == 1


@dataclass
class Speech:
    """Stands for a SpeechHandle that is over."""

    interrupted: bool = False
    said: str = f"Bonjour.  {ON.consent}"

    @property
    def chat_items(self) -> list[ChatMessage]:
        return [ChatMessage(role="assistant", content=[self.said])]

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()


@dataclass
class Audio:
    audio: Any


@dataclass
class Session:
    """Stands for an AgentSession: its audio in and out, and what it is made to say."""

    input: Audio = field(default_factory=lambda: Audio(Ear()))
    output: Audio = field(default_factory=lambda: Audio(Mouth()))
    said: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])

    def say(self, text: str, *, allow_interruptions: bool = True) -> Speech:
        self.said.append((text, allow_interruptions))
        return Speech()

    @property
    def as_session(self) -> AgentSession[Any]:
        return cast("AgentSession[Any]", self)


class Nobody:
    """A database that is never asked."""

    async def claim_recording(self, call_id: Any, key: str, *, started_at: datetime) -> bool:
        raise AssertionError("a live call's recording is nobody's")

    async def finish_recording(self, tenant_id: Any, key: str, *, seconds: float, size: int) -> bool:
        raise AssertionError("a live call's recording is nobody's")


def outbox(folder: Path) -> Outbox:
    shelf = open_shelf(Place(str(folder / "kept")))
    return Outbox(folder / "tapes", shelf, Nobody(), clock=lambda: datetime.now(UTC))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_conversation(tmp_path / "spool", recording=ON) as found:
        yield found


async def begun(desk: Desk, session: Session, folder: Path) -> CallRecording:
    recording = await CallRecording.begin(session.as_session, desk.conversation, outbox(folder))
    assert recording is not None
    desk.conversation.recording = recording
    return recording


def tapes(folder: Path) -> list[str]:
    return sorted(path.suffix for path in (folder / "tapes").iterdir())


async def heard(session: Session, frames: int, *, loud: bytes = b"\x10\x20") -> None:
    """The caller's sound as the session reads it."""
    for _ in range(frames):
        session.input.audio.source.push(loud * (TICK_BYTES // 2))
        await anext(session.input.audio)


async def ticks() -> None:
    """Whatever can go on goes on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def closed(recording: CallRecording, folder: Path) -> Any:
    """-> the caller's side of the file."""
    await recording.close()
    [file] = (folder / "tapes").glob(f"*{AUDIO}")
    return read_tape(file)[0]


async def test_the_caller_is_recorded_only_after_a_notice_that_was_heard_out(desk: Desk, tmp_path: Path) -> None:
    """One that was spoken over is said again, by AVA alone, and only once."""
    session = Session()
    recording = await begun(desk, session, tmp_path)
    await heard(session, 20, loud=b"\x00\x40")
    await recording.follow(cast("Any", Speech(interrupted=True)))
    await heard(session, 20, loud=b"\x00\x40")
    await recording.repeat_notice()
    await recording.repeat_notice()
    assert session.said == [(ON.consent, False)]
    assert level(await closed(recording, tmp_path)) < -80


async def test_a_first_sentence_without_the_notice_leaves_it_due(desk: Desk, tmp_path: Path) -> None:
    """As that of a job that goes on with a call."""
    session = Session()
    recording = await begun(desk, session, tmp_path)
    await recording.follow(cast("Any", Speech(said="Excusez-moi, nous avons été coupés.")))
    await heard(session, 20)
    assert session.input.audio._deck._left.held == 0
    await recording.repeat_notice()
    assert session.said == [(ON.consent, False)]
    await ticks()
    await heard(session, 20)
    assert session.input.audio._deck._left.held > 0
    await recording.close()


async def test_an_objection_erases_and_is_final(desk: Desk, tmp_path: Path) -> None:
    """The tool says what has been done; nothing is recorded any more, however often the caller says so."""
    session = Session()
    recording = await begun(desk, session, tmp_path)
    ctx = ToolContext()
    await call_tool(RecordingTools(desk.conversation), "stop_recording", ctx)
    assert ctx.said == [desk.conversation.phrases.not_recorded]
    assert tapes(tmp_path) == [".json"]
    await recording.objected()
    await recording.follow(cast("Any", Speech()))
    await heard(session, 5)
    await recording.close()
    assert tapes(tmp_path) == [".json"]
    assert not [e for e in desk.events if isinstance(e, ToolCalled)], "the model's own call is on record by the scribe"


async def test_a_caller_who_objects_and_hangs_up_at_once_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    """The call ends while the file is being erased."""
    recording = await begun(desk, Session(), tmp_path)
    objecting = asyncio.create_task(recording.objected())
    await asyncio.sleep(0)
    objecting.cancel()
    await recording.close()
    assert tapes(tmp_path) == [".json"]
    assert [e.tool for e in desk.events if isinstance(e, ToolCalled)] == ["stop_recording"]


async def test_what_could_not_be_erased_is_not_called_erased(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await begun(desk, Session(), tmp_path)

    def stuck(self: Tape) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Tape, "refuse", stuck)
        ctx = ToolContext()
        await call_tool(RecordingTools(desk.conversation), "stop_recording", ctx)
        assert ctx.said == [desk.conversation.phrases.recording_not_erased]
    await recording.close()
    assert tapes(tmp_path) == [".json"], "it is tried again at the end of the call"


class Taken:
    """A database that takes every recording."""

    async def claim_recording(self, call_id: Any, key: str, *, started_at: datetime) -> bool:
        return True

    async def finish_recording(self, tenant_id: Any, key: str, *, seconds: float, size: int) -> bool:
        return True


async def test_a_job_that_another_has_put_out_sends_its_part(desk: Desk, tmp_path: Path) -> None:
    """It has the sound of the call up to there, and nobody else will send it while its process lives."""
    box = Outbox(
        tmp_path / "tapes", open_shelf(Place(str(tmp_path / "kept"))), Taken(), clock=lambda: datetime.now(UTC)
    )
    session = Session()
    recording = await CallRecording.begin(session.as_session, desk.conversation, box)
    assert recording is not None
    desk.conversation.recording = recording
    await recording.follow(cast("Any", Speech()))
    await heard(session, 20)
    resources = cast("Resources", SimpleNamespace(recordings=box))
    await OpenedCall(desk.conversation, cast("Any", None), CallTrace(None), resources).hand_over()
    assert len([path for path in (tmp_path / "kept").rglob("*") if path.is_file()]) == 1
    assert tapes(tmp_path) == []


async def test_a_disk_that_takes_no_recording_costs_the_call_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "tapes").write_text("a file stands where the folder should be")
    session = Session()
    mouth = session.output.audio
    assert await CallRecording.begin(session.as_session, desk.conversation, outbox(tmp_path)) is None
    assert session.output.audio is mouth


async def test_a_disk_that_stalls_ends_the_recording_before_memory_does(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for the disk is bounded; the call goes on."""
    monkeypatch.setattr("agent.deck._MOST_HELD", 1.0)
    session = Session()
    recording = await begun(desk, session, tmp_path)
    await recording.follow(cast("Any", Speech()))
    await heard(session, 60)
    deck = session.input.audio._deck
    assert (deck.failed, deck.running) == (True, False)
    await heard(session, 60)
    assert deck._left.held == 0
    await recording.close()


def test_the_length_of_a_file_that_was_cut_off_is_that_of_what_is_left(tmp_path: Path) -> None:
    """As a killed process leaves it: the last page is not whole."""
    path = tmp_path / "tape.ogg"
    whole = write_tape(path, 8.0)
    assert seconds_of(path) == pytest.approx(8.0, abs=0.1)
    path.write_bytes(whole[: len(whole) // 2])
    assert 2.0 < seconds_of(path) < 6.0
    path.write_bytes(b"not a recording at all")
    assert seconds_of(path) == 0.0


def test_a_tape_is_a_calls_own(tmp_path: Path) -> None:
    """Two jobs of one call write two files."""
    ids = {"tenant_id": uuid4(), "call_id": uuid4(), "at": datetime.now(UTC)}
    first, second = Tape.create(tmp_path, **ids), Tape.create(tmp_path, **ids)
    assert first is not None
    assert second is not None
    assert first.audio != second.audio
    assert first.slip.key != second.slip.key
    for tape in (first, second):
        tape.release()
