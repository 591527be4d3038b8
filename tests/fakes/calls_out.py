"""AVA rings telephones on the real line: a business that does, and the API's dispatcher, run by hand at a moment within calling
hours: at night, and on Sundays, it would ring nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from livekit import api
from livekit.protocol.sip import CreateSIPOutboundTrunkRequest, SIPOutboundTrunkInfo

from contracts.hours import OpeningHours
from control_api.planned_calls.calling_hours import CallingHours
from control_api.planned_calls.dispatcher import Dispatcher, Pace
from control_api.planned_calls.livekit_dialer import LiveKitDialer
from control_api.planned_calls.repository import DialingRepository
from demo.exchange import LOOPBACK, Exchange
from demo.owner import ROUND_THE_CLOCK
from sandbox.callers import Recording
from sandbox.servers import free_udp_port
from sandbox.softphone import SoftPhone
from store.session import open_sessions
from tests.fakes.real_line import SHORT_GREETING

CALLEE = "+33655555555"
ABOUT = "votre rendez-vous de demain"
HELLO_AND_A_QUESTION = ("fr-yes", "fr-where")
PARIS = ZoneInfo("Europe/Paris")


def in_calling_hours() -> datetime:
    tomorrow = datetime.now(PARIS).replace(hour=11, minute=0) + timedelta(days=1)
    allowed = CallingHours(OpeningHours(time_zone="Europe/Paris", country="FR")).next_allowed(tomorrow, CALLEE)
    assert allowed is not None
    return allowed.replace(hour=11)


@dataclass(frozen=True)
class Business:
    """Whomever it rings has their telephone at `port`."""

    exchange: Exchange
    assistant_id: str
    port: int


async def open_business(exchange: Exchange, number: str) -> Business:
    """An assistant on a trunk that leads to one telephone."""
    port = free_udp_port(also_tcp=True)
    changes = {"hours": ROUND_THE_CLOCK, "greeting": SHORT_GREETING}
    made = await exchange.owner.puts_on_the_line([number], allowed=[LOOPBACK], **changes)
    trunk = SIPOutboundTrunkInfo(name="out", address=f"{LOOPBACK}:{port}", numbers=[number])
    async with api.LiveKitAPI(exchange.line.url, exchange.line.api_key, exchange.line.api_secret) as livekit:
        await livekit.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=trunk))
    return Business(exchange, made.assistant_id, port)


@asynccontextmanager
async def dispatching(business: Business) -> AsyncIterator[Dispatcher]:
    exchange, settings = business.exchange, business.exchange.platform.settings
    assert settings.livekit_api_secret is not None
    sessions = open_sessions(
        exchange.database.url, publishable_key=settings.publishable_key, service_key=settings.service_key
    )
    dialer = LiveKitDialer(
        exchange.line.url, exchange.line.api_key, settings.livekit_api_secret, agent_name=settings.ava_agent_name
    )
    pace = Pace(every=0, at_most=10)
    try:
        yield Dispatcher(DialingRepository(sessions), dialer, clock=in_calling_hours, pace=pace)
    finally:
        await dialer.aclose()
        await sessions.aclose()


async def plan(business: Business, **changes: Any) -> dict[str, Any]:
    """Due now."""
    exchange = business.exchange
    wish = {
        "assistant_id": business.assistant_id,
        "kind": "reminder",
        "to": CALLEE,
        "name": "Mme Martin",
        "about": ABOUT,
        "consent": True,
        "not_after": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }
    planned: dict[str, Any] = await exchange.owner.make("/v1/calls", {**wish, **changes})
    exchange.database.select(
        "update planned_calls set due_at = now() where planned_call_id = %s returning 1", planned["planned_call_id"]
    )
    return planned


async def picks_up_and_asks(phone: SoftPhone, number: str) -> None:
    """Who is rung by `number` says hello, hears why, asks something, is answered and hangs up (`HELLO_AND_A_QUESTION`)."""
    await phone.until_rung()
    assert number in phone.rung_by
    await phone.answer()
    heard = 0
    for utterance in HELLO_AND_A_QUESTION:
        await phone.say(utterance)
        assert await phone.until_quiet(1.0, after=heard, patience=15)
        heard = len(phone.line.ava.stretches)
    await phone.hang_up()


async def plan_in(exchange: Exchange, planned: dict[str, Any], *states: str) -> dict[str, Any]:
    """As it stands once it is in one of these states. TimeoutError."""
    async with asyncio.timeout(30):
        while True:
            path = f"/v1/planned-calls/{planned['planned_call_id']}"
            found: dict[str, Any] = await exchange.owner.ask("GET", path)
            if found["state"] in states:
                return found
            await asyncio.sleep(0.1)


def told_as(recording: Recording, text: str) -> dict[str, Any]:
    """The recogniser takes the recording for another text, word by word over the same time."""
    words, length = text.split(), recording.words[-1].end_ms - recording.words[0].start_ms
    begins = [recording.words[0].start_ms + length * n // len(words) for n in range(len(words) + 1)]
    timed = [{"word": word, "start_ms": begins[n], "end_ms": begins[n + 1]} for n, word in enumerate(words)]
    return {**recording.for_deepgram(), "text": text, "words": timed}
