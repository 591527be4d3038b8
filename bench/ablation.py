"""What each option bought: AVA with one thing changed at a time, everything else as it is.

Owns: the changes, and which turns can show them. Each is made through configuration, the line, or on the one call's own
objects just before its session starts; the agent has no switch for it. Refuses: measuring (`bench.placed`).
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from dataclasses import dataclass
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, ModelSettings
from livekit.agents.llm import ChatChunk, ChatContext, Tool
from livekit.agents.types import FlushSentinel
from livekit.agents.voice import SpeechHandle
from livekit.plugins import elevenlabs

from agent.conversation import Conversation
from agent.receptionist import Receptionist
from agent.sentences import WholeSentences
from agent.settings import Settings
from bench.line import Tune, as_they_are
from bench.placed import Kind, Subject
from contracts.assistant import AssistantConfig, TurnTaking

PLAIN: tuple[Kind, ...] = ("plain", "plain", "plain", "plain")
TOOL: tuple[Kind, ...] = ("tool", "tool", "tool")


@dataclass(frozen=True)
class Change:
    """`says`: the row's words. `kinds`: the turns that can show it. `turns`: what of the configuration differs.
    `plan`: one call's turns; `calls`: how many of them a round needs."""

    name: str
    says: str
    plan: tuple[Kind, ...]
    rate_in: int = 16_000
    frame: float = 0.02
    turns: dict[str, Any] | None = None
    tune: Callable[[Conversation, Settings], Tune] | None = None
    calls: int = 1

    def config(self, config: AssistantConfig) -> AssistantConfig:
        if self.turns is None:
            return config
        changed = TurnTaking.model_validate({**config.turn_taking.model_dump(), **self.turns})
        return config.model_copy(update={"turn_taking": changed})

    def subject(self, number: str, settings: Settings) -> Subject:
        tune = self.tune
        return Subject(
            self.name,
            number,
            rate_in=self.rate_in,
            frame=self.frame,
            tune=(lambda c: tune(c, settings)) if tune is not None else (lambda _: as_they_are),
        )


def _put(target: object, name: str, value: object) -> None:
    """Replaces a part of one call's own object; nothing outlives the call."""
    setattr(target, name, value)


def _voice(c: Conversation, settings: Settings, **given: Any) -> elevenlabs.TTS:
    """The assistant's voice as the plugin makes it, with these options and its defaults for the others."""
    return elevenlabs.TTS(
        voice_id=c.config.voice.voice_id,
        model=c.config.voice.model,
        language=c.config.language,
        base_url=str(settings.eleven_base_url).rstrip("/"),
        api_key=settings.eleven_api_key.get_secret_value(),
        **given,
    )


def _mp3(c: Conversation, settings: Settings) -> Tune:
    def tune(session: AgentSession[Any], agent: Agent) -> Agent:
        _put(session, "_tts", _voice(c, settings, word_tokenizer=WholeSentences()))
        return agent

    return tune


def _held_sentences(c: Conversation, settings: Settings) -> Tune:
    def tune(session: AgentSession[Any], agent: Agent) -> Agent:
        _put(session, "_tts", _voice(c, settings, encoding="pcm_16000"))
        session.options.tts_text_transforms = ["filter_markdown", "filter_emoji"]
        return agent

    return tune


def _no_preemption(_: Conversation, __: Settings) -> Tune:
    def tune(session: AgentSession[Any], agent: Agent) -> Agent:
        session.options.preemptive_generation["enabled"] = False
        return agent

    return tune


def _model_words(_: Conversation, __: Settings) -> Tune:
    """Tools can't speak, so that the model puts their result into words: `agent.speaking.speak` takes this for a session
    that is over. Clips and the greeting bring their audio and are let through."""

    def tune(session: AgentSession[Any], agent: Agent) -> Agent:
        say = session.say

        def only_clips(text: str, **given: Any) -> SpeechHandle:
            if "audio" not in given:
                raise RuntimeError("this session's tools do not speak")
            return say(text, **given)

        _put(session, "say", only_clips)
        return agent

    return tune


def _nothing_fetched(c: Conversation, _: Settings) -> Tune:
    def tune(_: AgentSession[Any], agent: Agent) -> Agent:
        _put(c, "prefetch", _nothing)
        return agent

    return tune


async def _nothing() -> None:
    """Fetches nothing."""


class _Unguarded(Receptionist):
    """The model's words as they come."""

    async def llm_node(
        self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[ChatChunk | str | FlushSentinel, None]:
        async for chunk in Agent.default.llm_node(self, chat_ctx, tools, model_settings):
            yield chunk

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        async for frame in Agent.default.tts_node(self, text, model_settings):
            yield frame


def _no_guard(c: Conversation, settings: Settings) -> Tune:
    """Without the guard no whole sentences come, so the framework's tokenizer must find them."""

    def tune(session: AgentSession[Any], _: Agent) -> Agent:
        _put(session, "_tts", _voice(c, settings, encoding="pcm_16000"))
        return _Unguarded(c)

    return tune


AS_IT_IS = Change("ava", "AVA as it is", PLAIN + TOOL)
CHANGES: tuple[Change, ...] = (
    Change("frames_50", "50 ms input frames (the framework's) instead of 20", PLAIN, frame=0.05),
    Change("in_24k", "24 kHz input (the framework's) instead of 16", PLAIN, rate_in=24_000),
    Change("in_24k_50", "24 kHz input in 50 ms frames (the framework's both)", PLAIN, rate_in=24_000, frame=0.05),
    Change("mp3", "MP3 from the voice (the plugin's default) instead of PCM", PLAIN, tune=_mp3),
    Change("held", "sentences held until the next begins (the framework's)", PLAIN, tune=_held_sentences),
    Change("no_guard", "no speech guard, the framework's tokenizer", PLAIN, tune=_no_guard),
    Change("no_preemption", "preemptive generation off", PLAIN + TOOL[:2], tune=_no_preemption),
    Change("endpointing_500", "min_endpointing 0.5 s instead of 0.3", PLAIN + TOOL[:2], turns={"min_endpointing": 0.5}),
    Change("turn_model", "turns by the model instead of by voice activity", PLAIN, turns={"detection": "model"}),
    Change("model_words", "tool answers worded by a second trip to the model", TOOL, tune=_model_words),
    Change("no_prefetch", "slots fetched when asked for", TOOL[:1], tune=_nothing_fetched, calls=3),
)
