"""Asking somebody of the team whether they take a call: a short session of its own, beside the caller's, without a model.

Owns: what the person hears, what counts as yes and no (words, or the keys 1 and 2), and how long is waited. Refuses: who
hears whom meanwhile, and ringing (`agent.handover`).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, UserInputTranscribedEvent
from livekit.agents.voice.room_io import AudioInputOptions, AudioOutputOptions, RoomOptions

from agent.conversation import Conversation
from agent.handover import TRACK, Answer
from agent.person_phrases import PERSON_PHRASES, PersonPhrases
from agent.phrases import PHRASES
from agent.pipeline import build_side_session, close_providers
from agent.settings import Settings
from calendar_tools.speech import hear_yes_no, normalise_for_tts, say_phone
from contracts.call import CallContext

_PATIENCE = 8.0  # seconds after each time it was asked
_BEHIND_KEYS = 20.0  # for somebody to speak: an extension rings after the switchboard has answered
_LONGEST = 60.0 + _BEHIND_KEYS
_LAST_WORDS = 6.0
_KEYS: dict[str, Answer] = {"1": "accepted", "2": "declined"}


def briefing(c: Conversation, *, name: str, reason: str) -> str:
    """Who calls, by the SIP layer, and why, as the caller said it."""
    phrases = PERSON_PHRASES[c.language]
    if c.context.caller is None:
        who = phrases.withheld
    else:
        who = phrases.numbered.format(number=say_phone(c.context.caller, c.language, country=c.config.hours.country))
    if name:
        who = f"{phrases.known.format(name=name)} {who}"
    about = phrases.about.format(reason=reason.strip(" .!?")) if reason else ""
    return phrases.briefing.format(persona=c.config.persona_name, business=c.config.business.name, who=who, about=about)


class Consultation:
    """For one person that is rung once. `words` are the briefing; `connecting` is what the caller hears when the call is
    taken.

    "Oui, allô ?" is how people pick up, not an answer: words count from the question on, keys at any time. Behind a switchboard
    (`transfer.keys`) nobody may be there yet: AVA begins once a voice was heard, and tells all of it again with the question,
    because that voice may have been the switchboard's.
    """

    def __init__(
        self,
        context: CallContext,
        settings: Settings,
        words: str,
        *,
        build: Callable[[CallContext, Settings], AgentSession[Any]] = build_side_session,
    ) -> None:
        self._build = build
        self._asked = False
        self._voice = asyncio.Event()
        self._context = context
        self._settings = settings
        self._words = words
        self._phrases: PersonPhrases = PERSON_PHRASES[context.config.language]
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    @property
    def keys(self) -> str:
        return self._context.config.transfer.keys

    @property
    def connecting(self) -> str:
        return PHRASES[self._context.config.language].transferring

    async def ask(self, room: rtc.Room, person: str, caller_left: asyncio.Event) -> Answer:
        """Returns once the person has heard the last of it. A person who hangs up has declined."""
        session = self._build(self._context, self._settings)
        language = self._context.config.language

        def heard(event: UserInputTranscribedEvent) -> None:
            if event.is_final and event.transcript.strip():
                self._voice.set()
            agrees = hear_yes_no(event.transcript, language) if event.is_final and self._asked else None
            if agrees is not None:
                self._decide("accepted" if agrees else "declined")

        def pressed(key: rtc.SipDTMF) -> None:
            if key.participant is not None and key.participant.identity == person and key.digit in _KEYS:
                self._decide(_KEYS[key.digit])

        def left(participant: rtc.RemoteParticipant) -> None:
            if participant.identity == person:
                self._decide("declined")

        session.on("user_input_transcribed", heard)
        room.on("sip_dtmf_received", pressed)
        room.on("participant_disconnected", left)
        leaving = asyncio.create_task(self._when(caller_left))
        try:
            async with asyncio.timeout(_LONGEST):
                await session.start(_Silent(), room=room, record=False, room_options=_beside(person))
                return await self._converse(session)
        except TimeoutError:
            return "unanswered"
        finally:
            leaving.cancel()
            room.off("sip_dtmf_received", pressed)
            room.off("participant_disconnected", left)
            await session.aclose()
            await close_providers(session)

    def _decide(self, answer: Answer) -> None:
        """The first stands."""
        if not self._answer.done():
            self._answer.set_result(answer)

    async def _when(self, caller_left: asyncio.Event) -> None:
        await caller_left.wait()
        self._decide("caller_left")

    async def _converse(self, session: AgentSession[Any]) -> Answer:
        asking = asyncio.create_task(self._brief_and_ask(session))
        await asyncio.wait((asking, self._answer), return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        self._decide("unanswered")
        answer = self._answer.result()
        await session.interrupt(force=True)
        await self._last_words(session, answer)
        return answer

    async def _brief_and_ask(self, session: AgentSession[Any]) -> None:
        if self.keys:
            with suppress(TimeoutError):
                async with asyncio.timeout(_BEHIND_KEYS):
                    await self._voice.wait()
        await session.say(self._speakable(self._words), allow_interruptions=False)
        self._asked = True
        again = f"{self._words} {self._phrases.again}" if self.keys else self._phrases.again
        for question in (self._phrases.asked, again):
            await session.say(self._speakable(question), allow_interruptions=False)
            await asyncio.sleep(_PATIENCE)

    async def _last_words(self, session: AgentSession[Any], answer: Answer) -> None:
        phrases = self._phrases
        words = {
            "accepted": phrases.taken,
            "declined": phrases.declined,
            "unanswered": phrases.unanswered,
            "caller_left": phrases.caller_left,
        }[answer]
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await session.say(self._speakable(words), allow_interruptions=False)
        except TimeoutError:
            return

    def _speakable(self, words: str) -> str:
        return normalise_for_tts(words, self._context.config.language)


class _Silent(Agent):
    """Says only what it is told to."""

    def __init__(self) -> None:
        super().__init__(instructions="")


def _beside(person: str) -> RoomOptions:
    """The caller's session owns the room: this one neither closes it nor speaks in its name."""
    return RoomOptions(
        text_input=False,
        text_output=False,
        audio_input=AudioInputOptions(sample_rate=16_000, frame_size_ms=20),
        audio_output=AudioOutputOptions(sample_rate=16_000, track_name=TRACK),
        participant_identity=person,
        close_on_disconnect=False,
        delete_room_on_close=False,
    )
