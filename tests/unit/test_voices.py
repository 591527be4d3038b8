"""What is made of a voice provider's answers, how long it is used, and what is kept of its sounds."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from contracts.errors import DomainError, StoreRejected, StoreUnavailable
from control_api.voices.elevenlabs import ElevenLabsLibrary
from control_api.voices.elevenlabs_wire import models_from, problem_of, voice_from, voices_from
from control_api.voices.errors import VoiceQuotaExhausted, VoicesUnavailable
from control_api.voices.model import Verified, Voice
from control_api.voices.previews import PreviewShelf
from control_api.voices.snapshot import Snapshot

MP3 = b"ID3 and the rest of a sound"
KEY = SecretStr("el-secret-0123456789")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# Samples that are kept


async def keep(shelf: PreviewShelf, key: str, size: int = 10) -> bool:
    """True: it was made anew."""
    made: list[bytes] = []

    async def make() -> bytes:
        made.append(b"x" * size)
        return made[0]

    preview = await shelf.get(key, make)
    assert len(preview.audio) == size
    return bool(made)


async def test_the_shelf_is_bounded_in_bytes() -> None:
    """The least recently heard goes; what is larger than the shelf is given and not kept."""
    shelf = PreviewShelf(most_bytes=30)
    assert [await keep(shelf, key) for key in "abc"] == [True] * 3
    assert not await keep(shelf, "a")
    assert await keep(shelf, "d")
    assert [await keep(shelf, key) for key in "acd"] == [False, False, False]
    assert await keep(shelf, "b")
    assert await keep(shelf, "huge", 31)
    assert await keep(shelf, "huge", 31)
    assert shelf.size == 30


async def test_the_shelf_is_bounded_in_age() -> None:
    """A voice that sounds different tomorrow is heard tomorrow."""
    clock = Clock()
    shelf = PreviewShelf(most_bytes=100, seconds=60, clock=clock)
    assert await keep(shelf, "a")
    clock.now += 59
    assert not await keep(shelf, "a")
    clock.now += 2
    assert await keep(shelf, "a")
    assert shelf.size == 10


async def test_a_sound_that_fails_is_tried_again_by_whoever_waits() -> None:
    """One failure, or one listener who leaves, is nobody else's."""
    shelf = PreviewShelf(most_bytes=100)
    tries = 0

    async def make() -> bytes:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0.01)
        if tries == 1:
            raise VoicesUnavailable("busy")
        return MP3

    listeners = [asyncio.create_task(shelf.get("a", make)) for _ in range(4)]
    await asyncio.sleep(0.015)
    listeners[1].cancel()
    heard = await asyncio.gather(*listeners, return_exceptions=True)
    assert [type(one) for one in heard[:2]] == [VoicesUnavailable, asyncio.CancelledError]
    assert [getattr(one, "audio", None) for one in heard[2:]] == [MP3, MP3]
    assert tries == 3


# Lists that are kept


class Source:
    """Answers 1, 2, 3, … or fails."""

    def __init__(self) -> None:
        self.reads = 0
        self.error: DomainError | None = None

    async def read(self) -> int:
        self.reads += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.reads


async def test_a_list_is_read_once_for_ten_minutes() -> None:
    """However many ask at once."""
    clock, source = Clock(), Source()
    snapshot = Snapshot("list", source.read, clock=clock)
    assert await asyncio.gather(*(snapshot.get() for _ in range(5))) == [1] * 5
    clock.now += 601
    assert await asyncio.gather(*(snapshot.get() for _ in range(5))) == [2] * 5


async def test_an_old_list_serves_for_an_hour_while_the_source_is_away() -> None:
    """And the source is left alone for a moment after each failure."""
    clock, source = Clock(), Source()
    snapshot = Snapshot("list", source.read, clock=clock)
    await snapshot.get()
    source.error = StoreUnavailable("away")
    clock.now += 700
    assert [await snapshot.get() for _ in range(3)] == [1, 1, 1]
    assert source.reads == 2
    clock.now += 3000
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await snapshot.get()
    assert source.reads == 3
    source.error = None
    clock.now += 6
    assert await snapshot.get() == 4


async def test_a_source_that_refuses_for_good_is_not_papered_over() -> None:
    """What trying again can't help is told at once, each time."""
    clock, source = Clock(), Source()
    snapshot = Snapshot("list", source.read, clock=clock)
    await snapshot.get()
    source.error = StoreRejected("no")
    clock.now += 700
    for _ in range(2):
        with pytest.raises(StoreRejected):
            await snapshot.get()


# What the provider says


def test_a_voice_is_read_as_far_as_it_can_be_used() -> None:
    """Labels and languages in one form; odd ones are left out and nothing breaks."""
    row = {
        "voice_id": "abc", "name": "A\0\ud800b" + "x" * 200, "category": None, "description": 7,
        "labels": {"language": "en-US", "gender": "Non-Binary", "accent": "american"}, "preview_url": "",
        "verified_languages": [
            {"language": "fr", "model_id": "m", "preview_url": "https://x/y.mp3"}, {"language": 5}, "odd", None,
        ],
    }  # fmt: skip
    voice = voice_from(row)
    assert voice is not None
    assert (voice.language, voice.gender, voice.accent, voice.recording) == ("en", "neutral", "american", None)
    assert voice.name.startswith("Abx")
    assert len(voice.name) == 120
    assert voice.verified == (Verified("fr", "m", "", "https://x/y.mp3"),)
    odd: list[Any] = [
        None,
        1,
        "x",
        [],
        {},
        {"voice_id": ""},
        {"voice_id": "../user"},
        {"voice_id": "a\n"},
        {"voice_id": 5},
    ]
    assert voices_from(odd) == []


def test_models_that_make_no_speech_are_left_out() -> None:
    """Recognisers and changers of voices are among the provider's models."""
    rows: list[Any] = [
        {"model_id": "tts", "can_do_text_to_speech": True, "languages": [{"language_id": "pt-br"}, {}, None]},
        {"model_id": "sts", "can_do_text_to_speech": False, "languages": [{"language_id": "fr"}]},
        {"can_do_text_to_speech": True}, None,
    ]  # fmt: skip
    assert [(model.model_id, model.languages) for model in models_from(rows)] == [("tts", frozenset({"pt"}))]


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (401, "quota_exceeded", "voice_quota_exhausted"),
        (401, "invalid_api_key", "voices_unavailable"),
        (403, "missing_permissions", "voices_unavailable"),
        (404, "voice_not_found", "voice_not_found"),
        (400, "voice_not_found", "voice_not_found"),
        (400, "unsupported_language", "model_unsuitable"),
        (422, None, "model_unsuitable"),
        (429, "too_many_concurrent_requests", "voices_unavailable"),
        (500, None, "voices_unavailable"),
        (302, None, "voices_unavailable"),
    ],
)
def test_what_an_error_answer_means(status: int, said: str | None, code: str) -> None:
    """By the provider's own word where there is one, since one status means several things."""
    data = json.dumps({"detail": {"status": said, "message": "el-secret"} if said else [{"loc": []}]}).encode()
    found = problem_of(status, data)
    assert found.code == code
    assert "el-secret" not in found.detail
    assert problem_of(status, b"<html>").status in (404, 422, 503)


VOICE = Voice(
    "abc", "Abc", "premade", "", "en", "female", "", "", "", "own",
    (Verified("en", "m1", "", None), Verified("fr", "m1", "", "fr-m1"), Verified("fr", "m2", "", "fr-m2")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "model", "recording"),
    [
        (None, None, "own"),
        ("en", None, "own"),
        ("fr", None, "fr-m1"),
        ("fr", "m2", "fr-m2"),
        (None, "m2", "fr-m2"),
        ("en", "m1", None),
        ("he", None, None),
        ("fr", "m3", None),
    ],
)
def test_which_sample_is_played(language: str | None, model: str | None, recording: str | None) -> None:
    """One in that language and of that model; never another in its place."""
    assert VOICE.recording_of(language, model) == recording


# What is sent, and where


def library(answer: Callable[[httpx.Request], httpx.Response]) -> ElevenLabsLibrary:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return ElevenLabsLibrary(http, base_url="https://api.eu.residency.elevenlabs.io:8443/v1", api_key=KEY)


OWN = "https://api.eu.residency.elevenlabs.io:8443"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (f"{OWN}/previews/x.mp3", True),
        ("https://storage.googleapis.com/eleven-public-prod/premade/x.mp3", True),
        ("https://static.elevenlabs.io/x.mp3", True),
        ("http://static.elevenlabs.io/x.mp3", False),
        ("https://static.elevenlabs.io:9/x.mp3", False),
        ("https://storage.googleapis.com/somebody-elses/x.mp3", False),
        ("https://storage.googleapis.com/eleven-public-prod/../somebody-elses/x.mp3", False),
        ("https://storage.googleapis.com/eleven-public-prod/%2e%2e/somebody-elses/x.mp3", False),
        ("https://storage.googleapis.com@169.254.169.254/eleven-public-prod/x.mp3", False),
        ("https://evil-elevenlabs.io/x.mp3", False),
        ("https://elevenlabs.io.example.org/x.mp3", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("http://127.0.0.1:5432/", False),
        ("file:///etc/passwd", False),
        ("//x", False),
        ("https://[", False),
        ("", False),
    ],
)
async def test_samples_come_from_the_providers_hosts_and_without_its_key(url: str, asked: bool) -> None:
    """Whatever an answer of the provider says."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=MP3)

    assert (await library(answer).find_recording(url)) == (MP3 if asked else None)
    assert len(seen) == asked
    assert [request for request in seen if "xi-api-key" in request.headers] == []


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"<html>not found</html>", {}),
        (200, b"", {}),
        (302, b"", {"location": "https://169.254.169.254/"}),
        (404, b"", {}),
    ],
)
async def test_a_sample_that_is_no_sound_is_none(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Nor is a redirect followed out of the provider's hosts."""
    found = library(lambda _: httpx.Response(status, content=body, headers=headers))
    assert await found.find_recording(f"{OWN}/x.mp3") is None


async def test_answers_are_bounded() -> None:
    """A sound or a list without end is given up."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"ID3" + b"\0" * 9 * 1024 * 1024))

    with pytest.raises(VoicesUnavailable, match="too long"):
        await library(answer).find_recording(f"{OWN}/x.mp3")
    with pytest.raises(VoicesUnavailable, match="too long"):
        await library(answer).voices()


@pytest.mark.parametrize("body", [b"[]", b"null", b"<html>", b'{"voices": {}}', b"{" * 100_000, b'{"rows": 1'])
async def test_what_can_not_be_read_is_unavailable(body: bytes) -> None:
    """The provider's trouble is not the owner's: 503, never 500."""
    found = library(lambda _: httpx.Response(200, content=body))
    with pytest.raises(VoicesUnavailable):
        await found.voices()
    if body != b"[]":
        with pytest.raises(VoicesUnavailable):
            await found.models()
    if body != b'{"voices": {}}':
        with pytest.raises(VoicesUnavailable):
            await found.find_voice("abc")


@pytest.mark.parametrize(
    ("model", "path", "code"),
    [
        ("eleven_flash_v2_5", "/v1/text-to-speech/abc/stream", "fr"),
        ("eleven_multilingual_v2", "/v1/text-to-speech/abc/stream", None),
        ("eleven_v3", "/v1/text-to-dialogue/stream", "fr"),
    ],
)
async def test_each_family_of_models_is_asked_in_its_own_way(model: str, path: str, code: str | None) -> None:
    """The language is named where the model takes that; older ones refuse it."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=MP3)

    assert await library(answer).speak("abc", "Bonjour.", language="fr", model=model) == MP3
    [request] = seen
    body = json.loads(request.content)
    assert request.url.path == path
    assert request.url.params["output_format"] == "mp3_44100_128"
    assert body.get("language_code") == code
    assert body["model_id"] == model
    assert request.headers["xi-api-key"] == KEY.get_secret_value()


async def test_ids_that_are_none_are_not_asked_for() -> None:
    """A configuration may hold any text as its voice; none of it becomes part of an address."""

    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    for odd in ("", "..", "../user", "a/b", "a?b", "a#b", "é", "a" * 65, "a\n", "%2e%2e"):
        assert await library(never).find_voice(odd) is None


async def test_a_key_that_cannot_be_sent_is_not_quoted() -> None:
    """Neither in the error nor in what it came from."""

    def never(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['xi-api-key']!r}")

    with pytest.raises(VoicesUnavailable) as caught:
        await library(never).voices()
    assert KEY.get_secret_value() not in f"{caught.value!r}"
    assert caught.value.__suppress_context__


def test_spent_and_away_may_be_tried_again() -> None:
    """Who checks a configuration takes both for "not known now", not for "wrong"."""
    assert VoiceQuotaExhausted.retryable
    assert VoicesUnavailable.retryable
