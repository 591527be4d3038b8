"""An owner goes from sign-in to a telephone that is answered, by the API alone; a caller rings and books; a change goes live.

The API on a real socket, the agent's own `run_call` on real audio, one database under both, outside parties by their
stand-ins. One story: each test reads its part of what happened.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contracts.call import AssistantSaid
from control_api.app import create_app
from demo.api import listening
from demo.platform import Platform, open_platform
from demo.stack import CAL_KEY, DemoClock, Stack, open_stack
from store.vault import generate_key
from tests.fakes.ringing import PATIENCE, House, Ring

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

# The Thursday on which the caller wants to come; the demo's clock begins on the Monday before it.
THURSDAY = "2026-11-26"
CLOSED = "2026-12-24"
GREETING, NEW_GREETING = "Bonjour, cabinet {business}, ici {persona}.", "{business}, bonjour et bienvenue."


@dataclass
class Story:
    """What the owner did and got, by name, and the calls that were placed."""

    stack: Stack
    platform: Platform
    http: httpx.AsyncClient
    got: dict[str, Any] = field(default_factory=dict[str, Any])
    calls: dict[str, Ring] = field(default_factory=dict[str, Ring])

    async def ask(self, name: str, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        answer = await self.http.request(method, path, json=body, **options)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        self.got[name] = answer.json() if is_json else answer.content
        return answer

    @property
    def assistant(self) -> str:
        return f"/v1/assistants/{self.got['assistant']['assistant_id']}"

    @property
    def number(self) -> str:
        return str(self.got["purchase"]["e164"])


async def say(ring: Ring, words: str, tool: str) -> None:
    """Says it, and hears out what `tool` answers."""
    before = len(ring.line.mouth.history)
    await ring.says(words)
    try:
        async with asyncio.timeout(PATIENCE):
            while len(ring.line.mouth.history) == before or tool not in [called.tool for called in ring.tools]:
                await ring.line.next_tick()
            await ring.line.quiet_for(0.3)
    except TimeoutError:
        raise AssertionError(f"{words!r}: no {tool}; AVA said {ring.said[-2:]}") from None


async def sets_up(story: Story) -> None:
    """Sign-in, preset, voice, hours, calendar, number, live."""
    await story.ask("me", "GET", "/v1/me")
    await story.ask("presets", "GET", "/v1/presets", params={"industry": "health", "language": "fr"})
    await story.ask("voices", "GET", "/v1/voices", params={"language": "fr"})
    voice = story.got["voices"]["items"][0]["voice_id"]
    await story.ask("preview", "GET", f"/v1/voices/{voice}/preview", params={"language": "fr"})
    body = {
        "preset": {"industry": "health", "language": "fr"},
        "name": "Accueil",
        "changes": {"turn_taking": {"detection": "vad"}},
    }
    headers = {"idempotency-key": "the-first-assistant"}
    created = await story.ask("assistant", "POST", "/v1/assistants", body, headers=headers)
    hours = story.got["assistant"]["config"]["hours"]
    changes = {
        "persona_name": "Léa",
        "tone": "professional",
        "voice": {"voice_id": voice, "model": "eleven_flash_v2_5"},
        "greeting": GREETING,
        "hours": {**hours, "exceptions": [{"day": CLOSED, "reason": "réveillon"}]},
    }
    await story.ask("patched", "PATCH", story.assistant, changes, headers={"if-match": created.headers["etag"]})
    await connects_the_calendar(story)
    await buys_a_number(story)
    await story.ask("published", "POST", f"{story.assistant}/publish")


async def connects_the_calendar(story: Story) -> None:
    path = f"{story.assistant}/calendar"
    await story.ask("calendar", "PUT", path, {"region": "us", "api_key": CAL_KEY})
    await story.ask("tested", "POST", f"{path}/test")
    await story.ask("event_types", "GET", f"{path}/event-types")
    listed = story.got["event_types"]
    by_slug = {row["slug"]: row["event_type_id"] for row in (listed["items"] if isinstance(listed, dict) else listed)}
    mapping = {s["service_id"]: by_slug[s["service_id"]] for s in story.got["patched"]["config"]["services"]}
    await story.ask("mapped", "PUT", f"{path}/event-types", {"event_types": mapping}, headers={"if-match": "*"})


async def buys_a_number(story: Story) -> None:
    await story.ask("offered", "GET", "/v1/available-numbers", params={"country": "US", "kind": "local"})
    offered = story.got["offered"][0]
    body = {"e164": offered["e164"], "country": "US", "kind": "local"}
    headers = {"idempotency-key": "the-first-number"}
    await story.ask("purchase", "POST", "/v1/numbers/purchases", body, headers=headers)
    purchase = f"/v1/numbers/purchases/{story.got['purchase']['purchase_id']}"
    async with asyncio.timeout(30):
        while story.got["purchase"]["state"] != "active":
            await asyncio.sleep(0.2)
            await story.ask("purchase", "GET", purchase)
    assignment = {"assistant_id": story.got["assistant"]["assistant_id"]}
    await story.ask("assigned", "PUT", f"/v1/numbers/{story.number}/assistant", assignment)


async def is_rung(story: Story) -> None:
    """The first caller books; while they talk the greeting is changed; the second hears the new one; then it is put back."""
    house = House(story.stack)
    async with house.ring(story.number) as first:
        story.calls["first"] = first
        await first.greeted()
        await say(first, "Je voudrais un rendez-vous jeudi matin pour un détartrage.", "find_slots")
        await story.ask("changed", "PATCH", story.assistant, {"greeting": NEW_GREETING}, headers={"if-match": "*"})
        await story.ask("republished", "POST", f"{story.assistant}/publish")
        async with house.ring(story.number, caller="+33655555555") as second:
            story.calls["second"] = second
            await second.greeted()
            await second.hang_up()
        await say(first, "Le premier, au nom de Jean Dupont.", "hold_slot")
        await say(first, "Oui, c'est ça, je confirme.", "book_slot")
        await first.hang_up()
    await story.ask("rolled_back", "POST", f"{story.assistant}/rollback")
    async with house.ring(story.number, caller="+33666666666") as third:
        story.calls["third"] = third
        await third.greeted()
        await third.hang_up()


async def looks_back(story: Story) -> None:
    await story.ask("calls", "GET", "/v1/calls")
    for name, ring in story.calls.items():
        await story.ask(f"call_{name}", "GET", f"/v1/calls/{ring.inbound.call_id}")
    span = {"from": "2026-11-23T00:00:00+01:00", "to": "2026-11-28T00:00:00+01:00"}
    await story.ask("statistics", "GET", "/v1/statistics", params=span)
    await story.ask("onboarding", "GET", "/v1/onboarding")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    keys = generate_key()
    data: Path = tmp_path_factory.mktemp("ava")
    async with (
        open_stack(data=data, clock=DemoClock(), sealing_keys=keys) as stack,
        open_platform(
            stack.database,
            running=stack.urls,
            ava_sealing_keys=keys,
            cal_us_base_url=stack.urls["calcom"],
        ) as platform,
    ):
        await stack.post("calcom", "reset", {})
        await stack.open_for("fr")
        token, _ = await platform.token(email="lea@example.com")
        async with (
            listening(create_app(platform.settings)) as url,
            httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30) as http,
        ):
            told = Story(stack, platform, http)
            await sets_up(told)
            await is_rung(told)
            await looks_back(told)
            yield told


async def test_signing_in_made_a_tenant(story: Story) -> None:
    """The owner is its owner."""
    assert [m["role"] for m in story.got["me"]["memberships"]] == ["owner"]


async def test_the_preset_is_the_owners_now(story: Story) -> None:
    """Name, tone, voice, greeting and a day off, each as it was set."""
    [preset] = story.got["presets"]
    config = story.got["patched"]["config"]
    assert preset["name"] == config["business"]["name"]
    assert (config["persona_name"], config["tone"], config["greeting"]) == ("Léa", "professional", GREETING)
    assert config["voice"]["voice_id"] == story.got["voices"]["items"][0]["voice_id"]
    assert [day["day"] for day in config["hours"]["exceptions"]] == [CLOSED]
    assert len(story.got["preview"]) > 2_000
    assert story.got["preview"][:2] == b"\xff\xfb" or story.got["preview"][:3] == b"ID3"


async def test_the_calendar_was_tested_and_mapped(story: Story) -> None:
    """The key works, its event types were listed, every service has one; the key itself is shown nowhere."""
    assert story.got["tested"]["state"] == "ok"
    assert story.got["mapped"]["unmapped_services"] == []
    assert CAL_KEY not in str({k: v for k, v in story.got.items() if k != "preview"})


async def test_the_number_was_bought_once_and_leads_here(story: Story) -> None:
    """At the carrier, on the line, and in the database."""
    sold = await story.platform.http.get(f"{story.platform.urls['twilio']}/_ctl/state")
    assert str(sold.json()).count(story.number) >= 1
    answering = await story.platform.control("livekit", "call", {"from": "+33612345678", "to": story.number})
    assert story.platform.settings.ava_agent_name in str(answering)
    assert story.got["assigned"]["assistant_id"] == story.got["assistant"]["assistant_id"]
    assert story.got["assigned"]["answers"] is True


async def test_the_first_caller_booked(story: Story) -> None:
    """Answered by the published version in the owner's words; the calendar, the call's record and what was said agree."""
    ring, call = story.calls["first"], story.got["call_first"]
    greeting = next(e for _, e in ring.events if isinstance(e, AssistantSaid))
    assert greeting.text.startswith("Bonjour, cabinet Cabinet dentaire du Parc, ici Léa.")
    assert (call["outcome"], call["version"], call["booked"]) == (
        "booked",
        story.got["published"]["published_version"],
        True,
    )
    [booking] = call["bookings"]
    held = (await story.stack.get("calcom", "state"))["bookings"]
    [kept] = [row for row in held if row["uid"] == booking["calendar_uid"]]
    assert (kept["status"], kept["attendees"][0]["name"]) == ("accepted", "Jean Dupont")
    start = datetime.fromisoformat(booking["starts_at"])
    assert (start.date().isoformat(), start) == (THURSDAY, datetime.fromisoformat(kept["start"]))


async def test_its_record_is_whole(story: Story) -> None:
    """Transcript of both sides, latencies, tools, usage and cost."""
    call = story.got["call_first"]
    speakers = {turn["speaker"] for turn in call["transcript"]}
    assert speakers == {"caller", "assistant"}
    assert [use["tool"] for use in call["tool_uses"]][-1] == "book_slot"
    assert call["latency_p50_ms"] > 0
    assert any(turn["latency"] and turn["latency"]["total"] for turn in call["transcript"])
    assert float(call["cost_total"]) > 0
    assert call["usage"]["tts_characters"] > 0
    assert {c["call_id"] for c in story.got["calls"]["items"]} == {
        str(ring.inbound.call_id) for ring in story.calls.values()
    }


async def test_a_change_reaches_the_next_call_and_not_the_running_one(story: Story) -> None:
    """The first caller was still talking when it went live."""
    published, republished = story.got["published"], story.got["republished"]
    assert republished["published_version"] > published["published_version"]
    assert story.got["call_first"]["version"] == published["published_version"]
    assert story.got["call_second"]["version"] == republished["published_version"]
    greeting = next(e for _, e in story.calls["second"].events if isinstance(e, AssistantSaid))
    assert greeting.text == "Cabinet dentaire du Parc, bonjour et bienvenue."


async def test_rolling_back_puts_the_old_words_on_the_line(story: Story) -> None:
    assert story.got["rolled_back"]["published_version"] == story.got["published"]["published_version"]
    assert story.got["call_third"]["version"] == story.got["published"]["published_version"]
    greeting = next(e for _, e in story.calls["third"].events if isinstance(e, AssistantSaid))
    assert greeting.text.startswith("Bonjour, cabinet")


async def test_the_figures_count_what_happened(story: Story) -> None:
    """Three calls, one booking; the time to the first call is known."""
    figures = story.got["statistics"]
    assert (figures["calls"], figures["bookings"]) == (3, 1)
    assert story.got["onboarding"]["time_to_first_call_seconds"] is not None


async def test_nothing_secret_is_in_the_database_in_plain(story: Story) -> None:
    """The calendar's key is sealed; what sealed it is nowhere."""
    rows = story.stack.database.select("select * from calendar_connections where region is not null")
    assert rows
    assert CAL_KEY not in str(rows)
