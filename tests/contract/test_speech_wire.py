"""The real LiveKit Deepgram and ElevenLabs plugins against the stand-ins, over sockets on loopback.

What holds here is what the agent relies on: a caller's words arrive in order and in time, a voice comes as PCM with
timed text, and every fault surfaces as an error the framework's retry and fallback understand.
"""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import httpx
import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, stt, utils
from livekit.plugins import deepgram, elevenlabs

from sandbox.callers import SESSION_HZ, get_recording
from sandbox.providers import create, serve

ONCE = APIConnectOptions(max_retry=0, timeout=2.0)
FRAME_MS = 50
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT


@pytest.fixture
async def http() -> AsyncGenerator[None]:
    async with utils.http_context.open():
        yield


@pytest.fixture
async def ears() -> AsyncGenerator[str]:
    async with serve(create("deepgram")) as url:
        yield url


@pytest.fixture
async def voice() -> AsyncGenerator[str]:
    async with serve(create("elevenlabs")) as url:
        yield url


async def control(url: str, path: str, body: object) -> dict[str, object]:
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post(f"/_ctl/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def recogniser(url: str, *, tag: str = "call-1", key: str = "any-key", language: str = "fr") -> deepgram.STT:
    return deepgram.STT(base_url=f"{url}/v1/listen", api_key=key, tags=[tag], language=language)


async def announce(url: str, *utterance_ids: str, session: str = "call-1") -> None:
    utterances = [get_recording(utterance_id).for_deepgram() for utterance_id in utterance_ids]
    await control(url, "transcripts", {"session": session, "utterances": utterances})


@dataclass(frozen=True)
class Heard:
    """A recogniser's events with the seconds since the call began."""

    events: list[tuple[float, stt.SpeechEvent]]
    ended: dict[str, float]

    def texts(self, kind: stt.SpeechEventType) -> list[str]:
        return [event.alternatives[0].text for _, event in self.events if event.type == kind]

    def whole(self) -> str:
        return " ".join(self.texts(FINAL))


async def call(stream: stt.RecognizeStream, *utterance_ids: str, gap_ms: int = 600) -> Heard:
    """The recordings one after the other at real time, silence between them and 600 ms after."""
    started = time.monotonic()
    events: list[tuple[float, stt.SpeechEvent]] = []
    ended: dict[str, float] = {}

    async def listen() -> None:
        async for event in stream:
            events.append((time.monotonic() - started, event))

    listening = asyncio.create_task(listen())
    gap = bytes(SESSION_HZ * 2 * gap_ms // 1000)
    pieces = [(None, gap)]
    for utterance_id in utterance_ids:
        pieces += [(utterance_id, get_recording(utterance_id).pcm), (None, gap)]
    pieces.append((None, bytes(SESSION_HZ * 2 * 600 // 1000)))
    due = time.monotonic()
    step = SESSION_HZ * 2 * FRAME_MS // 1000
    for utterance_id, pcm in pieces:
        for start in range(0, len(pcm), step):
            data = pcm[start : start + step]
            due += len(data) / 2 / SESSION_HZ
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            stream.push_frame(rtc.AudioFrame(data, SESSION_HZ, 1, len(data) // 2))
        if utterance_id is not None:
            ended[utterance_id] = time.monotonic() - started
    # the plugin's own end takes up to 5 s (its keep-alive); all there is to hear has been heard
    await stream.aclose()
    async with asyncio.timeout(5):
        await listening
    return Heard(events, ended)


@pytest.mark.usefixtures("http")
class TestRecogniser:
    async def test_words_arrive_in_order_and_in_time(self, ears: str) -> None:
        """Two utterances, each recognised by its sound; interims grow; the final comes within 0.35 s of the last word."""
        await announce(ears, "fr-open-christmas", "fr-want-thursday")
        heard = await call(recogniser(ears).stream(), "fr-open-christmas", "fr-want-thursday")
        expected = [get_recording(u).transcript for u in ("fr-open-christmas", "fr-want-thursday")]
        assert heard.whole() == " ".join(expected)
        interims = heard.texts(stt.SpeechEventType.INTERIM_TRANSCRIPT)
        assert len(interims) >= 6
        finals = heard.texts(FINAL)
        assert all(any(final.startswith(interim) for final in finals) for interim in interims)
        final_at = next(
            at for at, e in heard.events if e.alternatives and "décembre" in e.alternatives[0].text and e.type == FINAL
        )
        spoken_to = heard.ended["fr-open-christmas"] - 0.18  # the file's own silence at its end
        assert 0.05 < final_at - spoken_to < 0.40
        kinds = [event.type for _, event in heard.events]
        assert kinds.count(stt.SpeechEventType.START_OF_SPEECH) == kinds.count(stt.SpeechEventType.END_OF_SPEECH) >= 2

    async def test_pauses_coughs_and_another_order(self, ears: str) -> None:
        """A spelled name comes whole through its pauses; a cough says nothing; a later utterance may come first."""
        await announce(ears, "fr-confirm", "fr-spell-dupont")
        heard = await call(recogniser(ears).stream(), "noise-cough", "fr-spell-dupont", "fr-confirm")
        finals = heard.texts(FINAL)
        assert " ".join(finals) == "Dupont. D, U, P, O, N, T. Jean Dupont. Oui, c'est ça, je confirme."
        assert len(finals) >= 4

    async def test_two_callers_at_once_keep_their_own_words(self, ears: str) -> None:
        """Sessions are told apart by their tag."""
        await announce(ears, "fr-goodbye", session="call-1")
        await announce(ears, "he-confirm", session="call-2")
        one, two = await asyncio.gather(
            call(recogniser(ears, tag="call-1").stream(), "fr-goodbye"),
            call(recogniser(ears, tag="call-2", language="he").stream(), "he-confirm"),
        )
        assert one.whole() == get_recording("fr-goodbye").transcript
        assert two.whole() == get_recording("he-confirm").transcript

    async def test_a_late_final_is_late_and_a_lost_one_is_lost(self, ears: str) -> None:
        await control(ears, "transcripts", {"session": "*", "utterances": [{"text": "un"}, {"text": "deux"}]})
        late = {"operation": "final", "kind": "delay", "delay_ms": 500}
        await control(ears, "faults", [late, {"operation": "final", "kind": "lost_answer", "skip": 1}])
        heard = await call(recogniser(ears).stream(), "fr-yes", "fr-no", gap_ms=1000)
        finals = [(at, e.alternatives[0].text) for at, e in heard.events if e.type == FINAL]
        assert [text for _, text in finals] == ["un"]
        assert finals[0][0] - (heard.ended["fr-yes"] - 0.18) > 0.55

    async def test_an_utterance_known_by_text_only_is_counted(self, ears: str) -> None:
        """Without a recording named the n-th burst gives the n-th text."""
        texts = [{"text": "Allô bonjour", "pauses": 0}, {"text": "À demain"}]
        await control(ears, "transcripts", {"session": "*", "utterances": texts})
        heard = await call(recogniser(ears).stream(), "fr-yes", "fr-no")
        assert heard.texts(FINAL) == ["Allô bonjour", "À demain"]

    async def test_line_noise_is_not_speech(self, ears: str) -> None:
        await announce(ears, "fr-yes")
        heard = await call(recogniser(ears).stream(), "noise-line")
        assert [e for _, e in heard.events if e.type != stt.SpeechEventType.RECOGNITION_USAGE] == []

    async def test_a_cut_socket_is_reconnected_and_the_rest_is_heard(self, ears: str) -> None:
        """The plugin comes back by itself; the second utterance is recognised on the new connection."""
        await announce(ears, "fr-confirm", "fr-goodbye")
        await control(ears, "faults", [{"operation": "listen", "kind": "cut", "cut_after": 2}])
        options = APIConnectOptions(max_retry=2, retry_interval=0.05, timeout=2.0)
        heard = await call(recogniser(ears).stream(conn_options=options), "fr-confirm", "fr-goodbye")
        assert heard.whole().endswith(get_recording("fr-goodbye").transcript)

    @pytest.mark.parametrize(
        ("key", "fault", "status"),
        [
            ("bad-key", None, 401),
            ("any-key", {"operation": "listen", "kind": "status", "status": 429}, 429),
            ("any-key", {"operation": "listen", "kind": "status", "status": 500}, 500),
        ],
    )
    async def test_a_refused_handshake_is_a_status_error(
        self, ears: str, key: str, fault: dict[str, object] | None, status: int
    ) -> None:
        await control(ears, "faults", [fault] if fault else [])
        stream = recogniser(ears, key=key).stream(conn_options=ONCE)
        with pytest.raises(APIStatusError) as caught:
            await anext(stream)
        assert caught.value.status_code == status
        await stream.aclose()

    async def test_a_handshake_that_hangs_is_a_connection_error(self, ears: str) -> None:
        await control(ears, "faults", [{"operation": "listen", "kind": "delay", "delay_ms": 3000}])
        stream = recogniser(ears).stream(conn_options=APIConnectOptions(max_retry=0, timeout=0.3))
        with pytest.raises(APIConnectionError):
            await anext(stream)
        await stream.aclose()

    async def test_silence_on_the_wire_closes_it(self, ears: str) -> None:
        """NET-0001 after the idle time; KeepAlive holds it open; CloseStream is answered with Metadata."""
        await control(ears, "knobs", {"idle_ms": 300})
        url = f"{ears}/v1/listen?encoding=linear16&sample_rate=16000"
        async with aiohttp.ClientSession(headers={"Authorization": "Token k"}) as session:
            async with session.ws_connect(url) as ws:
                for _ in range(4):
                    await asyncio.sleep(0.15)
                    await ws.send_str('{"type": "KeepAlive"}')
                closed = await ws.receive(timeout=2)
                assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1011)
                assert "NET-0001" in str(closed.extra)
            async with session.ws_connect(url) as ws:
                await ws.send_bytes(bytes(3_200))
                await ws.send_str('{"type": "Finalize"}')
                await ws.send_str('{"type": "CloseStream"}')
                result, metadata = await ws.receive_json(timeout=2), await ws.receive_json(timeout=2)
                assert (result["type"], result["from_finalize"]) == ("Results", True)
                assert (metadata["type"], metadata["duration"]) == ("Metadata", 0.1)
                assert (await ws.receive(timeout=2)).data == 1000

    @pytest.mark.parametrize(
        "query",
        ["", "encoding=opus", "encoding=linear16", "encoding=linear16&sample_rate=16000&utterance_end_ms=1000"],
    )
    async def test_a_wrong_query_is_refused_with_its_reason(self, ears: str, query: str) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": "Token k"}) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(f"{ears}/v1/listen?{query}")
        assert caught.value.status == 400
        assert caught.value.headers is not None
        assert caught.value.headers["dg-error"]

    async def test_the_key_check(self, ears: str) -> None:
        async with httpx.AsyncClient(base_url=ears) as client:
            good = await client.get("/v1/projects", headers={"Authorization": "Token k"})
            bad = await client.get("/v1/projects", headers={"Authorization": "Token bad-key"})
        assert good.status_code == 200
        assert (bad.status_code, bad.json()["err_code"]) == (401, "INVALID_AUTH")
        assert bad.headers["dg-error"]


def speaker(url: str, **given: str) -> elevenlabs.TTS:
    options = {"model": "eleven_flash_v2_5", "encoding": "pcm_24000", "language": "fr", "api_key": "any-key", **given}
    return elevenlabs.TTS(voice_id="ava-fr-claire-0000001", base_url=f"{url}/v1", **options)  # pyright: ignore[reportArgumentType]  # model and encoding are Literals there


SENTENCES = ("Bonjour, cabinet dentaire du Parc, je vous écoute. ", "Le cabinet est fermé ce jour-là, je regrette.")


async def say(tts: elevenlabs.TTS, *texts: str) -> tuple[bytes, list[str], float]:
    """PCM, timed words, seconds to first audio."""
    stream = tts.stream(conn_options=ONCE)
    started, first = time.monotonic(), 0.0
    audio, words = bytearray(), list[str]()
    for text in texts:
        stream.push_text(text)
    stream.end_input()
    try:
        async with asyncio.timeout(10):
            async for event in stream:
                first = first or time.monotonic() - started
                audio += event.frame.data.tobytes()
                words += [str(word) for word in event.frame.userdata.get("lk.timed_transcripts", [])]
    finally:
        await stream.aclose()
    return bytes(audio), words, first


def longest_silence_ms(pcm: bytes, rate_hz: int) -> int:
    samples = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32))
    step = rate_hz // 100
    loud = samples[: len(samples) // step * step].reshape(-1, step).max(axis=1) > 200
    longest = run = 0
    for active in loud:
        run = 0 if active else run + 1
        longest = max(longest, run)
    return longest * 10


@pytest.mark.usefixtures("http")
class TestVoice:
    async def test_sentences_come_as_pcm_with_their_words(self, voice: str) -> None:
        """Speech of plausible length, not clipped, no gap over 250 ms, and the words in order with it."""
        tts = speaker(voice)
        audio, words, first = await say(tts, *SENTENCES)
        await tts.aclose()
        seconds = len(audio) / 2 / 24_000
        assert 3.5 < seconds < 9
        assert "".join(words).split() == " ".join(SENTENCES).split()
        assert 0.09 < first < 0.6
        assert longest_silence_ms(audio, 24_000) <= 250
        peak = max(abs(int.from_bytes(audio[i : i + 2], "little", signed=True)) for i in range(0, len(audio), 2))
        assert 8_000 < peak < 32_000

    async def test_one_socket_serves_sentence_after_sentence(self, voice: str) -> None:
        tts = speaker(voice)
        for _ in range(3):
            audio, _, _ = await say(tts, SENTENCES[1])
            assert len(audio) > 24_000
        await tts.aclose()
        async with httpx.AsyncClient(base_url=voice) as client:
            log = (await client.get("/_ctl/log", params={"operation": "connect"})).json()["entries"]
        assert len(log) == 1

    @pytest.mark.parametrize("model", ["eleven_v3", "eleven_v4_turbo"])
    async def test_hebrew_through_the_dialogue_family(self, voice: str, model: str) -> None:
        tts = speaker(voice, model=model, language="he")
        text = "שלום, מרפאת השיניים בפארק, איך אפשר לעזור?"
        audio, words, _ = await say(tts, text)
        whole = await tts.synthesize(text, conn_options=ONCE).collect()
        await tts.aclose()
        assert len(audio) / 2 / 24_000 > 2
        assert "".join(words).split() == text.split()
        assert whole.duration > 2

    async def test_hebrew_is_refused_by_a_model_without_it(self, voice: str) -> None:
        tts = speaker(voice, model="eleven_flash_v2_5", language="he")
        with pytest.raises(APIError) as caught:
            await tts.synthesize("שלום לכם", conn_options=ONCE).collect()
        await tts.aclose()
        assert isinstance(caught.value, APIStatusError)
        assert caught.value.status_code == 400

    @pytest.mark.parametrize("status", [429, 500])
    async def test_an_error_status_over_http(self, voice: str, status: int) -> None:
        await control(voice, "faults", [{"operation": "speak", "kind": "status", "status": status}])
        tts = speaker(voice)
        with pytest.raises(APIStatusError) as caught:
            await tts.synthesize(SENTENCES[0], conn_options=ONCE).collect()
        assert caught.value.status_code == status
        assert (await tts.synthesize(SENTENCES[0], conn_options=ONCE).collect()).duration > 1
        await tts.aclose()

    async def test_a_cut_body_is_a_connection_error(self, voice: str) -> None:
        await control(voice, "faults", [{"operation": "speak", "kind": "cut", "cut_after": 2}])
        tts = speaker(voice)
        with pytest.raises(APIConnectionError):
            await tts.synthesize(SENTENCES[0], conn_options=ONCE).collect()
        await tts.aclose()

    @pytest.mark.parametrize(
        "fault",
        [
            {"operation": "speak", "kind": "status", "status": 429},
            {"operation": "speak", "kind": "cut", "cut_after": 1},
            {"operation": "speak", "kind": "cut"},
            {"operation": "speak", "kind": "stall", "cut_after": 0, "delay_ms": 4000},
            {"operation": "connect", "kind": "status", "status": 500},
            # the HTTP client tries a second time by itself
            {"operation": "connect", "kind": "cut", "times": 2},
        ],
        ids=["error", "cut-in-the-middle", "cut-before-audio", "stalled", "handshake-500", "handshake-cut"],
    )
    async def test_a_fault_on_the_socket_is_an_api_error(self, voice: str, fault: dict[str, object]) -> None:
        """Whatever happens to the socket, the framework sees an error it can retry; the next sentence is spoken."""
        await control(voice, "faults", [fault])
        tts = speaker(voice)
        with pytest.raises(APIError):
            await say(tts, SENTENCES[0])
        audio, _, _ = await say(tts, SENTENCES[1])
        assert len(audio) > 24_000
        await tts.aclose()

    async def test_too_many_contexts_and_audio_after_close(self, voice: str) -> None:
        """A closed context still gets what it was given, then its end; one context too many costs the socket."""
        path = "v1/text-to-speech/ava-fr-claire-0000001/multi-stream-input?model_id=eleven_flash_v2_5"
        async with aiohttp.ClientSession(headers={"xi-api-key": "k"}) as session:
            async with session.ws_connect(f"{voice}/{path}&output_format=ulaw_8000&sync_alignment=true") as ws:
                await ws.send_json({"text": " ", "context_id": "a"})
                await ws.send_json({"text": "Bonjour. ", "context_id": "a", "flush": True})
                await ws.send_json({"context_id": "a", "close_context": True})
                messages = [await ws.receive_json(timeout=3)]
                while not messages[-1].get("isFinal"):
                    messages.append(await ws.receive_json(timeout=3))
                audio = b"".join(base64.b64decode(m["audio"]) for m in messages[:-1])
                assert 0.3 < len(audio) / 8_000 < 2
                assert (
                    "".join(c for m in messages[:-1] for c in (m["alignment"] or {"chars": ""})["chars"]) == "Bonjour. "
                )
                for number in range(6):
                    await ws.send_json({"text": " ", "context_id": f"c{number}"})
                assert (await ws.receive_json(timeout=3))["error"] == "max_active_conversations"
                assert (await ws.receive(timeout=3)).data == 1008

    async def test_a_late_voice_is_only_late(self, voice: str) -> None:
        await control(voice, "faults", [{"operation": "speak", "kind": "delay", "delay_ms": 700}])
        tts = speaker(voice)
        audio, _, first = await say(tts, SENTENCES[1])
        await tts.aclose()
        assert first > 0.7
        assert len(audio) > 24_000

    async def test_keys_voices_and_subscription(self, voice: str) -> None:
        async with httpx.AsyncClient(base_url=voice) as client:

            async def get(path: str, key: str = "any-key") -> httpx.Response:
                return await client.get(path, headers={"xi-api-key": key})

            bad, spent = await get("/v1/models", "bad-key"), await get("/v1/models", "spent-key")
            assert (bad.status_code, bad.json()["detail"]["status"]) == (401, "invalid_api_key")
            assert (spent.status_code, spent.json()["detail"]["status"]) == (401, "quota_exceeded")
            assert {m["model_id"] for m in (await get("/v1/models")).json()} >= {"eleven_v3", "eleven_flash_v2_5"}
            page = (await get("/v2/voices?page_size=5")).json()
            rest = (await get(f"/v2/voices?page_size=5&next_page_token={page['next_page_token']}")).json()
            assert page["has_more"]
            assert page["total_count"] == len(page["voices"]) + len(rest["voices"])
            assert (await get("/v1/voices/ava-he-noa-0000000001")).json()["labels"]["language"] == "he"
            assert (await get("/v1/voices/nobody")).status_code == 404
            assert (await get("/v1/user/subscription")).json()["character_limit"] > 0
