"""An owner answers what AVA asks, in two tabs, on a bad line, half a word at a time: nothing is lost."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from sandbox.faults import FaultRule
from tests.fakes.control_plane import Client, ControlPlane

ONBOARDING = "/v1/onboarding"
WEEK = {day: [{"opens": "09:00", "closes": "18:00"}] for day in ("monday", "tuesday", "thursday")}


async def read(client: Client) -> dict[str, Any]:
    answer = await client.get(ONBOARDING)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"r{answer.json()["revision"]}"'
    found: dict[str, Any] = answer.json()
    return found


async def patch(client: Client, part: str, body: Any, **headers: str) -> httpx.Response:
    return await client.http.patch(f"{ONBOARDING}/{part}", json=body, headers=headers)


async def saved(client: Client, part: str, body: Any, **headers: str) -> dict[str, Any]:
    answer = await patch(client, part, body, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"r{answer.json()["revision"]}"'
    found: dict[str, Any] = answer.json()
    return found


async def take(client: Client, step: str, state: str = "done") -> httpx.Response:
    return await client.http.put(f"{ONBOARDING}/steps/{step}", json={"state": state})


def pointers(problems: list[dict[str, str]]) -> list[str]:
    assert all(problem["reason"] and problem["advice"] for problem in problems)
    return [problem["pointer"] for problem in problems]


class TestReading:
    async def test_everything_is_to_do_at_first(self, owner: Client) -> None:
        """A new owner finds the steps in order, nothing answered, and the clock running."""
        found = await read(owner)
        assert [(step["step"], step["state"]) for step in found["steps"]] == [
            (name, "todo")
            for name in (
                "profile",
                "business",
                "persona",
                "voice",
                "hours",
                "calendar",
                "number",
                "publish",
                "test_call",
            )
        ]
        assert (found["percent"], found["next_step"], found["unfinished"]) == (0, "profile", [])
        assert found["completed_at"] is found["first_call_at"] is found["time_to_first_call_seconds"] is None
        assert not any([*found["profile"].values(), *found["studio"].values()])

    async def test_whoever_reads_first_starts_the_clock_once(self, plane: ControlPlane, owner: Client) -> None:
        """A page that asks ten times in the moment it opens makes one onboarding."""
        answers = await asyncio.gather(*(owner.get(ONBOARDING) for _ in range(10)))
        assert {(a.status_code, a.json()["started_at"], a.json()["revision"]) for a in answers} == {
            (200, answers[0].json()["started_at"], 1)
        }
        rows = plane.database.select("select 1 from onboarding where tenant_id = %s", owner.tenant_id)
        assert len(rows) == 1

    async def test_saving_needs_no_reading_before(self, owner: Client) -> None:
        """An integrator who only writes is not refused."""
        assert (await saved(owner, "profile", {"company_name": "Garage Nova"}))["revision"] == 2

    async def test_it_is_per_tenant_and_by_role(self, plane: ControlPlane, owner: Client) -> None:
        """A viewer of the tenant reads and does not write; another owner has an onboarding of their own."""
        await saved(owner, "profile", {"company_name": "Garage Nova"})
        viewer, stranger = await plane.member(owner, "viewer"), await plane.owner()
        assert (await read(viewer))["profile"]["company_name"] == "Garage Nova"
        assert (await patch(viewer, "profile", {"company_name": "x"})).status_code == 403
        assert (await take(viewer, "profile")).status_code == 403
        assert (await viewer.post(f"{ONBOARDING}/complete")).status_code == 403
        assert (await read(stranger))["profile"]["company_name"] is None
        foreign = await stranger.get(ONBOARDING, headers={"ava-tenant": str(owner.tenant_id)})
        assert foreign.status_code == 404

    async def test_a_machine_needs_the_scope(self, plane: ControlPlane, owner: Client) -> None:
        """A key that may read can't write, and one that may do neither gets nothing."""
        reader = await plane.machine(owner, "onboarding:read")
        writer = await plane.machine(owner, "onboarding:read", "onboarding:write")
        other = await plane.machine(owner, "calls:read")
        assert (await other.get(ONBOARDING)).status_code == 403
        assert (await patch(reader, "profile", {"company_name": "x"})).status_code == 403
        await saved(writer, "profile", {"company_name": "Garage Nova"})
        assert (await read(reader))["profile"]["company_name"] == "Garage Nova"


class TestTyping:
    async def test_two_tabs_lose_nothing(self, owner: Client) -> None:
        """Two pages of the same owner save at every keystroke, fifty times each, in different fields: both texts are whole at
        the end, every change counted, and neither page ever saw the revision go back."""
        text = "Bienvenue au cabinet dentaire du Parc, à Lyon 6e."

        async def typist(part: str, body: Callable[[str], dict[str, Any]]) -> list[int]:
            return [(await saved(owner, part, body(text[:n])))["revision"] for n in range(1, len(text) + 1)]

        assert len(text) == 49
        seen = await asyncio.gather(
            typist("profile", lambda typed: {"access": typed}),
            typist("studio", lambda typed: {"persona": {"greeting": typed}}),
            typist("studio", lambda typed: {"guidelines": typed, "hours": {"exceptions": [{"reason": typed}]}}),
        )
        found = await read(owner)
        assert (found["profile"]["access"], found["studio"]["persona"]["greeting"]) == (text, text)
        assert found["studio"]["guidelines"] == found["studio"]["hours"]["exceptions"][0]["reason"] == text
        assert all(one == sorted(set(one)) for one in seen)
        every = sorted(revision for one in seen for revision in one)
        assert every == list(range(2, 2 + 3 * len(text)))

    async def test_a_hundred_saves_in_flight(self, owner: Client) -> None:
        """Whatever order they arrive in, each of a hundred fields and days is there at the end."""
        days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        wishes: list[tuple[str, dict[str, Any]]] = [
            *(("studio", {"hours": {"weekly": {day: [{"opens": f"{n:02}:00"}]}}}) for n, day in enumerate(days)),
            *(("profile", {name: f"{name}!"}) for name in ("contact_name", "company_name", "address", "website", "phone")),
            *(("studio", {"persona": {name: f"{name}!"}}) for name in ("name", "greeting", "voice_id")),
            ("studio", {"tone": "warm"}), ("studio", {"languages": ["he"]}), ("studio", {"seats": 3}),
            ("studio", {"crm": "hubspot"}), ("studio", {"apps": ["slack"]}), ("studio", {"calendar": {"region": "eu"}}),
        ]  # fmt: skip
        await asyncio.gather(*(saved(owner, part, body) for part, body in wishes for _ in range(5)))
        found = await read(owner)
        opening = {day: found["studio"]["hours"]["weekly"][day][0]["opens"] for day in days}
        assert opening == {day: f"{n:02}:00" for n, day in enumerate(days)}
        assert [found["profile"][name] for name in ("contact_name", "phone")] == ["contact_name!", "phone!"]
        assert found["studio"]["persona"] == {"name": "name!", "greeting": "greeting!", "voice_id": "voice_id!"}
        assert (found["studio"]["seats"], found["studio"]["calendar"]["region"]) == (3, "eu")
        assert found["revision"] == 1 + len(wishes)  # sent five times, changed once

    async def test_the_same_field_in_two_tabs(self, owner: Client) -> None:
        """Each adds its lines to one text: a stale page is told so, reads again and repeats, and every line is there."""
        await read(owner)
        refused = 0

        async def add(line: str) -> None:
            nonlocal refused
            while True:
                before = await read(owner)
                text = (before["studio"]["guidelines"] or "") + f"{line}\n"
                etag = f'"r{before["revision"]}"'
                answer = await patch(owner, "studio", {"guidelines": text}, **{"if-match": etag})
                if answer.status_code == 200:
                    return
                assert (answer.status_code, answer.json()["type"]) == (412, "urn:ava:problem:stale")
                assert int(answer.json()["current"]) > before["revision"]
                refused += 1

        async def tab(name: str) -> None:
            for n in range(10):
                await add(f"{name}{n}")

        await asyncio.gather(tab("a"), tab("b"), tab("c"))
        lines = (await read(owner))["studio"]["guidelines"].split()
        assert sorted(lines) == sorted(f"{name}{n}" for name in "abc" for n in range(10))
        assert refused > 0

    async def test_an_answer_that_is_lost_is_asked_for_again(self, plane: ControlPlane, owner: Client) -> None:
        """The line breaks after every save, with If-Match or without: the page sends the same again, is answered, and each
        change counts once."""
        revision = (await read(owner))["revision"]
        try:
            for n in range(1, 6):
                plane.database.add_faults(FaultRule(operation="save_onboarding_v1", kind="lost_answer", times=1))
                headers = {"if-match": f'"r{revision}"'} if n % 2 else {}
                body = {"company_name": "Garage Nova"[:n]}
                assert (await patch(owner, "profile", body, **headers)).status_code == 503
                found = await saved(owner, "profile", body, **headers)
                assert (found["profile"]["company_name"], found["revision"]) == ("Garage Nova"[:n], revision + 1)
                revision = found["revision"]
        finally:
            plane.database.clear_faults()

    async def test_any_revision_may_be_meant(self, owner: Client) -> None:
        """`*` is whatever is there; what never was an ETag is refused."""
        await saved(owner, "profile", {"company_name": "a"}, **{"if-match": "*"})
        assert (await patch(owner, "profile", {"company_name": "b"}, **{"if-match": "r1"})).status_code == 422


class TestMerging:
    async def test_objects_are_merged_and_lists_replaced(self, owner: Client) -> None:
        """One day of the hours changes and the others stay; languages are sent whole."""
        await saved(
            owner, "studio", {"languages": ["fr", "en"], "hours": {"time_zone": "Europe/Paris", "weekly": WEEK}}
        )
        later = [{"opens": "10:00", "closes": "12:00"}, {"opens": "13:00", "closes": "20:00"}]
        found = await saved(
            owner, "studio", {"languages": ["en"], "hours": {"weekly": {"tuesday": later, "sunday": []}}}
        )
        assert found["studio"]["hours"]["weekly"] == {**WEEK, "tuesday": later, "sunday": []}
        assert found["studio"]["hours"]["time_zone"] == "Europe/Paris"
        assert found["studio"]["languages"] == ["en"]

    async def test_it_may_be_called_what_it_is(self, owner: Client) -> None:
        """A client that sends merge patches under their own media type is understood."""
        headers = {"content-type": "application/merge-patch+json"}
        answer = await owner.http.patch(f"{ONBOARDING}/studio", content='{"tone": "warm"}', headers=headers)
        assert (answer.status_code, answer.json()["studio"]["tone"]) == (200, "warm")

    async def test_null_takes_an_answer_away(self, owner: Client) -> None:
        """A field, a member of an object, a day, and a whole object."""
        studio = {"tone": "warm", "persona": {"name": "Léa", "greeting": "Bonjour"}, "hours": {"weekly": WEEK}}
        await saved(owner, "studio", studio)
        nothing = {"tone": None, "persona": {"greeting": None}, "hours": {"weekly": {"monday": None}}, "crm": None}
        found = await saved(owner, "studio", nothing)
        assert (found["studio"]["tone"], found["studio"]["persona"]["greeting"]) == (None, None)
        assert found["studio"]["persona"]["name"] == "Léa"
        assert list(found["studio"]["hours"]["weekly"]) == ["tuesday", "thursday"]
        assert (await saved(owner, "studio", {"hours": None}))["studio"]["hours"] is None

    async def test_nothing_named_changes_nothing(self, owner: Client) -> None:
        """An empty change is answered with what there is."""
        before = await read(owner)
        assert await saved(owner, "profile", {}) == before
        assert await saved(owner, "studio", {"persona": {}, "tone": None}) != before  # an empty persona is a persona
        assert (await read(owner))["studio"]["persona"] is not None


HALF: list[tuple[str, dict[str, Any], str]] = [
    ("profile", {"website": "www.gara"}, "/profile/website"),
    ("profile", {"website": "https://garage"}, "/profile/website"),
    ("profile", {"phone": "+33 4 78"}, "/profile/phone"),
    ("profile", {"phone": "04 78 12 34 56"}, "/profile/phone"),
    ("studio", {"fallback_email": "lea@"}, "/studio/fallback_email"),
    ("studio", {"fallback_email": "lea@example"}, "/studio/fallback_email"),
    ("studio", {"transfer_number": "12"}, "/studio/transfer_number"),
    ("studio", {"job": "switchboard"}, "/studio/transfer_number"),
    ("studio", {"guidelines": "Dis {bonjour}"}, "/studio/guidelines"),
    ("studio", {"persona": {"greeting": "{busines} bonjour"}}, "/studio/persona/greeting"),
    ("studio", {"calendar": {"region": "self_hosted", "base_url": "https:/"}}, "/studio/calendar/base_url"),
    ("studio", {"hours": {"weekly": WEEK}}, "/studio/hours/time_zone"),
    ("studio", {"hours": {"time_zone": "Europe/Par", "weekly": WEEK}}, "/studio/hours/time_zone"),
    ("studio", {"hours": {"time_zone": "Europe/Paris"}}, "/studio/hours/weekly"),
    ("studio", {"hours": {"weekly": {"monday": [{"opens": "09:00"}]}}}, "/studio/hours/weekly/monday/0/closes"),
    (
        "studio",
        {"hours": {"weekly": {"monday": [{"opens": "9", "closes": "18:00"}]}}},
        "/studio/hours/weekly/monday/0/opens",
    ),
    (
        "studio",
        {"hours": {"weekly": {"monday": [{"opens": "09:00Z", "closes": "9:0"}]}}},
        "/studio/hours/weekly/monday/0/opens",
    ),
    ("studio", {"hours": {"exceptions": [{"day": "2026"}]}}, "/studio/hours/exceptions/0/day"),
    (
        "studio",
        {"hours": {"exceptions": [{"day": "2026-02-30"}], "time_zone": "UTC"}},
        "/studio/hours/exceptions/0/day",
    ),
    (
        "studio",
        {"hours": {"time_zone": "UTC", "weekly": {"monday": [{"opens": "18:00", "closes": "09:00"}]}}},
        "/studio/hours/weekly/monday/0",
    ),
    (
        "studio",
        {"hours": {"time_zone": "UTC", "weekly": {"monday": [*WEEK["monday"], {"opens": "17:00", "closes": "20:00"}]}}},
        "/studio/hours/weekly",
    ),
]


class TestHalfWritten:
    @pytest.mark.parametrize(("part", "body", "pointer"), HALF)
    async def test_it_is_kept_and_told(self, owner: Client, part: str, body: dict[str, Any], pointer: str) -> None:
        """What is being typed is saved as it is, and the answer says what it still lacks and what to do."""
        found = await saved(owner, part, body)
        assert pointer in pointers(found["unfinished"])
        sent = next(iter(body.items()))
        kept = found[part][sent[0]]
        assert kept == sent[1] or {name: kept[name] for name in sent[1]}.keys() == sent[1].keys()

    async def test_finished_answers_are_not_told(self, owner: Client) -> None:
        """A number as it is written in the country, an address, hours with a holiday and midnight."""
        await saved(
            owner, "profile", {"country": "FR", "phone": "04 78 12 34 56", "website": "https://garage-nova.fr/rdv"}
        )
        night = [{"opens": "20:00", "closes": "00:00"}]
        hours = {
            "time_zone": "Europe/Paris", "weekly": {**WEEK, "saturday": night, "sunday": []}, "closed_on_holidays": True,
            "exceptions": [{"day": "2026-12-24", "reason": "réveillon"}],
        }  # fmt: skip
        found = await saved(owner, "studio", {
            "hours": hours, "fallback_email": "lea@garage-nova.fr", "transfer_number": "+33 4 78 12 34 56",
            "job": "switchboard", "persona": {"greeting": "{business}, ici {persona}"},
            "calendar": {"region": "self_hosted", "base_url": "http://cal.local:3000"},
        })  # fmt: skip
        assert found["unfinished"] == []

    async def test_what_was_begun_and_cleared_is_not_told(self, owner: Client) -> None:
        """An empty field is no half-written one."""
        await saved(owner, "profile", {"website": "", "phone": " "})
        found = await saved(owner, "studio", {"fallback_email": "", "hours": {}, "persona": {"greeting": ""}})
        assert found["unfinished"] == []


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("profile", {"country": "XX"}, "/country"),
    ("profile", {"country": "fr"}, "/country"),
    ("profile", {"industry": "farming"}, "/industry"),
    ("profile", {"company_name": "x" * 121}, "/company_name"),
    ("profile", {"website": "x" * 301}, "/website"),
    ("profile", {"phone": 33478123456}, "/phone"),
    ("profile", {"api_key": "cal_live_1"}, "/api_key"),
    ("studio", {"tone": "rude"}, "/tone"),
    ("studio", {"job": "boss"}, "/job"),
    ("studio", {"languages": ["fr", "fr"]}, "/languages"),
    ("studio", {"languages": ["de"]}, "/languages/0"),
    ("studio", {"guidelines": "x" * 4001}, "/guidelines"),
    ("studio", {"persona": {"greeting": "x" * 401}}, "/persona/greeting"),
    ("studio", {"persona": {"age": 30}}, "/persona/age"),
    ("studio", {"hours": {"weekly": {"lundi": []}}}, "/hours/weekly/lundi/[key]"),
    ("studio", {"hours": {"weekly": {"monday": [{}] * 13}}}, "/hours/weekly/monday"),
    ("studio", {"hours": {"exceptions": [{}] * 201}}, "/hours/exceptions"),
    ("studio", {"calendar": {"provider": "outlook"}}, "/calendar/provider"),
    ("studio", {"calendar": {"api_key": "cal_live_1"}}, "/calendar/api_key"),
    ("studio", {"apps": ["slack", "slack"]}, "/apps"),
    ("studio", {"apps": ["Microsoft Teams"]}, "/apps/0"),
    ("studio", {"crm": "x" * 41}, "/crm"),
    ("studio", {"plan": "free"}, "/plan"),
    ("studio", {"seats": 0}, "/seats"),
    ("studio", {"seats": 2**40}, "/seats"),
    ("studio", {"fallback_email": "x" * 255}, "/fallback_email"),
]


class TestRefused:
    @pytest.mark.parametrize(("part", "body", "pointer"), REFUSED)
    async def test_what_is_no_answer(self, owner: Client, part: str, body: dict[str, Any], pointer: str) -> None:
        """A choice there is not, a text that is too long, a field there is not: told which, and nothing is saved."""
        answer = await patch(owner, part, body)
        assert (answer.status_code, [p["pointer"] for p in answer.json()["errors"]]) == (422, [pointer])
        assert (await read(owner))["revision"] == 1

    @pytest.mark.parametrize(
        "raw", ['{"company_name": "a\\ud800b"}', '{"company_name": "a\\u0000b"}', "[]", "null", "{"]
    )
    async def test_what_no_database_keeps(self, owner: Client, raw: str) -> None:
        """Half a character, a NUL, and what is no object: 422, never 500."""
        answer = await owner.http.patch(
            f"{ONBOARDING}/profile", content=raw, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422, answer.text


class TestPastTheApi:
    """A member may call the database's functions with their own token: what they put there is theirs, and breaks nothing."""

    async def call(self, plane: ControlPlane, client: Client, function: str, **parameters: Any) -> httpx.Response:
        headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {client.token}"}
        async with httpx.AsyncClient(base_url=f"{plane.database.url}/rest/v1", headers=headers) as http:
            return await http.post(f"/rpc/{function}", json=parameters)

    async def test_what_can_not_be_read_is_left_out_and_told(self, plane: ControlPlane, owner: Client) -> None:
        """Another release's fields and values of no form are not shown, and can be answered again."""
        changes = {
            "profile": {"company_name": "Garage Nova", "country": 7, "planet": "Mars"},
            "studio": {"hours": [1], "tone": "warm", "languages": "fr"},
            "steps": {"dance": "done", "hours": "done"},
        }
        put = await self.call(
            plane, owner, "save_onboarding_v1",
            p_tenant_id=str(owner.tenant_id), p_expected_revision=None, p_changes=changes,
        )  # fmt: skip
        assert put.status_code == 200, put.text
        found = await read(owner)
        assert (found["profile"]["company_name"], found["studio"]["tone"]) == ("Garage Nova", "warm")
        assert pointers(found["unfinished"]) == [
            "/profile/country", "/profile/planet", "/studio/hours", "/studio/languages",
        ]  # fmt: skip
        found = await saved(owner, "studio", {"languages": ["fr"], "hours": {"time_zone": "UTC", "weekly": WEEK}})
        assert pointers(found["unfinished"]) == ["/profile/country", "/profile/planet"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"plan": {}}, {"profile": 1}, {"completed": "yes"}, {"steps": {"hours": "over"}}, {"steps": {"hours": None}},
            {"steps": {"HOURS!": "done"}}, {"profile": {"company_name": "x" * 20_000}}, {"studio": {"x": "x" * 140_000}},
        ],
    )  # fmt: skip
    async def test_what_is_no_change_is_refused(self, plane: ControlPlane, owner: Client, changes: Any) -> None:
        """The function's own bounds hold without the API, and say so to whoever asked."""
        await read(owner)
        answer = await self.call(
            plane, owner, "save_onboarding_v1",
            p_tenant_id=str(owner.tenant_id), p_expected_revision=None, p_changes=changes,
        )  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (400, "AVA07")
        assert (await read(owner))["revision"] == 1

    async def test_another_tenants_is_not_there(self, plane: ControlPlane, owner: Client) -> None:
        """Neither function tells a stranger whether the tenant exists, and the table shows them nothing."""
        await saved(owner, "profile", {"company_name": "Garage Nova"})
        stranger = await plane.owner()
        tenant: dict[str, Any] = {"p_tenant_id": str(owner.tenant_id)}
        saving: dict[str, Any] = {**tenant, "p_expected_revision": None, "p_changes": {}}
        for function, parameters in (("read_onboarding_v1", tenant), ("save_onboarding_v1", saving)):
            answer = await self.call(plane, stranger, function, **parameters)
            assert answer.json()["code"] == "AVA03", answer.text
        headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {stranger.token}"}
        async with httpx.AsyncClient(base_url=f"{plane.database.url}/rest/v1", headers=headers) as http:
            assert (await http.get("/onboarding")).json() == []
            assert (await http.patch("/onboarding", json={"revision": 9})).status_code in (401, 403)


class TestSteps:
    async def test_done_skipped_and_back(self, owner: Client) -> None:
        """Progress is counted, the next step is named, and a step keeps the time at which it was taken."""
        first = (await take(owner, "profile")).json()
        assert (first["percent"], first["next_step"]) == (11, "business")
        at = datetime.fromisoformat(first["steps"][0]["at"])
        assert at >= datetime.fromisoformat(first["started_at"])
        again = (await take(owner, "profile")).json()
        assert again == first
        await take(owner, "business")
        skipped = (await take(owner, "voice", "skipped")).json()
        assert (skipped["percent"], skipped["next_step"], skipped["steps"][3]["state"]) == (33, "persona", "skipped")
        back = (await take(owner, "profile", "todo")).json()
        assert (back["steps"][0]["state"], back["steps"][0]["at"], back["next_step"]) == ("todo", None, "profile")

    @pytest.mark.parametrize("step", ["profile", "business", "persona", "hours", "publish"])
    async def test_what_can_not_be_skipped(self, owner: Client, step: str) -> None:
        """Without these nobody can be answered rightly."""
        answer = await take(owner, step, "skipped")
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:ava:problem:step_not_skippable")

    async def test_a_step_there_is_not(self, owner: Client) -> None:
        """Steps and states are a closed list."""
        assert (await take(owner, "dance")).status_code == 422
        assert (await take(owner, "hours", "over")).status_code == 422

    async def test_a_stale_page_is_told(self, owner: Client) -> None:
        """Steps take If-Match too."""
        await read(owner)
        await take(owner, "profile")
        answer = await owner.http.put(f"{ONBOARDING}/steps/hours", json={"state": "done"}, headers={"if-match": '"r1"'})
        assert (answer.status_code, answer.json()["current"]) == (412, "2")


class TestCompleting:
    async def test_what_is_missing_is_listed(self, owner: Client) -> None:
        """Every step that is to do, and every answer that is half written, with what to do."""
        for step in ("profile", "business", "persona", "hours"):
            await take(owner, step)
        await take(owner, "calendar", "skipped")
        await saved(owner, "studio", {"fallback_email": "lea@"})
        answer = await owner.post(f"{ONBOARDING}/complete")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:ava:problem:onboarding_incomplete")
        assert answer.json()["missing"] == ["voice", "number", "publish", "test_call"]
        assert pointers(answer.json()["errors"]) == [
            "/steps/3", "/steps/6", "/steps/7", "/steps/8", "/studio/fallback_email",
        ]  # fmt: skip
        assert (await read(owner))["completed_at"] is None

    async def test_it_is_complete_once(self, owner: Client) -> None:
        """Asking again keeps the time; what is changed later keeps it too."""
        for step in ("profile", "business", "persona", "hours", "publish"):
            await take(owner, step)
        for step in ("voice", "calendar", "number", "test_call"):
            await take(owner, step, "skipped")
        answers = await asyncio.gather(*(owner.post(f"{ONBOARDING}/complete") for _ in range(5)))
        assert {a.status_code for a in answers} == {200}
        done = answers[0].json()
        assert (done["percent"], done["next_step"]) == (100, None)
        assert {a.json()["completed_at"] for a in answers} == {done["completed_at"]}
        await take(owner, "hours", "todo")
        later = (await owner.post(f"{ONBOARDING}/complete")).json()
        assert (later["completed_at"], later["percent"]) == (done["completed_at"], 88)
