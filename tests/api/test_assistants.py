"""Assistants: from a preset to what is live, and what is refused on the way."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.assistant import AssistantConfig
from control_api.assistants.schemas import AssistantPatch
from tests.fakes.control_plane import Client, ControlPlane

PRESET = {"preset": {"industry": "health", "language": "fr"}}


async def made(owner: Client, **changes: Any) -> dict[str, Any]:
    return await owner.made("/v1/assistants", {**PRESET, **({"changes": changes} if changes else {})})


def pointers(problem: dict[str, Any]) -> set[str]:
    return {error["pointer"] for error in problem["errors"]}


async def test_from_preset_to_live(owner: Client) -> None:
    """Create, change, publish, change again: what is live is what was published."""
    created = await owner.post("/v1/assistants", {**PRESET, "name": "Accueil", "changes": {"persona_name": "Léa"}})
    assistant = created.json()
    path = f"/v1/assistants/{assistant['assistant_id']}"
    assert created.headers["location"] == path
    assert (assistant["name"], assistant["config"]["persona_name"]) == ("Accueil", "Léa")
    assert (assistant["draft_version"], assistant["published_version"]) == (1, None)
    patched = await owner.http.patch(path, json={"tone": "dynamic"}, headers={"if-match": created.headers["etag"]})
    assert (patched.json()["draft_version"], patched.json()["config"]["tone"]) == (2, "dynamic")
    live = await owner.made(f"{path}/publish")
    assert live["published_version"] == 2
    await owner.http.patch(path, json={"tone": "warm"}, headers={"if-match": "*"})
    now = (await owner.get(path)).json()
    assert (now["draft_version"], now["published_version"]) == (3, 2)


async def test_roll_back_goes_to_what_was_live_before(owner: Client) -> None:
    """Three versions were live; going back twice ends at the first; a fourth time says there is nothing."""
    path = f"/v1/assistants/{(await made(owner))['assistant_id']}"
    await owner.made(f"{path}/publish")
    for tone in ("dynamic", "professional"):
        await owner.http.patch(path, json={"tone": tone}, headers={"if-match": "*"})
        await owner.made(f"{path}/publish")
    assert [(await owner.made(f"{path}/rollback"))["published_version"] for _ in range(2)] == [2, 1]
    nothing = await owner.post(f"{path}/rollback")
    assert (nothing.status_code, nothing.json()["reason"]) == (409, "nothing_to_roll_back_to")
    history = (await owner.get(f"{path}/publications")).json()
    assert [(h["version"], h["kind"]) for h in history] == [
        (1, "rollback"), (2, "rollback"), (3, "publish"), (2, "publish"), (1, "publish"),
    ]  # fmt: skip
    assert (await owner.made(f"{path}/rollback", {"version": 3}))["published_version"] == 3


async def test_a_change_needs_the_state_it_changes(owner: Client) -> None:
    """428 without If-Match, 412 with a stale one, and then nothing was written."""
    created = await owner.post("/v1/assistants", PRESET)
    path, tag = created.headers["location"], created.headers["etag"]
    assert (await owner.http.patch(path, json={"tone": "warm"})).status_code == 428
    assert (await owner.http.patch(path, json={"tone": "warm"}, headers={"if-match": tag})).status_code == 200
    stale = await owner.http.patch(path, json={"tone": "dynamic"}, headers={"if-match": tag})
    assert (stale.status_code, stale.json()["current"]) == (412, "2")
    assert [v["version"] for v in (await owner.get(f"{path}/versions")).json()] == [2, 1]


async def test_of_two_changes_at_once_one_wins(owner: Client) -> None:
    """Nobody's change is lost without being told."""
    created = await owner.post("/v1/assistants", PRESET)
    headers = {"if-match": created.headers["etag"]}
    answers = await asyncio.gather(
        *(
            owner.http.patch(created.headers["location"], json={"persona_name": f"P{n}"}, headers=headers)
            for n in range(6)
        )
    )
    assert sorted(a.status_code for a in answers) == [200, 412, 412, 412, 412, 412]


async def test_changes_onto_whatever_is_there_are_all_kept(owner: Client) -> None:
    """`If-Match: *` from several pages at once: each changes its own field, none takes another's back."""
    created = await owner.post("/v1/assistants", PRESET)
    path = created.headers["location"]
    changes: list[dict[str, Any]] = [{"persona_name": "Léa"}, {"tone": "dynamic"}, {"farewell": "Au revoir !"}]
    answers = await asyncio.gather(*(owner.http.patch(path, json=c, headers={"if-match": "*"}) for c in changes))
    assert {a.status_code for a in answers} == {200}
    config = (await owner.get(path)).json()["config"]
    assert (config["persona_name"], config["tone"], config["farewell"]) == ("Léa", "dynamic", "Au revoir !")


async def test_null_puts_back_the_default_and_absent_leaves(owner: Client) -> None:
    created = await owner.post("/v1/assistants", {**PRESET, "changes": {"persona_name": "Léa", "tone": "dynamic"}})
    patched = await owner.http.patch(
        created.headers["location"], json={"persona_name": None}, headers={"if-match": "*"}
    )
    assert (patched.json()["config"]["persona_name"], patched.json()["config"]["tone"]) == ("Ava", "dynamic")
    needed = await owner.http.patch(created.headers["location"], json={"voice": None}, headers={"if-match": "*"})
    assert (needed.status_code, pointers(needed.json())) == (422, {"/voice"})


@pytest.mark.parametrize(
    ("change", "pointer", "word"),
    [
        ({"voice": {"voice_id": "missing-voice"}}, "/voice/voice_id", "no such voice"),
        ({"voice": {"voice_id": "EXAVITQu4vr4xnSDxMaL", "model": "eleven_flash_v9"}}, "/voice/model", "no such model"),
        ({"language": "he"}, "/voice/model", "does not speak Hebrew"),
        ({"greeting": "Bonjour {prenom}"}, "/greeting", "no name {prenom}"),
        ({"rules": ["Dis {business_name}"]}, "/rules/0", "no name {business_name}"),
        ({"rules": ["x" * 30_000]}, "/rules", "characters"),
        ({"other_languages": ["fr"]}, "/other_languages", "main language"),
    ],
)
async def test_what_would_fail_on_the_line_is_refused_here(
    owner: Client, change: dict[str, Any], pointer: str, word: str
) -> None:
    """The field, the reason, what to do; the same on create, on change and in the dry run; nothing is written."""
    created = await owner.post("/v1/assistants", PRESET)
    path = created.headers["location"]
    answers = [
        await owner.post("/v1/assistants", {**PRESET, "changes": change}),
        await owner.http.patch(path, json=change, headers={"if-match": "*"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:ava:problem:config_invalid"), answer.text
        [found] = [e for e in answer.json()["errors"] if e["pointer"] == pointer]
        assert word in found["reason"]
        assert found["advice"]
    verdict = await owner.made(f"{path}/validate", change)
    assert (verdict["ok"], pointer in pointers(verdict)) == (False, True)
    assert (await owner.get(path)).json()["draft_version"] == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"hours": {"time_zone": "Mars/Base", "weekly": {}}}, "/hours/time_zone"),
        (
            {
                "hours": {
                    "time_zone": "Europe/Paris",
                    "weekly": {
                        "monday": [{"opens": "09:00", "closes": "12:00"}, {"opens": "11:00", "closes": "15:00"}]
                    },
                }
            },
            "/hours/weekly",
        ),
        ({"transfer": {"mode": "cold", "number": "04 78 00 00 01"}}, "/transfer/number"),
        ({"greeting": ""}, "/greeting"),
        ({"no_such_field": 1}, "/no_such_field"),
        ({"tools": ["booking", "telepathy"]}, "/tools/1"),
        ({"services": []}, "/"),
    ],
)
async def test_what_the_types_refuse_names_the_field(owner: Client, change: dict[str, Any], pointer: str) -> None:
    created = await owner.post("/v1/assistants", PRESET)
    answer = await owner.http.patch(created.headers["location"], json=change, headers={"if-match": "*"})
    assert answer.status_code == 422
    assert any(p.startswith(pointer) for p in pointers(answer.json())), answer.text


@pytest.mark.parametrize("keys", ["2", "1w204#", "ww*9", ""])
async def test_a_transfer_number_may_have_keys(owner: Client, keys: str) -> None:
    """An extension, as LiveKit takes it; a preset has none."""
    created = await made(owner)
    assert created["config"]["transfer"]["keys"] == ""
    change = {"transfer": {"mode": "warm", "number": "+33478000001", "keys": keys}}
    path = f"/v1/assistants/{created['assistant_id']}"
    changed = await owner.http.patch(path, json=change, headers={"if-match": "*"})
    assert (changed.status_code, changed.json()["config"]["transfer"]["keys"]) == (200, keys)
    assert (await owner.made(f"{path}/publish"))["published_version"] == 2


@pytest.mark.parametrize(
    ("transfer", "pointer", "reason", "advice"),
    [
        ({"mode": "warm", "keys": "poste 204"}, "/transfer/keys", "pattern", "use only"),
        ({"mode": "warm", "keys": "1W2"}, "/transfer/keys", "pattern", "use only"),
        ({"mode": "warm", "keys": "1,204"}, "/transfer/keys", "pattern", "use only"),
        ({"mode": "warm", "keys": "1" * 33}, "/transfer/keys", "pattern", "use only"),
        ({"mode": "warm", "keys": 204}, "/transfer/keys", "string", ""),
        ({"mode": "cold", "keys": "204"}, "/transfer", "presses no keys", "transfer.mode to warm"),
    ],
    ids=["words", "capital", "comma", "too many", "a number", "cold"],
)
async def test_keys_that_nobody_could_press_are_refused(
    owner: Client, transfer: dict[str, Any], pointer: str, reason: str, advice: str
) -> None:
    """On create, on change and in the dry run, without what was sent; nothing is written."""
    change = {"transfer": {"number": "+33478000001", **transfer}}
    path = f"/v1/assistants/{(await made(owner))['assistant_id']}"
    answers = [
        await owner.post("/v1/assistants", {**PRESET, "changes": change}),
        await owner.http.patch(path, json=change, headers={"if-match": "*"}),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        [found] = [e for e in answer.json()["errors"] if e["pointer"].endswith(pointer)]
        assert reason in found["reason"]
        assert advice in found["advice"]
        assert "poste" not in answer.text
    assert (await owner.get(path)).json()["draft_version"] == 1


async def test_a_voice_provider_that_is_away_stops_nobody(plane: ControlPlane, owner: Client) -> None:
    """Unreachable is not "no such voice": a warning, and the change is written."""
    created = await owner.post("/v1/assistants", PRESET)
    path = created.headers["location"]
    voice = {"voice": {"voice_id": f"new-{uuid4().hex}", "model": "eleven_flash_v2_5"}}
    await plane.control("elevenlabs", "faults", [{"kind": "status", "status": 503, "times": 4}])
    try:
        verdict = await owner.made(f"{path}/validate", voice)
    finally:
        await plane.control("elevenlabs", "faults", method="DELETE")
    assert (verdict["ok"], pointers({"errors": verdict["warnings"]}) >= {"/voice"}) == (True, True)


async def test_the_prompt_can_be_read_before_it_is_spoken(owner: Client) -> None:
    """Greeting and prompt at a moment: on a holiday the business is closed."""
    created = await owner.post("/v1/assistants", PRESET)
    path = f"{created.headers['location']}/prompt"
    christmas = (await owner.get(path, params={"at": "2026-12-25T10:00:00+01:00"})).json()
    assert "which is closed now" in christmas["prompt"]
    assert "Cabinet dentaire du Parc" in christmas["greeting"]
    assert christmas["characters"] == len(christmas["prompt"])
    assert (await owner.get(path, params={"at": "2026-12-24T10:00:00"})).status_code == 422


async def test_a_diff_says_what_changed(owner: Client) -> None:
    created = await owner.post("/v1/assistants", PRESET)
    path = created.headers["location"]
    await owner.http.patch(path, json={"tone": "dynamic", "persona_name": "Léa"}, headers={"if-match": "*"})
    found = (await owner.get(f"{path}/diff", params={"before": 1, "after": 2})).json()
    assert found["differences"] == [
        {"pointer": "/persona_name", "before": "Ava", "after": "Léa"},
        {"pointer": "/tone", "before": "warm", "after": "dynamic"},
    ]


async def test_the_order_of_tools_is_no_difference(plane: ControlPlane, owner: Client) -> None:
    """A version written by somebody else's hand has them as they came."""
    created = await made(owner)
    config = {**created["config"], "tools": sorted(created["config"]["tools"], reverse=True)}
    plane.database.publish(UUID(created["assistant_id"]), config)
    path = f"/v1/assistants/{created['assistant_id']}/diff"
    assert (await owner.get(path, params={"before": 1, "after": 2})).json()["differences"] == []


async def test_a_copy_is_another_assistant(owner: Client) -> None:
    """Its changes do not reach the original."""
    created = await owner.post("/v1/assistants", {**PRESET, "name": "Accueil"})
    copy = await owner.post(f"{created.headers['location']}/duplicate")
    assert copy.json()["name"] == "Accueil (2)"
    await owner.http.patch(copy.headers["location"], json={"tone": "dynamic"}, headers={"if-match": "*"})
    assert (await owner.get(created.headers["location"])).json()["config"]["tone"] == "warm"


async def test_tools_are_switched(owner: Client) -> None:
    created = await owner.post("/v1/assistants", PRESET)
    switched = await owner.http.put(f"{created.headers['location']}/tools", json={"booking": False})
    assert "booking" not in switched.json()["config"]["tools"]
    assert "faq" in switched.json()["config"]["tools"]
    back = await owner.http.put(f"{created.headers['location']}/tools", json={"booking": True})
    assert "booking" in back.json()["config"]["tools"]


async def test_archived_ones_leave_the_list_and_take_no_change(plane: ControlPlane, owner: Client) -> None:
    """Unless numbers still lead to them; restoring brings them back."""
    created = await owner.post("/v1/assistants", PRESET)
    path = created.headers["location"]
    number = f"+3399{uuid4().int % 10**7:07d}"
    with_number = (number, owner.tenant_id, UUID(created.json()["assistant_id"]))
    plane.database.select(
        "insert into phone_numbers (e164, tenant_id, assistant_id) values (%s, %s, %s) returning e164", *with_number
    )
    refused = await owner.http.put(f"{path}/status", json={"status": "archived"})
    assert (refused.status_code, refused.json()["reason"]) == (409, "assistant_has_numbers")
    plane.database.select("delete from phone_numbers where e164 = %s returning e164", number)
    assert (await owner.http.put(f"{path}/status", json={"status": "archived"})).json()["status"] == "archived"
    assert (await owner.get("/v1/assistants")).json()["items"] == []
    assert len((await owner.get("/v1/assistants", params={"status": "archived"})).json()["items"]) == 1
    assert (await owner.http.patch(path, json={"tone": "warm"}, headers={"if-match": "*"})).status_code == 409
    assert (await owner.post(f"{path}/publish")).status_code == 409
    assert (await owner.http.put(f"{path}/status", json={"status": "active"})).status_code == 200


async def test_pages_hold_still_while_rows_are_added(owner: Client) -> None:
    """Reading on by cursor gives each once, whatever is added in front meanwhile."""
    names = [f"A{n}" for n in range(5)]
    for name in names:
        await owner.made("/v1/assistants", {**PRESET, "name": name})
    first = (await owner.get("/v1/assistants", params={"limit": 2})).json()
    await owner.made("/v1/assistants", {**PRESET, "name": "newer"})
    seen = [a["name"] for a in first["items"]]
    cursor = first["next_cursor"]
    while cursor:
        page = (await owner.get("/v1/assistants", params={"limit": 2, "cursor": cursor})).json()
        seen += [a["name"] for a in page["items"]]
        cursor = page["next_cursor"]
    assert seen == names[::-1]
    assert (await owner.get("/v1/assistants", params={"cursor": "bm9uc2Vuc2U"})).status_code == 422


async def test_a_stored_version_that_this_release_cannot_read_is_told(plane: ControlPlane, owner: Client) -> None:
    """Shown as it is, never a 500; a new version can't be made of it by a patch."""
    assistant = await made(owner)
    plane.database.publish(UUID(assistant["assistant_id"]), {"language": "klingon"})
    path = f"/v1/assistants/{assistant['assistant_id']}"
    shown = (await owner.get(path)).json()
    assert shown["config"] is None
    assert "language" in shown["problem"]
    refused = await owner.http.patch(path, json={"tone": "warm"}, headers={"if-match": "*"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:ava:problem:config_unreadable")


def test_a_patch_has_every_field_of_a_config() -> None:
    """A new setting can be changed the day it is added."""
    assert set(AssistantPatch.model_fields) == {*AssistantConfig.model_fields, "name", "note"}
