"""A telephone line inside the process: the caller's and AVA's audio on one 20 ms clock, recorded as stereo.

It stands for the room, SIP and RTP between caller and agent. What it can't show: codecs, jitter, packet loss, the 100 ms
that a real room adds.
"""

import asyncio
import time
import wave
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livekit.agents import Agent, AgentSession
from livekit.agents.voice.transcription import TranscriptSynchronizer

from agent.handover import Consult
from contracts.call import InboundCall, TransferResult
from demo.sound import RATE, SILENCE, TICK, TICK_BYTES, Ear, Mouth, is_loud

__all__ = ["RATE", "TICK", "Heard", "InProcessLine", "Spoken", "Timeline"]

_CALLER_LOUD = 1_000  # peak of a frame (s16): well above the hiss of the recordings, below any vowel


@dataclass
class Heard:
    """A stretch of AVA's audio as the caller heard it. Seconds on the line's clock."""

    began: float
    ended: float


@dataclass
class Spoken:
    """Something the caller sent, in ticks. `loud`: the first and the last tick in which it could be heard; None: never.
    `answered`: the tick in which AVA's first speech after it began. `over_ava`: it began while AVA spoke."""

    what: str
    began: int
    ended: int
    over_ava: bool
    loud: tuple[int, int] | None = None
    answered: int | None = None

    @property
    def answered_after_ms(self) -> float | None:
        """From the end of the last tick in which the caller could be heard."""
        if self.answered is None or self.loud is None:
            return None
        return round((self.answered - self.loud[1] - 1) * TICK * 1000)


@dataclass
class Timeline:
    """What both sides sent, tick by tick."""

    caller: list[bytes] = field(default_factory=list[bytes])
    ava: list[bytes] = field(default_factory=list[bytes])

    @property
    def seconds(self) -> float:
        return len(self.caller) * TICK

    def write_wav(self, path: Path) -> None:
        """Stereo s16le at RATE: caller left, AVA right."""
        path.parent.mkdir(parents=True, exist_ok=True)
        left = memoryview(b"".join(self.caller)).cast("h")
        right = memoryview(b"".join(self.ava)).cast("h")
        mixed = bytearray(len(left) * 4)
        view = memoryview(mixed).cast("h")
        view[0::2] = left
        view[1::2] = right
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(mixed)


class InProcessLine:
    """`down` is set when either side has hung up. The caller speaks by `say`, and hears by `quiet_for` and `ava_speaking`."""

    def __init__(self, inbound: InboundCall, *, transfer: TransferResult = "failed", noise: bytes = b"") -> None:
        self._inbound = inbound
        self._transfer: TransferResult = transfer
        self._noise = noise
        self._noise_at = 0
        self._speech: deque[bytes] = deque()
        self._ear = Ear()
        self._mouth = Mouth()
        self._session: AgentSession[Any] | None = None
        self._clock: asyncio.Task[None] | None = None
        self._words: TranscriptSynchronizer | None = None
        self._silent_ticks = 0
        self._begun_segments = 0
        self.timeline = Timeline()
        self.heard: list[Heard] = []
        self.spoken: list[Spoken] = []
        self.pressed: list[tuple[float, str]] = []  # by AVA: when, which keys
        self.down = asyncio.Event()
        self.started_at = 0.0  # perf_counter when the session was started
        self.first_audio_at: float | None = None  # perf_counter of the tick with AVA's first segment
        self.late_ticks = 0
        self._pulse = asyncio.Event()

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    @property
    def mouth(self) -> Mouth:
        return self._mouth

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        self._session = session
        session.input.audio = self._ear
        # as a room's output does: of a turn that is cut short, the words that were heard are on record, not those meant
        self._words = TranscriptSynchronizer(next_in_chain_audio=self._mouth, next_in_chain_text=None)
        session.output.audio = self._words.audio_output
        session.output.transcription = self._words.text_output
        self.started_at = time.perf_counter()
        if self._clock is None:
            self._clock = asyncio.create_task(self._run())
        await session.start(agent)

    async def hang_up(self) -> None:
        self.down.set()
        if self._clock is not None:
            await self._clock
        if self._words is not None:
            await self._words.aclose()

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        return False

    async def press(self, keys: str) -> bool:
        self.pressed.append((self.now, keys))
        return True

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        return self._transfer

    # the caller's side

    @property
    def now(self) -> float:
        """Seconds since the line was up."""
        return self.timeline.seconds

    @property
    def ava_speaking(self) -> bool:
        return self._silent_ticks == 0

    @property
    def ava_at_work(self) -> bool:
        """She has something left to say, or looks something up, or thinks."""
        thinking = self._session is not None and self._session.agent_state == "thinking"
        return self._mouth.busy or thinking

    async def say(self, pcm: bytes, *, what: str = "") -> None:
        """Plays speech (s16le mono at RATE) into the line; returns when its last sample is sent."""
        tick = len(self.timeline.caller)
        self.spoken.append(Spoken(what, tick, tick, over_ava=self.ava_speaking))
        for at in range(0, len(pcm), TICK_BYTES):
            self._speech.append(pcm[at : at + TICK_BYTES].ljust(TICK_BYTES, b"\0"))
        while self._speech and not self.down.is_set():
            await self.next_tick()

    async def quiet_for(self, seconds: float) -> None:
        """Waits until AVA has said nothing for this long, and has nothing waiting to be said."""
        while not self.down.is_set() and (self._silent_ticks * TICK < seconds or self._mouth.busy):
            await self.next_tick()

    async def until_ava_speaks(self) -> None:
        while not self.down.is_set() and not self.ava_speaking:
            await self.next_tick()

    async def caller_hangs_up(self) -> None:
        self.down.set()
        if self._session is not None:
            self._session.shutdown(drain=False)

    async def next_tick(self) -> None:
        """Returns at once when the line is down."""
        await self._pulse.wait()

    # the clock

    async def _run(self) -> None:
        """Absolute times: a late tick is caught up, so that the line never runs slower than real time."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        count = 0
        while not self.down.is_set():
            self._tick()
            count += 1
            wait = begin + count * TICK - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif wait < -TICK:
                self.late_ticks += 1
                await asyncio.sleep(0)
        self._pulse.set()

    def _tick(self) -> None:
        spoken = self._speech.popleft() if self._speech else b""
        frame = spoken or self._noise_tick()
        self._ear.push(frame)
        if spoken:
            self._sent(spoken)
        out = self._mouth.tick()
        self._note_answer()
        self.timeline.caller.append(frame)
        self.timeline.ava.append(out)
        self._listen(out)
        pulse, self._pulse = self._pulse, asyncio.Event()
        pulse.set()

    def _sent(self, frame: bytes) -> None:
        tick, current = len(self.timeline.caller), self.spoken[-1]
        current.ended = tick + 1
        if is_loud(frame, above=_CALLER_LOUD):
            current.loud = (current.loud[0] if current.loud else tick, tick)
        if not self._speech:
            self._mouth.first_frame_at = None

    def _note_answer(self) -> None:
        """A segment has begun: the first one after the caller's last words answers them."""
        if len(self._mouth.history) == self._begun_segments:
            return
        self._begun_segments = len(self._mouth.history)
        if self.first_audio_at is None:
            self.first_audio_at = time.perf_counter()
        if self.spoken and not self._speech and self.spoken[-1].answered is None:
            self.spoken[-1].answered = self._mouth.history[-1].began

    def _noise_tick(self) -> bytes:
        if not self._noise:
            return SILENCE
        piece = self._noise[self._noise_at : self._noise_at + TICK_BYTES]
        self._noise_at = (self._noise_at + TICK_BYTES) % max(1, len(self._noise) - TICK_BYTES)
        return piece.ljust(TICK_BYTES, b"\0")

    def _listen(self, out: bytes) -> None:
        if is_loud(out):
            if self._silent_ticks > 15 or not self.heard:  # 300 ms of silence begins a new stretch
                self.heard.append(Heard(self.now - TICK, self.now))
            self.heard[-1].ended = self.now
            self._silent_ticks = 0
        else:
            self._silent_ticks += 1
