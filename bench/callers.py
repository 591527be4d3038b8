"""Callers who ring within a second and talk at the same time, as strangers do: none waits for another.

Owns: what they say, their manners, the order of a round. They speak when AVA has been silent for a moment, after a pause of
their own; when all have finished they hang up. Refuses: the worker, judging (`bench.density`).
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.density import Heard
from sandbox.sip_phone import SipCaller
from sandbox.softphone import NotAnswered

SAYS = ("fr-where", "fr-pay-card", "fr-first-please", "fr-rather-afternoon", "fr-yes-fine")
_WITHIN = 1.0  # seconds in which they dial
_ANSWERED_WITHIN = 20.0
_GREETING_OVER = 0.6  # seconds of silence
_TURN_OVER = 0.5
_PATIENCE = 10.0
_PAUSES = (0.3, 1.3)  # seconds


def plan_of(turns: int) -> Sequence[str]:
    return [SAYS[turn % len(SAYS)] for turn in range(turns)]


@dataclass
class Caller:
    phone: SipCaller
    address: str
    dice: random.Random
    finished: bool = False

    async def rings(self) -> None:
        await asyncio.sleep(self.dice.uniform(0, _WITHIN))
        try:
            await self.phone.dial(self.address, seconds=_ANSWERED_WITHIN)
        except NotAnswered:
            return
        await self.phone.until_quiet(_GREETING_OVER, patience=_PATIENCE)

    async def talks(self, plan: Sequence[str]) -> None:
        for utterance in plan:
            await asyncio.sleep(self.dice.uniform(*_PAUSES))
            if not self.phone.answered_at or self.phone.closed.is_set():
                return
            before = len(self.phone.line.ava.stretches)
            await self.phone.say(utterance)
            await self.phone.until_quiet(_TURN_OVER, after=before, patience=_PATIENCE)
        self.finished = True

    def heard(self) -> Heard:
        if not self.phone.answered_at:
            return Heard(picked_up=None)
        picked_up = self.phone.answered_at - self.phone.dialed_at
        return Heard.of(self.phone.line, picked_up=picked_up, cut=not self.finished or self.phone.closed.is_set())


async def place(
    calls: int, address: str, plan: Sequence[str], *, seed: int, talking: Callable[[bool], None]
) -> list[Heard]:
    """So many at once, to the same address. `talking` is told when all are on the line, and when all have said their last."""
    async with AsyncExitStack() as phones:
        callers = [
            Caller(
                await phones.enter_async_context(SipCaller(number=f"+3361{seed % 1000:03d}{n:04d}")),
                address,
                random.Random(1000 * seed + n),
            )
            for n in range(calls)
        ]
        await asyncio.gather(*(caller.rings() for caller in callers))
        talking(True)
        await asyncio.gather(*(caller.talks(plan) for caller in callers))
        talking(False)
        return [caller.heard() for caller in callers]
