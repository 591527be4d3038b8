"""One AgentSession per call, with the framework's telephone traps closed (docs/decisions/0002)."""

import sys
from typing import Any

from livekit.agents import AgentSession, APIConnectOptions, inference
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.turn import TurnHandlingOptions

from agent.providers.llm import build_llm
from agent.providers.stt import build_stt
from agent.providers.tts import build_tts
from agent.settings import Settings
from contracts.assistant import TurnTaking
from contracts.call import CallContext


def turn_options(turns: TurnTaking) -> TurnHandlingOptions:
    """Everything named: the framework's own defaults change with dev mode, hosting and keys."""
    return {
        # v1-mini is in the wheel; the default would be a cloud model wherever LiveKit keys are set in dev mode
        "turn_detection": inference.TurnDetector(version="v1-mini") if turns.detection == "model" else "vad",
        "endpointing": {"mode": "fixed", "min_delay": turns.min_endpointing, "max_delay": turns.max_endpointing},
        "interruption": {
            "enabled": True,
            "mode": "vad",  # "adaptive" is LiveKit's cloud
            "min_duration": turns.min_interruption,
            "resume_false_interruption": True,
            "false_interruption_timeout": turns.false_interruption_timeout,
            "discard_audio_if_uninterruptible": False,  # what is said during a booking write is answered after it
        },
        "preemptive_generation": {"enabled": True, "preemptive_tts": False},
        "user_turn_limit": {"max_duration": 60.0},
    }


def build_session(context: CallContext, settings: Settings) -> AgentSession[Any]:
    return AgentSession[Any](
        stt=build_stt(context, settings),
        vad=inference.VAD(model="silero"),
        llm=build_llm(context, settings),
        tts=build_tts(context.config, settings),
        turn_handling=turn_options(context.config.turn_taking),
        tts_text_transforms=None,  # they would hold each sentence's last mark back: agent/sentences.py does their work
        max_tool_steps=4,
        aec_warmup_duration=None,  # its 3 s would mute the caller during the greeting; a phone line has its own AEC
        session_close_transcript_timeout=0.3,  # the default is 2 s of dead air before every hang-up
        user_away_timeout=None,  # noise keeps it from firing: agent/limits.py times silence on the wall clock
        conn_options=SessionConnectOptions(
            stt_conn_options=APIConnectOptions(max_retry=5, retry_interval=0.3, timeout=4.0),
            llm_conn_options=APIConnectOptions(max_retry=0, retry_interval=0.1, timeout=6.0),
            tts_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.1, timeout=3.0),
            max_unrecoverable_errors=sys.maxsize,  # refused ears err twice a second: agent/apologies.py ends the call
        ),
    )


def build_side_session(context: CallContext, settings: Settings) -> AgentSession[Any]:
    """Beside the caller's: says what it is told, and hears; there is no model behind it."""
    turns = turn_options(context.config.turn_taking)
    return AgentSession[Any](
        stt=build_stt(context, settings),
        vad=inference.VAD(model="silero"),
        tts=build_tts(context.config, settings),
        turn_handling={**turns, "turn_detection": "vad", "preemptive_generation": {"enabled": False}},
        tts_text_transforms=None,
        aec_warmup_duration=None,
        session_close_transcript_timeout=0.3,
        user_away_timeout=None,
    )


async def close_providers(session: AgentSession[Any]) -> None:
    """A closed session has closed its streams; the clients behind them, with their open sockets, are left to its owner."""
    if session.stt is not None:
        await session.stt.aclose()
    if session.llm is not None:
        await session.llm.aclose()
    if session.tts is not None:
        await session.tts.aclose()
