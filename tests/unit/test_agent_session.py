"""The framework's telephone traps are closed by configuration; each line here is one of them."""

import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.agents import AgentSession, inference
from livekit.plugins import deepgram, elevenlabs

from agent.line import ROOM
from agent.pipeline import build_session, close_providers, turn_options
from agent.providers.stt import keyterms
from agent.providers.tts import SAMPLE_RATE, build_tts
from agent.resources import open_resources
from agent.settings import Settings, load_settings
from agent.worker import after_call, answer, build_server, prewarm
from contracts.assistant import AssistantConfig, Limits, TurnTaking
from contracts.call import CallContext
from demo.stack import read_preset
from store.client import trusted_authorities
from store.memory import MemoryCallStore
from tests.fakes.tool_calls import NUMBER, inbound_call


@pytest.fixture
def settings() -> Settings:
    return load_settings(
        _env_file=None,
        openai_api_key="sk-1",
        deepgram_api_key="dg-1",
        eleven_api_key="el-1",
        supabase_url="https://x.supabase.co",
        supabase_secret_key="sb_secret_1",
        llm_model="gpt-5.4-mini",
        llm_fallback_model="gpt-5.6-luna",
    )


@pytest.fixture
async def context() -> CallContext:
    store = MemoryCallStore()
    store.seed_assistant(tenant_name="t", config=read_preset("health.fr"), number=NUMBER)
    return await store.open_call(inbound_call())


@pytest.fixture
async def session(context: CallContext, settings: Settings) -> AsyncIterator[AgentSession[Any]]:
    built = build_session(context, settings)
    yield built
    await close_providers(built)


def test_turn_model_is_the_local_one_and_interruption_is_by_voice() -> None:
    options = turn_options(TurnTaking())
    detector = options["turn_detection"]
    assert isinstance(detector, inference.TurnDetector)
    assert detector.model == "turn-detector-v1-mini"
    assert options["interruption"]["mode"] == "vad"
    assert options["interruption"]["discard_audio_if_uninterruptible"] is False
    assert options["preemptive_generation"] == {"enabled": True, "preemptive_tts": False}
    assert turn_options(TurnTaking(detection="vad"))["turn_detection"] == "vad"


def test_turn_options_are_the_assistants() -> None:
    turns = TurnTaking(min_endpointing=0.5, max_endpointing=3.0, min_interruption=0.7, false_interruption_timeout=2.0)
    options = turn_options(turns)
    assert options["endpointing"] == {"mode": "fixed", "min_delay": 0.5, "max_delay": 3.0}
    assert options["interruption"]["min_duration"] == 0.7
    assert options["interruption"]["false_interruption_timeout"] == 2.0


async def test_caller_is_heard_from_the_first_second_and_hung_up_without_dead_air(session: AgentSession[Any]) -> None:
    assert session.options.aec_warmup_duration is None
    assert session.options.session_close_transcript_timeout <= 0.3
    assert session.options.user_away_timeout is None, "agent/limits.py times silence"
    assert session.options.max_tool_steps == 4


async def test_every_provider_has_a_deadline(session: AgentSession[Any]) -> None:
    options = session.conn_options
    assert 0 < options.stt_conn_options.timeout <= 4
    assert 0 < options.llm_conn_options.timeout <= 6
    assert 0 < options.tts_conn_options.timeout <= 3
    assert options.max_unrecoverable_errors >= 10, "agent/apologies.py ends the call itself"


async def test_voice_comes_as_pcm_at_the_lines_rate(session: AgentSession[Any]) -> None:
    voice = session.tts
    assert isinstance(voice, elevenlabs.TTS)
    assert voice.sample_rate == SAMPLE_RATE == 16_000
    assert voice._opts.encoding == "pcm_16000"
    assert ROOM.audio_output.sample_rate == SAMPLE_RATE  # type: ignore[union-attr]  # a bool would be the default


async def test_owners_speed_reaches_the_voice(settings: Settings) -> None:
    config = read_preset("health.fr")
    plain = build_tts(config, settings)
    quick = build_tts(config.model_copy(update={"voice": config.voice.model_copy(update={"speed": 1.1})}), settings)
    assert isinstance(plain, elevenlabs.TTS)
    assert isinstance(quick, elevenlabs.TTS)
    assert quick._opts.voice_settings.speed == 1.1  # type: ignore[union-attr]  # NotGiven has no speed
    assert not hasattr(plain._opts.voice_settings, "speed")


async def test_ears_write_numbers_as_said_and_know_the_house(session: AgentSession[Any], context: CallContext) -> None:
    ears = session.stt
    assert isinstance(ears, deepgram.STT)
    assert ears._opts.smart_format is False
    assert ears._opts.numerals is False
    assert ears._opts.tags == [str(context.call_id)]
    assert "Cabinet dentaire du Parc" in ears._opts.keyterm


def test_key_terms_are_bounded_and_not_repeated(config: AssistantConfig) -> None:
    crowd = config.business.model_copy(update={"team": tuple(f"person {n % 60}" for n in range(200))})
    terms = keyterms(config.model_copy(update={"business": crowd}))
    assert len(terms) == len(set(terms)) == 50
    assert terms[0] == config.business.name


async def test_model_is_ours_and_calls_of_a_version_share_a_cached_prefix(
    context: CallContext, settings: Settings
) -> None:
    session = build_session(context, settings)
    models = session.llm._owned  # type: ignore[union-attr]  # the adapter keeps what it was given
    assert [m.model for m in models] == ["gpt-5.4-mini", "gpt-5.6-luna"]
    assert {m._opts.prompt_cache_key for m in models} == {f"{context.assistant_id}:{context.version}"}
    await close_providers(session)
    assert all(m._client.is_closed() for m in models), "their sockets are closed with the call"


async def test_one_model_named_twice_is_tried_again_instead(context: CallContext, settings: Settings) -> None:
    language_model = context.config.language_model.model_copy(update={"model": "m", "fallback_model": "m"})
    config = context.config.model_copy(update={"language_model": language_model})
    session = build_session(context.model_copy(update={"config": config}), settings)
    assert [m.model for m in session.llm._owned] == ["m"]  # type: ignore[union-attr]  # as above
    await close_providers(session)


def test_room_goes_with_the_session_and_frames_are_short() -> None:
    assert ROOM.delete_room_on_close is False, "RoomLine does: not where another job has taken the call over"
    assert ROOM.audio_input.frame_size_ms == 20  # type: ignore[union-attr]  # a bool would be the default
    assert ROOM.audio_input.sample_rate == 16_000  # type: ignore[union-attr]  # as above


def test_worker_finishes_calls_after_the_caller_and_drains_longer_than_a_call(settings: Settings) -> None:
    server = build_server(settings)
    assert server._session_end_fnc is after_call
    assert server._entrypoint_fnc is answer
    assert server.setup_fnc is prewarm
    assert server._session_end_timeout >= 60
    assert server._drain_timeout > Limits(max_call=7200).max_call  # the most that a config may allow
    assert server._num_idle_processes == settings.ava_idle_processes
    assert server._agent_name == settings.ava_agent_name


async def test_a_warm_process_reads_no_trusted_authorities_for_a_call(
    context: CallContext, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reading takes 30 to 60 ms of the time between ring and greeting; a process reads them once, before its call."""
    trusted_authorities()
    readings: list[str] = []
    for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
        monkeypatch.setattr(ssl.SSLContext, name, lambda *_, name=name, **__: readings.append(name))
    async with open_resources(settings):
        await close_providers(build_session(context, settings))
    assert readings == []
