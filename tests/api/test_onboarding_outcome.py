"""What the answers lead to: an assistant in one click, and a first call whose time is known."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from contracts.call import CallOutcome
from control_api.calls.service import CallService
from control_api.presets.shelf import Shelf
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.recorded_calls import Line, now, open_line

ONBOARDING = "/v1/onboarding"
WEEK = {day: [{"opens": "09:00", "closes": "18:00"}] for day in ("monday", "tuesday", "thursday")}
HOURS = {"time_zone": "Europe/Paris", "weekly": WEEK, "exceptions": [{"day": "2026-12-24", "reason": "réveillon"}]}
PRESETS = {(c.business.industry, c.language): c for c in Shelf.read().find_all(None, None)}


async def answer_all(client: Client, profile: dict[str, Any], studio: dict[str, Any]) -> None:
    for part, body in (("profile", profile), ("studio", studio)):
        answer = await client.http.patch(f"{ONBOARDING}/{part}", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["unfinished"] == []


async def wanted(client: Client) -> dict[str, Any]:
    answer = await client.get(f"{ONBOARDING}/assistant-request")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestAssistantRequest:
    async def test_one_click(self, owner: Client) -> None:
        """An owner who has answered everything posts what they are given, and has that assistant, ready to publish."""
        await answer_all(
            owner,
            {
                "company_name": "Cabinet Nova", "industry": "health", "country": "FR", "phone": "04 78 12 34 56",
                "website": "https://cabinet-nova.fr", "address": "3 rue des Lilas, Lyon",
            },
            {
                "persona": {"name": "Inès", "greeting": "{business}, ici {persona}.", "voice_id": "pFZP5JQG7iQjIQuC4Bku"},
                "languages": ["fr", "en"], "tone": "professional", "hours": HOURS, "transfer_number": "+33478123457",
                "guidelines": "Vouvoie toujours.\n\n- Ne parle pas de politique.\n", "fallback_email": "lea@cabinet-nova.fr",
            },
        )  # fmt: skip
        made = await owner.made("/v1/assistants", await wanted(owner))
        config = made["config"]
        assert (made["name"], made["preset"]) == ("Cabinet Nova", "health.fr")
        assert (config["persona_name"], config["tone"], config["language"]) == ("Inès", "professional", "fr")
        assert (config["greeting"], config["other_languages"]) == ("{business}, ici {persona}.", ["en"])
        assert config["business"] == {
            "name": "Cabinet Nova", "industry": "health", "address": "3 rue des Lilas, Lyon", "access": "",
            "phone": "+33478123456", "email": None, "website": "https://cabinet-nova.fr", "team": [],
        }  # fmt: skip
        assert config["voice"]["voice_id"] == "pFZP5JQG7iQjIQuC4Bku"
        assert config["rules"][-2:] == ["Vouvoie toujours.", "Ne parle pas de politique."]
        assert config["rules"][:-2] == list(PRESETS["health", "fr"].rules)
        assert (config["hours"]["country"], config["hours"]["closed_on_holidays"]) == ("FR", True)
        assert list(config["hours"]["weekly"]) == list(WEEK)
        assert (config["transfer"]["mode"], config["transfer"]["number"]) == ("cold", "+33478123457")
        assert config["messages"] == {"fallback_email": "lea@cabinet-nova.fr"}
        await owner.made(f"/v1/assistants/{made['assistant_id']}/publish")

    @pytest.mark.parametrize(("industry", "language"), PRESETS)
    async def test_the_least_that_is_enough(self, owner: Client, industry: str, language: str) -> None:
        """With a name, a trade, a language and hours it can be posted, for every preset, and nothing in it is the example
        business's own."""
        await answer_all(
            owner, {"company_name": "Nova", "industry": industry}, {"languages": [language], "hours": HOURS}
        )
        made = await owner.made("/v1/assistants", await wanted(owner))
        preset = next(config for key, config in PRESETS.items() if key == (industry, language))
        said = json.dumps(made["config"], ensure_ascii=False)
        theirs = (preset.business.name, preset.business.address, preset.transfer.number, preset.messages.fallback_email)
        assert [fact for fact in theirs if fact and fact in said] == []
        assert (made["config"]["faq"], "transfer" in made["config"]["tools"]) == ([], False)
        assert {service["price"] for service in made["config"]["services"]} <= {None}
        assert len(made["config"]["services"]) == len(preset.services)
        assert made["config"]["urgency"]["signs"] == list(preset.urgency.signs)

    async def test_a_second_language_that_the_voice_must_speak(self, owner: Client) -> None:
        """A French assistant that also speaks Hebrew gets a model that speaks both, and is taken."""
        await answer_all(
            owner, {"company_name": "Nova", "industry": "legal"}, {"languages": ["fr", "he"], "hours": HOURS}
        )
        made = await owner.made("/v1/assistants", await wanted(owner))
        assert made["config"]["voice"]["model"] == PRESETS["legal", "he"].voice.model
        assert made["config"]["voice"]["voice_id"] == PRESETS["legal", "fr"].voice.voice_id

    @pytest.mark.parametrize(
        ("job", "with_booking", "with_transfer"),
        [("receptionist", True, True), ("appointments", True, False), ("messages", False, False), ("switchboard", False, True)],
    )  # fmt: skip
    async def test_the_job_decides_what_it_does(
        self, owner: Client, job: str, with_booking: bool, with_transfer: bool
    ) -> None:
        """Who only takes messages books nothing; who connects callers has somebody to connect them to."""
        studio = {"job": job, "languages": ["en"], "hours": HOURS, "transfer_number": "+442079460001"}
        await answer_all(owner, {"company_name": "Nova", "industry": "beauty"}, studio)
        made = await owner.made("/v1/assistants", await wanted(owner))
        tools = set(made["config"]["tools"])
        assert {"hours", "faq", "message", "end_call"} <= tools
        assert ("booking" in tools, "transfer" in tools) == (with_booking, with_transfer)
        assert made["config"]["transfer"]["number"] == ("+442079460001" if with_transfer else None)

    async def test_what_is_missing_is_told(self, owner: Client) -> None:
        """409 with each answer that an assistant can't be made without, unfinished hours down to the field."""
        nothing = await owner.get(f"{ONBOARDING}/assistant-request")
        assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:ava:problem:onboarding_incomplete")
        assert [p["pointer"] for p in nothing.json()["errors"]] == [
            "/profile/company_name", "/profile/industry", "/studio/languages", "/studio/hours",
        ]  # fmt: skip
        await owner.http.patch(f"{ONBOARDING}/profile", json={"company_name": "Nova", "industry": "other"})
        hours = {"time_zone": "UTC", "weekly": {"monday": [{"opens": "09:00"}]}}
        await owner.http.patch(f"{ONBOARDING}/studio", json={"languages": ["fr"], "hours": hours})
        half = await owner.get(f"{ONBOARDING}/assistant-request")
        assert [p["pointer"] for p in half.json()["errors"]] == ["/studio/hours/weekly/monday/0/closes"]

    async def test_what_is_half_written_is_left_out(self, owner: Client) -> None:
        """A number or an address that is not whole goes into no assistant."""
        await owner.http.patch(
            f"{ONBOARDING}/profile",
            json={"company_name": "Nova", "industry": "other", "phone": "+33 4", "website": "nova"},
        )
        studio = {"languages": ["fr"], "hours": HOURS, "fallback_email": "lea@", "transfer_number": "+33"}
        await owner.http.patch(f"{ONBOARDING}/studio", json=studio)
        made = await owner.made("/v1/assistants", await wanted(owner))
        business = made["config"]["business"]
        assert (business["phone"], business["website"]) == (None, None)
        assert (made["config"]["messages"]["fallback_email"], made["config"]["transfer"]["number"]) == (None, None)


@pytest_asyncio.fixture(loop_scope="session")
async def line(plane: ControlPlane, owner: Client) -> AsyncIterator[Line]:
    """Of an owner whose onboarding has begun."""
    await owner.get(ONBOARDING)
    async with open_line(plane, owner) as opened:
        yield opened


async def first_call(line: Line) -> tuple[datetime | None, float | None]:
    found = (await line.owner.get(ONBOARDING)).json()
    at = found["first_call_at"]
    return datetime.fromisoformat(at) if at else None, found["time_to_first_call_seconds"]


async def started(line: Line) -> datetime:
    return datetime.fromisoformat((await line.owner.get(ONBOARDING)).json()["started_at"])


class TestTimeToFirstCall:
    async def test_it_is_the_first_that_was_answered(self, line: Line) -> None:
        """Refused, failed and lost calls don't count, nor one under way; later calls change nothing."""
        start = await started(line)
        for minutes, outcome in enumerate((CallOutcome.REFUSED, CallOutcome.FAILED, CallOutcome.LOST), start=1):
            await line.call(start + timedelta(minutes=minutes), outcome)
        await line.begin(start + timedelta(minutes=4))
        assert await first_call(line) == (None, None)
        await line.call(start + timedelta(minutes=9), CallOutcome.BOOKED)
        assert await first_call(line) == (start + timedelta(minutes=9), pytest.approx(540))
        await line.call(start + timedelta(minutes=20))
        assert await first_call(line) == (start + timedelta(minutes=9), pytest.approx(540))

    @pytest.mark.parametrize("outcome", [CallOutcome.ABANDONED, CallOutcome.SILENT, CallOutcome.MESSAGE_TAKEN])
    async def test_answered_is_answered_whatever_came_of_it(self, line: Line, outcome: CallOutcome) -> None:
        """A caller who hung up had somebody on the line."""
        await line.call(await started(line) + timedelta(seconds=90), outcome)
        assert (await first_call(line))[1] == pytest.approx(90)

    async def test_another_tenants_calls_do_not_count(self, plane: ControlPlane, line: Line) -> None:
        """Each tenant has a first call of its own."""
        stranger = await plane.owner()
        await stranger.get(ONBOARDING)
        async with open_line(plane, stranger) as theirs:
            await theirs.call(now())
        assert (await first_call(line))[0] is None

    async def test_an_owner_who_never_opened_the_page(self, plane: ControlPlane) -> None:
        """By API alone the clock starts with the first assistant, and the call is not before it."""
        owner = await plane.owner()
        async with open_line(plane, owner) as opened:
            await asyncio.sleep(0.01)
            call_at = now()
            await opened.call(call_at)
            at, seconds = await first_call(opened)
        assert at == call_at
        assert 0 < (seconds or 0) < 60

    async def test_a_worker_whose_clock_is_behind(self, line: Line) -> None:
        """A call said to have begun before the onboarding took no time, not a negative one."""
        await line.call(await started(line) - timedelta(seconds=5))
        assert (await first_call(line))[1] == 0

    async def test_deleting_the_call_keeps_the_time(self, line: Line) -> None:
        """The owner deletes their test call: how long it took them stays known."""
        at = await started(line) + timedelta(seconds=300)
        call_id = await line.call(at)
        assert (await line.owner.http.delete(f"/v1/calls/{call_id}")).status_code == 204
        await line.call(at + timedelta(days=1))
        assert await first_call(line) == (at, pytest.approx(300))

    async def test_retention_keeps_the_time(self, plane: ControlPlane, line: Line) -> None:
        """When the first calls are too old to be kept, a later one does not become the first."""
        start, long_ago = await started(line), now() - timedelta(days=40)
        plane.database.select(
            "update onboarding set started_at = %s where tenant_id = %s returning 1", long_ago, line.owner.tenant_id
        )
        await line.call(long_ago + timedelta(minutes=1), CallOutcome.REFUSED)
        await line.call(long_ago + timedelta(minutes=8))
        await line.call(long_ago + timedelta(minutes=30))
        await line.call(start)
        await line.owner.http.patch("/v1/tenant", json={"retention_days": 30}, headers={"if-match": "*"})
        service: CallService = plane.app.state.provided[CallService]
        assert await service.purge_expired() >= 3
        left = (await line.owner.get("/v1/calls")).json()["items"]
        assert len(left) == 1
        assert await first_call(line) == (long_ago + timedelta(minutes=8), pytest.approx(480))
