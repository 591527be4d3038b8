"""The caller: goes through a scenario's steps, each when AVA's behaviour gives the cue.

Owns: cues, patience, what is sent into the line. Refuses: judging what AVA did (`demo.expectations`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from demo.line import TICK, InProcessLine
from demo.report import CallerDid
from demo.scenario import Control, HangUp, Say, Scenario, Step, Wait
from demo.sound import RATE
from sandbox.callers import get_recording

PATIENCE = 12.0  # seconds a caller waits for an answer before he goes on without one
_POLL = 0.02

Asked = Callable[[str], Awaitable[int]]
"""How many requests of an operation Cal.com has had."""


@dataclass
class Caller:
    line: InProcessLine
    scenario: Scenario
    control: Callable[[Control], Awaitable[None]]
    asked: Asked
    notice: Callable[[CallerDid], None]
    unanswered: list[str] = field(default_factory=list[str])  # utterances after which AVA was silent for PATIENCE
    _segments: int = 0  # of AVA, begun when the caller last began to speak
    _waiting_for: str | None = "the ring"

    async def run(self) -> None:
        """Returns when the line is down: the last step is followed by patience, then by hanging up."""
        for step in self.scenario.steps:
            if self.line.down.is_set():
                return
            await self._do(step)
        await self._answered()
        await self._quiet(2.5)
        if not self.line.down.is_set():
            self.notice(CallerDid(action="hangs_up"))
            await self.line.caller_hangs_up()

    async def _do(self, step: Step) -> None:
        match step:
            case Say():
                await self._say(step)
            case Wait():
                await self._wait(step.wait)
            case HangUp():
                await self._hang_up(step)
            case Control():
                await self._answered()
                await self._quiet(0.3)
                await self.control(step)
                self.notice(CallerDid(action="world", what=f"{step.app}: {step.path}"))

    async def _say(self, step: Say) -> None:
        if step.barge_in is not None:
            await self._answered()
            await self._into_speech(step.barge_in)
        elif not step.unasked:
            await self._answered()
            await self._quiet(step.after_quiet)
        if self.line.down.is_set():
            return
        recording = get_recording(step.say, rate_hz=RATE)
        self._segments = len(self.line.mouth.history)
        over = self.line.ava_speaking
        noise = not recording.transcript
        action = "noise" if noise else "interrupts" if over else "speaks"
        self.notice(CallerDid(action=action, what=recording.transcript or step.say))
        await self.line.say(recording.pcm, what=step.say)
        self._waiting_for = None if noise else step.say

    async def _wait(self, seconds: float) -> None:
        self.notice(CallerDid(action="silent", what=f"{seconds:g} s"))
        for _ in range(round(seconds / TICK)):
            if self.line.down.is_set():
                return
            await self.line.next_tick()
        self._waiting_for = None

    async def _hang_up(self, step: HangUp) -> None:
        if step.when is None:
            await self._answered()
            await self._quiet(step.after_quiet)
        else:
            seen = 0
            while seen == 0 and not self.line.down.is_set():
                await asyncio.sleep(_POLL)
                seen = await self.asked(step.when)
            await asyncio.sleep(step.delay)
        if not self.line.down.is_set():
            self.notice(CallerDid(action="hangs_up", what=f"during {step.when}" if step.when else ""))
            await self.line.caller_hangs_up()

    # cues

    async def _answered(self) -> None:
        """AVA has begun to speak since the caller last did."""
        if self._waiting_for is None:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                while not self.line.down.is_set() and len(self.line.mouth.history) <= self._segments:
                    await self.line.next_tick()
        except TimeoutError:
            self.unanswered.append(self._waiting_for)
        self._waiting_for = None

    async def _quiet(self, seconds: float) -> None:
        """AVA has said nothing for so long and is not at work on anything either; a caller waits for "one moment"."""
        while not self.line.down.is_set():
            await self.line.quiet_for(seconds)
            if not self.line.ava_at_work:
                return
            await self.line.next_tick()

    async def _into_speech(self, seconds: float) -> None:
        await self.line.until_ava_speaks()
        for _ in range(round(seconds / TICK)):
            if self.line.down.is_set():
                return
            await self.line.next_tick()
