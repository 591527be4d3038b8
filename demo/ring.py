"""One call on the real line, by a telephone that speaks recordings: it waits for what AVA does, never for a time.

Owns: the caller's manners and plans. Refuses: judging (`demo.heard`), the line (`demo.exchange`).

All that a caller has is what he hears: he takes 1.2 s of silence for the end of AVA's turn, so that "one moment, please"
is not answered.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from demo.exchange import Exchange
from sandbox.callers import get_recording
from sandbox.softphone import SoftPhone

CALLER = "+33612345678"
_TURN_OVER = 1.2  # seconds of silence
_GREETING_OVER = 0.6
_PATIENCE = 15.0
_GOODBYE = 15.0
_THURSDAY = 3


@dataclass
class Rung:
    """A call that was placed. `unanswered`: what AVA said nothing to."""

    phone: SoftPhone
    dialed: str
    caller: str | None
    at: str  # ISO 8601, when it was dialled
    unanswered: list[str] = field(default_factory=list[str])

    async def greeted(self) -> bool:
        """AVA has said something and is silent again."""
        return await self.phone.until_quiet(_GREETING_OVER, patience=_PATIENCE)

    async def says(self, utterance: str) -> None:
        """Says it and hears the answer out."""
        before = len(self.phone.line.ava.stretches)
        await self.phone.say(utterance)
        heard = await self.phone.until_quiet(_TURN_OVER, after=before, patience=_PATIENCE)
        if not heard and len(self.phone.line.ava.stretches) <= before:
            self.unanswered.append(utterance)

    async def talks(self, plan: Sequence[str]) -> None:
        """Greeting, then each in turn; AVA hangs up, or the caller does when she does not."""
        await self.greeted()
        for utterance in plan:
            if self.phone.closed.is_set():
                return
            await self.says(utterance)
        try:
            await self.phone.until_closed(_GOODBYE)
        except TimeoutError:
            await self.phone.hang_up()


def booking_plan(today: date) -> tuple[str, ...]:
    """Words that lead to a booking on any day: on a Thursday "jeudi" is asked back, this one or the next."""
    when = "fr-this-week" if today.weekday() == _THURSDAY else "fr-want-thursday"
    return (when, "fr-first-please", "fr-spell-dupont", "fr-confirm", "fr-goodbye")


@asynccontextmanager
async def ringing(exchange: Exchange, number: str, *, caller: str | None = CALLER) -> AsyncGenerator[Rung]:
    """A telephone that has dialled and was answered; it is switched off at the end. Raises NotAnswered."""
    async with SoftPhone(number=caller) as phone:
        at = datetime.now(UTC).isoformat()
        await phone.dial(exchange.line.address_of(number))
        yield Rung(phone, number, caller, at)


async def expect_plan(exchange: Exchange, plan: Sequence[str]) -> None:
    """The recogniser's stand-in knows these recordings, for each call from now on."""
    await exchange.expects(*(get_recording(name).for_deepgram() for name in plan))
