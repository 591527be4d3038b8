"""A business that sets itself up through the API: an assistant, its calendar, its numbers: bought, imported, or on a SIP trunk
of its own.

Owns: the requests, in order. Refuses: where the API runs (`demo.api`) and what answers the calls (`demo.exchange`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx

from demo.platform import CAL_KEY
from sandbox.postgres import SandboxError

_ACTIVE_SECONDS = 30.0
_WHOLE_WEEK = (*("monday", "tuesday", "wednesday", "thursday"), *("friday", "saturday", "sunday"))

ROUND_THE_CLOCK: Mapping[str, Any] = {
    "time_zone": "Europe/Paris",
    "country": "FR",
    "closed_on_holidays": False,
    "weekly": {day: [{"opens": "00:00", "closes": "00:00"}] for day in _WHOLE_WEEK},
}
"""Always open: the worker tells the time by the real clock, so that a call may come at any."""

# synthetic voices, which the turn model takes for unfinished (demo.stack.demo_config)
_BY_VOICE_ACTIVITY: Mapping[str, Any] = {"turn_taking": {"detection": "vad"}}


@dataclass(frozen=True)
class OnTheLine:
    """An assistant that answers `numbers`."""

    assistant_id: str
    config: Mapping[str, Any]
    numbers: tuple[str, ...]
    event_types: Mapping[str, int]


@dataclass(frozen=True)
class Owner:
    """Signed in. `http` carries the token and the API's address; SandboxError says which request was refused."""

    http: httpx.AsyncClient = field(repr=False)

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = await self.http.request(method, path, json=body, **options)
        if answer.is_error:
            raise SandboxError(f"{method} {path} was answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def make(self, path: str, body: Any = None) -> Any:
        return await self.ask("POST", path, body, headers={"idempotency-key": str(uuid4())})

    async def puts_on_the_line(
        self,
        numbers: Sequence[str],
        *,
        allowed: Sequence[str],
        outgoing: str | None = None,
        **changes: Any,
    ) -> OnTheLine:
        """As `publishes`. `outgoing`: the telephone, as host:port, to which all calls from these numbers go."""
        made = await self.publishes(**changes)
        await self.brings(numbers, allowed=allowed, assistant_id=made.assistant_id, outgoing=outgoing)
        return replace(made, numbers=tuple(numbers))

    async def publishes(self, **changes: Any) -> OnTheLine:
        """From the French dental preset with `changes`; every service booked in the connected calendar. On no number yet."""
        preset = {"industry": "health", "language": "fr"}
        body = {"preset": preset, "name": "Accueil", "changes": {**_BY_VOICE_ACTIVITY, **changes}}
        made = await self.make("/v1/assistants", body)
        path = f"/v1/assistants/{made['assistant_id']}"
        event_types = await self._connects_calendar(path, [s["service_id"] for s in made["config"]["services"]])
        await self.make(f"{path}/publish")
        return OnTheLine(made["assistant_id"], made["config"], (), event_types)

    async def buys(self, e164: str, *, country: str, assistant_id: str) -> None:
        """At Twilio, by what is for sale there; active when this returns."""
        body = {"e164": e164, "country": country, "kind": "local", "assistant_id": assistant_id}
        await self.make("/v1/numbers/purchases", body)
        async with asyncio.timeout(_ACTIVE_SECONDS):
            await self._until_active(e164)

    async def imports(self, e164: str, *, account_sid: str, auth_token: str, assistant_id: str) -> None:
        """From a Twilio account of the owner's own, which is connected for it; active when this returns."""
        connected = await self.make("/v1/carriers/twilio", {"account_sid": account_sid, "auth_token": auth_token})
        body = {"e164": e164, "carrier_id": connected["carrier_id"], "assistant_id": assistant_id}
        await self.make("/v1/numbers/imports", body)
        async with asyncio.timeout(_ACTIVE_SECONDS):
            await self._until_active(e164)

    async def _connects_calendar(self, path: str, services: Sequence[str]) -> Mapping[str, int]:
        await self.ask("PUT", f"{path}/calendar", {"region": "us", "api_key": CAL_KEY})
        listed = await self.ask("GET", f"{path}/calendar/event-types")
        by_slug = {row["slug"]: row["event_type_id"] for row in (listed["items"] if "items" in listed else listed)}
        mapping = {service: by_slug[service] for service in services}
        await self.ask("PUT", f"{path}/calendar/event-types", {"event_types": mapping}, headers={"if-match": "*"})
        return mapping

    async def brings(
        self,
        numbers: Sequence[str],
        *,
        allowed: Sequence[str],
        assistant_id: str | None,
        outgoing: str | None = None,
    ) -> str:
        """A SIP trunk with these numbers -> where its carrier has to send the calls."""
        body = {"e164s": list(numbers), "allowed_addresses": list(allowed), "name": "Loopback"}
        if assistant_id is not None:
            body["assistant_id"] = assistant_id
        if outgoing is not None:
            body["outgoing_address"] = outgoing
        made = await self.make("/v1/numbers/sip-trunks", body)
        async with asyncio.timeout(_ACTIVE_SECONDS):
            for number in numbers:
                await self._until_active(number)
        return str(made["sip_uri"])

    async def _until_active(self, number: str) -> None:
        while True:
            if (await self.ask("GET", f"/v1/numbers/{number}"))["state"] == "active":
                return
            await asyncio.sleep(0.2)

    async def sets_status(self, assistant_id: str, status: str) -> None:
        await self.ask("PUT", f"/v1/assistants/{assistant_id}/status", {"status": status}, headers={"if-match": "*"})

    async def recording_of(self, call_id: str, *, seconds: float = 20.0) -> bytes:
        """By the link that the call's detail gives, once it is where recordings are kept. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                found = (await self.ask("GET", f"/v1/calls/{call_id}"))["recordings"]
                if found and found[0]["url"]:
                    answer = await self.http.get(found[0]["url"], headers={"authorization": ""})
                    return answer.raise_for_status().content
                await asyncio.sleep(0.2)

    async def call_of(self, *, dialed: str, caller: str | None, after: str, seconds: float = 20.0) -> dict[str, Any]:
        """The closed record of the newest such call begun after that moment. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                listed = await self.ask("GET", "/v1/calls", params={"limit": 20})
                for call in listed["items"]:
                    fits = (call["dialed"], call["caller"]) == (dialed, caller) and call["started_at"] >= after
                    if fits and call["ended_at"]:
                        return await self.ask("GET", f"/v1/calls/{call['call_id']}")
                await asyncio.sleep(0.2)
