"""One call, from ring to record. `run_call` is the whole story; each step lives in the module it names."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from livekit.agents import AgentSession, CloseEvent, ConversationItemAddedEvent, ErrorEvent, UserInputTranscribedEvent
from livekit.agents.llm import ChatMessage

from agent.apologies import Apologies, clip_for
from agent.closing import OpenedCall
from agent.consultation import Consultation
from agent.conversation import Conversation
from agent.desk import open_desk
from agent.dictation import Dictation
from agent.errands import Errands
from agent.keys import KeyPad
from agent.limits import watch
from agent.line import Line
from agent.missed import keep_missed
from agent.no_credit import do_without
from agent.objections import objects
from agent.outgoing import Outgoing
from agent.pipeline import build_session, close_providers
from agent.providers.tts import build_tts
from agent.receptionist import Receptionist
from agent.recorder import Recorder
from agent.recording import CallRecording
from agent.refusal import refuse, silent_session
from agent.resolve import resolve
from agent.resources import Resources
from agent.resume import begin, go_on, recall
from agent.scribe import Scribe
from agent.telemetry import open_trace
from agent.voice import CannedVoice
from contracts.call import CallContext
from contracts.errors import DomainError, StoreUnavailable

log = structlog.get_logger("agent.call")


def _forget(_: OpenedCall) -> None:
    """The caller of run_call waits for its answer."""


async def run_call(
    line: Line,
    resources: Resources,
    opened: Callable[[OpenedCall], None] = _forget,
    *,
    outgoing: Outgoing | None = None,
    succeeding: bool = False,
) -> OpenedCall | None:
    """resolve → context → session → greeting → turns → close. Returns when the line is down; what is left to be done is the
    answer's `finish`, after the caller has gone. None: there was nobody to answer as, and the caller has heard so.
    `opened` gets the answer as soon as there is a record to close, for a job that is cut before it returns. `outgoing`: we
    rang, and somebody has picked up. `succeeding`: the job that had this call has died, and the caller is still there."""
    try:
        context = await resolve(line.inbound, resources.store, resources.known)
        c = await _converse(context, line, resources, outgoing, succeeding=succeeding)
        past = await recall(c, resources)
        trace = open_trace(context, resources.settings)
        session = silent_session() if context.without_credit else build_session(context, resources.settings)
        receptionist = Receptionist(c)
    except DomainError as error:
        log.error("call can't be answered", call_id=str(line.inbound.call_id), code=error.code, detail=str(error))
        if isinstance(error, StoreUnavailable):
            await keep_missed(line.inbound, resources.spool)
        await refuse(line, clip_for(error))
        return None
    except Exception:
        await refuse(line, "technical")  # a bug of ours: the caller hears a sentence, the framework logs the rest
        raise
    await receptionist.update_chat_ctx(past.chat())
    scribe, voice = Scribe(session, c, past.latencies), CannedVoice(c.config, resources.clips)
    call = OpenedCall(c, scribe, trace, resources)
    opened(call)
    scribe.subscribe()
    if context.without_credit:
        await do_without(session, c, voice)
        return call
    errands = Errands(str(context.call_id))
    _subscribe(session, c, voice, errands)
    await line.start(session, receptionist)
    recording = c.recording = await CallRecording.begin(session, c, resources.recordings)
    greeting = await begin(session, c, past, voice, resources.clips)
    if greeting is not None:
        if recording is not None:
            errands.start(recording.follow(greeting))
        errands.start(
            go_on(session, c, past),
            c.prefetch(),
            voice.prepare(build_tts(c.config, resources.settings)),
            watch(session, c, voice, after=greeting),
        )
    await c.ended.wait()
    await errands.aclose()
    await line.hang_up()
    await close_providers(session)
    return call


async def _converse(
    context: CallContext, line: Line, resources: Resources, outgoing: Outgoing | None, *, succeeding: bool
) -> Conversation:
    recorder = await Recorder.open(
        line.inbound,
        context,
        spool=resources.spool,
        store=resources.store,
        watch=resources.watch,
        resumed=succeeding,
    )
    desk = open_desk(context, resources, recorder)

    def consult(words: str) -> Consultation:
        return Consultation(context, resources.settings, words)

    return Conversation(
        context=context,
        line=line,
        recorder=recorder,
        desk=desk,
        clock=resources.clock,
        outgoing=outgoing,
        consult=consult,
    )


def _subscribe(session: AgentSession[Any], c: Conversation, voice: CannedVoice, errands: Errands) -> None:
    """Features listen to the session; none knows another."""
    dictation, apologies = Dictation(session, c), Apologies(session, c, voice)
    time = asyncio.get_running_loop().time
    c.has_keys = c.line.on_key(KeyPad(session, c).pressed)

    def heard(event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip():
            c.progress.last_heard = time()
        dictation.heard(event)
        if event.is_final and c.recording is not None and objects(event.transcript, c.language):
            errands.start(c.recording.objected())

    def added(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.role == "assistant":
            dictation.asked(event.item.text_content or "", cut=event.item.interrupted)
            apologies.answered(event.item.text_content or "")

    def failed(event: ErrorEvent) -> None:
        errands.start(apologies.on_error(event))

    def closed(_: CloseEvent) -> None:
        c.ended.set()

    session.on("user_input_transcribed", heard)
    session.on("conversation_item_added", added)
    session.on("error", failed)
    session.on("close", closed)
