"""Who is at the other end of a call that AVA placed: a person, a mailbox, a phone tree, by the framework's detection.

Owns: listening once, with nothing of AVA's said meanwhile. Refuses: what is done about it (`agent.opening`,
`agent.phone_tree`).
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from livekit.agents import AMD, AgentSession, AMDCategory, UserInputTranscribedEvent

from agent.conversation import Conversation

_DECIDED_SECONDS = 12.0  # after a voice could first be heard
_ENDLESS = 30.0  # more, for a greeting to come to its end: nothing is said into it


@dataclass(frozen=True)
class Pickup:
    """`words`: what was heard of them."""

    category: AMDCategory
    words: str = ""


async def who_answered(
    session: AgentSession[Any], c: Conversation, *, silent: float, undecided: float | None = None
) -> Pickup:
    """UNCERTAIN after `silent` seconds of no voice, without words, and where it could not be told; `undecided`: that is so
    after as many seconds of no further word, and no sooner than the detector's model wants to hear more. A voice that does not
    pause is no person's. Returns at once when the call ends."""
    detector = AMD(
        session,
        llm=None,  # the session's own: the default would be LiveKit's cloud where keys are set
        stt=None,
        ivr_detection=False,  # its own would press, and talk, without a limit
        suppress_compatibility_warning=True,
        detection_options={"no_speech_threshold": silent, "timeout": silent + _DECIDED_SECONDS},
    )
    with _falling_silent(session, undecided, unless=lambda: wants_to_hear_more(detector)) as fell_silent:
        async with detector:
            verdict = asyncio.create_task(detector.execute())
            others = [asyncio.create_task(event.wait()) for event in (c.ended, fell_silent)]
            try:
                within = silent + _DECIDED_SECONDS + _ENDLESS
                await asyncio.wait({verdict, *others}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
                if verdict.done():
                    found = verdict.result()
                    return Pickup(found.category, found.transcript.strip())
                if c.ended.is_set():
                    return Pickup(AMDCategory.UNCERTAIN)
                words = " ".join(fell_silent.words)
                return Pickup(AMDCategory.UNCERTAIN if fell_silent.is_set() else AMDCategory.MACHINE_UNAVAILABLE, words)
            except RuntimeError:  # the session closed under it
                return Pickup(AMDCategory.UNCERTAIN)
            finally:
                for task in (verdict, *others):
                    task.cancel()
                await asyncio.gather(verdict, *others, return_exceptions=True)


def wants_to_hear_more(detector: AMD) -> bool:
    """Its verdict waits for a timer: for its model, which may put it off three times by up to ten seconds, or for silence. The
    names are the framework's private ones of the pinned version: tests/unit/test_agent_pickup.py fails where one is gone."""
    classifier = detector._classifier  # pyright: ignore[reportPrivateUsage] - it tells nobody
    return getattr(classifier, "_silence_timer", None) is not None


class _Silence(asyncio.Event):
    """After words. `words`: those. `unless`: what keeps it from being one, for now."""

    def __init__(self, unless: Callable[[], bool]) -> None:
        super().__init__()
        self.words: list[str] = []
        self.timer: asyncio.TimerHandle | None = None
        self._unless = unless

    def put_off(self, seconds: float | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(seconds, self._over, seconds) if seconds is not None else None

    def _over(self, seconds: float) -> None:
        if self._unless():
            self.put_off(seconds)
        else:
            self.set()


@contextmanager
def _falling_silent(
    session: AgentSession[Any], seconds: float | None, *, unless: Callable[[], bool]
) -> Generator[_Silence]:
    """None: never."""
    silence = _Silence(unless)

    def heard(event: UserInputTranscribedEvent) -> None:
        if event.is_final and event.transcript.strip():
            silence.words.append(event.transcript.strip())
        if silence.words:
            silence.put_off(seconds)

    session.on("user_input_transcribed", heard)
    try:
        yield silence
    finally:
        session.off("user_input_transcribed", heard)
        silence.put_off(None)
