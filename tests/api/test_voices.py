"""Voices, as an owner lists, filters and listens to them; and a provider that is away, spent, busy or odd."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
import pytest_asyncio
import yaml
from pydantic import HttpUrl, SecretStr
from structlog.testing import capture_logs

from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.voice_provider import voices_anew

SARAH, CLAIRE, GRACE, NOA = (
    "EXAVITQu4vr4xnSDxMaL", "ava-fr-claire-0000001", "ava-en-grace-00000001", "ava-he-noa-0000000001",
)  # fmt: skip
PRESETS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "presets").glob("*.yaml"))
}


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def elevenlabs(plane: ControlPlane) -> AsyncIterator[None]:
    """The stand-in as it was at first, and as quick as it can be."""
    await plane.control("elevenlabs", "reset")
    await plane.control("elevenlabs", "knobs", {"ttfb_ms": 0, "speed": 1000})
    yield
    await plane.control("elevenlabs", "reset")


@pytest_asyncio.fixture(loop_scope="session")
async def someone(plane: ControlPlane, owner: Client) -> AsyncIterator[Client]:
    """An owner, before anything was asked of the provider."""
    async with voices_anew(plane):
        yield owner


async def fault(plane: ControlPlane, operation: str, times: int | None = None, **rule: Any) -> None:
    await plane.control("elevenlabs", "faults", [{"operation": operation, "times": times, **rule}])


async def asked(plane: ControlPlane, operation: str) -> list[dict[str, Any]]:
    log = await plane.control("elevenlabs", f"log?operation={operation}", method="GET")
    return [entry["summary"] for entry in log["entries"]]


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body = answer.json()
    assert (answer.status_code, body["type"]) == (status, f"urn:ava:problem:{code}"), answer.text
    return body


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [voice["name"] for voice in answer.json()["items"]]


def seconds_of(mp3: bytes) -> float:
    """Decoded: it is sound, whatever it says of itself."""
    decoder = av.CodecContext.create("mp3", "r")
    packets = [*decoder.parse(mp3), *decoder.parse(b"")]
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return sum(frame.samples / frame.sample_rate for frame in frames)


async def test_an_owner_finds_a_french_voice(someone: Client) -> None:
    """Native ones first, then those the provider verified for French; with gender and words together."""
    listed = await someone.get("/v1/voices?language=fr")
    assert names(listed) == ["Claire", "Alice", "Lily", "Matilda", "Sarah"]
    first, *others = listed.json()["items"]
    assert (first["voice_id"], first["language"], first["fit"], first["gender"]) == (CLAIRE, "fr", "native", "female")
    assert {voice["fit"] for voice in others} == {"verified"}
    assert others[-1]["preview"] == f"/v1/voices/{SARAH}/preview"
    french = next(one for one in others[-1]["languages"] if one["language"] == "fr")
    assert {"eleven_flash_v2_5", "eleven_v3"} <= set(french["models"])
    assert names(await someone.get("/v1/voices?language=fr&gender=female&search=british")) == ["Alice", "Lily"]
    assert names(await someone.get("/v1/voices?language=fr&gender=male")) == []
    assert names(await someone.get(f"/v1/voices?search={SARAH}")) == ["Sarah"]
    assert len(names(await someone.get("/v1/voices"))) == 8


async def test_a_language_that_few_voices_are_verified_for(someone: Client) -> None:
    """Hebrew: one of its own; the others are listed after it on demand, since a model makes them speak it."""
    assert names(await someone.get("/v1/voices?language=he")) == ["Noa"]
    everyone = await someone.get("/v1/voices?language=he&verified=false")
    assert names(everyone)[0] == "Noa"
    assert [voice["fit"] for voice in everyone.json()["items"]] == ["native", *["possible"] * 7]


async def test_pages_hold_every_voice_once(plane: ControlPlane, someone: Client) -> None:
    """However many the account has: read from the provider page by page, given on page by page, and kept."""
    many = [{"voice_id": f"clone{n:03}", "name": f"Clone {n % 50}", "labels": {"gender": "male"}} for n in range(230)]
    await plane.control("elevenlabs", "voices", many)
    found: list[str] = []
    cursor = ""
    while True:
        page = (await someone.get(f"/v1/voices?gender=male&limit=100{cursor}")).json()
        found += [voice["voice_id"] for voice in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(found) == [voice["voice_id"] for voice in many]
    assert len(await asked(plane, "voices")) == 3


async def test_one_voice_and_the_models(someone: Client) -> None:
    """What an assistant's voice takes, and which model speaks its language."""
    voice = (await someone.get(f"/v1/voices/{SARAH}")).json()
    assert (voice["name"], voice["language"], voice["accent"]) == ("Sarah", "en", "american")
    models = {model["model_id"]: model["speaks"] for model in (await someone.get("/v1/voices/models")).json()}
    assert models["eleven_flash_v2_5"] == ["fr", "en"]
    assert models["eleven_v3"] == ["fr", "en", "he"]


@pytest.mark.parametrize("preset", PRESETS)
async def test_every_preset_has_a_voice_that_can_be_heard(owner: Client, preset: str) -> None:
    """What an owner begins with is listed, speaks the language with its model, and gives a sound."""
    config, language = PRESETS[preset], preset.partition(".")[2]
    voice = config["voice"]
    heard = await owner.get(f"/v1/voices/{voice['voice_id']}/preview?language={language}")
    assert heard.status_code == 200, heard.text
    made = await owner.post("/v1/assistants/validate", {"config": config})
    assert [e["pointer"] for e in made.json()["errors"] if e["pointer"].startswith("/voice")] == []


async def test_a_sample_that_the_provider_has_costs_nothing(plane: ControlPlane, someone: Client) -> None:
    """It is passed on as it is, once from the provider however often it is heard, and the browser may keep it."""
    answers = [await someone.get(f"/v1/voices/{SARAH}/preview?language=fr") for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
        assert answer.headers["cache-control"] == "private, max-age=86400"
        assert seconds_of(answer.content) > 0.5
    assert len(await asked(plane, "preview")) == 1
    assert await asked(plane, "speak") == []
    tag = answers[0].headers["etag"]
    again = await someone.get(f"/v1/voices/{SARAH}/preview?language=fr", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    own = await someone.get(f"/v1/voices/{SARAH}/preview")
    assert own.headers["etag"] != tag


@pytest.mark.parametrize(
    ("voice_id", "query", "model", "characters"),
    [
        (SARAH, "?language=he", "eleven_v3", 41),
        (GRACE, "", "eleven_flash_v2_5", 67),
        (GRACE, "?language=fr", "eleven_flash_v2_5", 72),
        (CLAIRE, "?language=fr&model=eleven_multilingual_v2", "eleven_multilingual_v2", 72),
        (NOA, "?model=eleven_v4", "eleven_v4", 41),
    ],
)
async def test_where_there_is_no_sample_a_sentence_is_spoken(
    plane: ControlPlane, someone: Client, voice_id: str, query: str, model: str, characters: int
) -> None:
    """In the language, with a model that speaks it, once."""
    if voice_id in (CLAIRE, NOA):
        await plane.control("elevenlabs", "voices", [{"voice_id": voice_id, "name": "X", "labels": {"language": "he"}}])
    heard = [await someone.get(f"/v1/voices/{voice_id}/preview{query}") for _ in range(2)]
    assert [answer.status_code for answer in heard] == [200, 200], heard[0].text
    assert seconds_of(heard[0].content) > 1.0
    [spoken] = await asked(plane, "speak")
    assert spoken["model"] == model
    assert abs(spoken["characters"] - characters) <= 2


async def test_many_who_listen_at_once_are_spoken_to_once(plane: ControlPlane, someone: Client) -> None:
    """A page with a play button, and everybody who has it open."""
    paths = [f"/v1/voices/{GRACE}/preview?language=fr"] * 8
    answers = await asyncio.gather(*(someone.get(path) for path in paths))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert len(await asked(plane, "speak")) == 1


async def test_speaking_is_rationed_per_tenant(plane: ControlPlane) -> None:
    """Past the allowance 429 with the time to wait; samples stay free, and another tenant has its own."""
    async with voices_anew(plane, ava_voice_previews_per_tenant="1/hour"):
        one, other = await plane.owner(), await plane.owner()
        assert (await one.get(f"/v1/voices/{GRACE}/preview?language=fr")).status_code == 200
        past = await one.get(f"/v1/voices/{GRACE}/preview?language=he")
        assert problem(past, 429, "rate_limited")["reason"] == "voice_previews"
        assert 0 < int(past.headers["retry-after"]) <= 3600
        assert (await one.get(f"/v1/voices/{GRACE}/preview?language=fr")).status_code == 200
        assert (await one.get(f"/v1/voices/{SARAH}/preview?language=fr")).status_code == 200
        assert (await other.get(f"/v1/voices/{GRACE}/preview?language=he")).status_code == 200


async def test_a_model_that_does_not_speak_the_language_is_told_before_anything_is_spent(
    plane: ControlPlane, someone: Client
) -> None:
    """Which one, which language, and where to look."""
    for model, words in (("eleven_flash_v2_5", "does not speak Hebrew"), ("eleven_v99", "no model eleven_v99")):
        body = problem(
            await someone.get(f"/v1/voices/{GRACE}/preview?language=he&model={model}"), 422, "model_unsuitable"
        )
        assert words in body["detail"]
        assert [error["pointer"] for error in body["errors"]] == ["query.model"]
    assert await asked(plane, "speak") == []


@pytest.mark.parametrize("sub", ["", "/preview", "/preview?language=fr"])
async def test_a_voice_that_there_is_not(someone: Client, sub: str) -> None:
    """404 for an id nobody has; what can't be an id is refused and never becomes part of an address."""
    problem(await someone.get(f"/v1/voices/nobody{sub}"), 404, "voice_not_found")
    for odd in ("..%2fuser", "a%20b", "a" * 65, "é", "a%3fx=1", "%2e%2e", "a%0a"):
        answer = await someone.get(f"/v1/voices/{odd}{sub}")
        assert answer.status_code in (404, 422), odd


@pytest.mark.parametrize("path", ["/v1/voices", "/v1/voices/models", f"/v1/voices/{SARAH}"])
@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"kind": "status", "status": 500}, "voices_unavailable"),
        ({"kind": "status", "status": 429}, "voices_unavailable"),
        ({"kind": "status", "status": 401}, "voices_unavailable"),
        ({"kind": "cut"}, "voices_unavailable"),
    ],
)
async def test_a_provider_that_is_away(
    plane: ControlPlane, someone: Client, path: str, rule: dict[str, Any], code: str
) -> None:
    """503 with the time to wait, in a sentence without the provider's own words."""
    for operation in ("voices", "models"):
        await fault(plane, operation, **rule)
    answer = await someone.get(path)
    body = problem(answer, 503, code)
    assert int(answer.headers["retry-after"]) > 0
    assert "voice provider" in body["detail"]


async def test_a_used_up_quota_is_not_a_wrong_key(plane: ControlPlane, owner: Client) -> None:
    """The provider says 401 to both; the owner is told which. A wrong key is the operator's to mend."""
    async with voices_anew(plane, eleven_api_key=SecretStr("spent-key")):
        for path in ("/v1/voices", "/v1/voices/models", f"/v1/voices/{SARAH}", f"/v1/voices/{SARAH}/preview"):
            answer = await owner.get(path)
            assert "used up" in problem(answer, 503, "voice_quota_exhausted")["detail"]
            assert int(answer.headers["retry-after"]) >= 60
    async with voices_anew(plane, eleven_api_key=SecretStr("bad-key")):
        with capture_logs() as logged:
            answer = await owner.get("/v1/voices")
        assert "operator" in problem(answer, 503, "voices_unavailable")["detail"]
        assert "bad-key" not in f"{logged}{answer.text}"
    async with voices_anew(plane, eleven_api_key=None):
        answer = await owner.get("/v1/voices")
        assert "ELEVEN_API_KEY" in problem(answer, 503, "voices_unavailable")["detail"]


async def test_a_quota_that_ends_while_speaking(plane: ControlPlane, someone: Client) -> None:
    """What is listed is still listed; busy is told as busy."""
    quota = {"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota."}}
    path = f"/v1/voices/{GRACE}/preview?language=fr"
    for body, code in ((quota, "voice_quota_exhausted"), (None, "voices_unavailable")):
        await fault(plane, "speak", 1, kind="status", status=401, **({"body": body} if body else {}))
        problem(await someone.get(path), 503, code)
    await fault(plane, "speak", 1, kind="cut", cut_after=1)
    problem(await someone.get(path), 503, "voices_unavailable")
    assert (await someone.get(path)).status_code == 200


async def test_what_was_read_before_serves_while_the_provider_is_away(plane: ControlPlane, someone: Client) -> None:
    """Lists of the last minutes, and sounds that were heard before."""
    path = f"/v1/voices/{SARAH}/preview?language=fr"
    before = [(await someone.get(one)).content for one in ("/v1/voices?language=fr", "/v1/voices/models", path)]
    for operation in ("voices", "models", "preview", "speak"):
        await fault(plane, operation, kind="status", status=500)
    after = [(await someone.get(one)).content for one in ("/v1/voices?language=fr", "/v1/voices/models", path)]
    assert after == before


async def test_a_sample_is_fetched_from_the_providers_own_hosts_only(plane: ControlPlane, someone: Client) -> None:
    """Another address in the provider's answer is not asked: a sentence is spoken instead."""
    elsewhere = plane.urls["calcom"]
    await plane.control(
        "elevenlabs",
        "voices",
        [{"voice_id": "odd", "name": "Odd", "labels": {"language": "fr"}, "preview_url": f"{elsewhere}/v2/me"}],
    )
    await plane.control("calcom", "reset")
    heard = await someone.get("/v1/voices/odd/preview")
    assert heard.status_code == 200, heard.text
    assert seconds_of(heard.content) > 1.0
    assert (await plane.control("calcom", "log", method="GET"))["entries"] == []


@pytest.mark.parametrize("rule", [{"status": 404}, {"status": 403}])
async def test_a_sample_that_is_gone_is_spoken(plane: ControlPlane, someone: Client, rule: dict[str, Any]) -> None:
    """Addresses of samples age; a provider that is merely busy is not spoken over."""
    path = f"/v1/voices/{SARAH}/preview?language=fr"
    await fault(plane, "preview", 1, kind="status", status=503)
    problem(await someone.get(path), 503, "voices_unavailable")
    await fault(plane, "preview", 1, kind="status", **rule)
    assert (await someone.get(path)).status_code == 200
    assert len(await asked(plane, "speak")) == 1


async def test_a_provider_that_is_not_there_at_all(plane: ControlPlane, owner: Client) -> None:
    """Nobody listening: told, and at once."""
    async with voices_anew(plane, eleven_base_url=HttpUrl("http://127.0.0.1:9/v1")):
        answer = await owner.get("/v1/voices")
        assert "can't be reached" in problem(answer, 503, "voices_unavailable")["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "language=de", "gender=other", f"search={'x' * 101}", "cursor=nonsense", "cursor=WzEsMl0", "limit=0", "limit=101",
        "verified=perhaps", "search=%00",
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_request(owner: Client, query: str) -> None:
    """422, each of them, with the field's name; a character that no text may hold is no field's."""
    body = problem(await owner.get(f"/v1/voices?{query}"), 422, "invalid_request")
    wrong = [] if "%00" in query else [f"query.{query.partition('=')[0]}"]
    assert [one["pointer"] for one in body.get("errors", [])] == wrong


async def test_who_may_listen(plane: ControlPlane, owner: Client) -> None:
    """Every member and keys with the scope."""
    viewer = await plane.member(owner, "viewer")
    assert (await viewer.get("/v1/voices")).status_code == 200
    machine, blind = await plane.machine(owner, "voices:read"), await plane.machine(owner, "calls:read")
    assert (await machine.get(f"/v1/voices/{SARAH}/preview")).status_code == 200
    problem(await blind.get("/v1/voices"), 403, "forbidden")
