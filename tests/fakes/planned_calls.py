"""Calls to be placed, for tests: a business that may call, plans, and what the database holds of them.

Owns: making them as owners do, and letting time pass. Refuses: judging.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from control_api.planned_calls.repository import DialingRepository
from store.session import Sessions
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.recorded_calls import some_number


@dataclass(frozen=True)
class Business:
    """An owner with a live assistant on a number."""

    plane: ControlPlane
    owner: Client
    assistant_id: str
    number: str

    def wish(self, **changes: Any) -> dict[str, Any]:
        wish = {
            "assistant_id": self.assistant_id,
            "kind": "reminder",
            "to": some_number("+336"),
            "name": "Mme Martin",
            "about": "votre rendez-vous de demain",
            "consent": True,
            "not_after": (datetime.now(UTC) + timedelta(days=60)).isoformat(),
        }
        return {name: value for name, value in {**wish, **changes}.items() if value is not None}

    async def asks(self, **changes: Any) -> httpx.Response:
        return await self.owner.post("/v1/calls", self.wish(**changes), headers={"idempotency-key": str(uuid4())})

    async def plans(self, **changes: Any) -> dict[str, Any]:
        answer = await self.asks(**changes)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def plans_now(self, **changes: Any) -> dict[str, Any]:
        """Due this moment, whatever the time of day is."""
        planned = await self.plans(**changes)
        make_due(self.plane, planned)
        return planned

    async def reads(self, planned: dict[str, Any]) -> dict[str, Any]:
        answer = await self.owner.get(f"/v1/planned-calls/{planned['planned_call_id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def open_business(plane: ControlPlane, owner: Client) -> Business:
    made = await owner.made("/v1/assistants", {"preset": {"industry": "health", "language": "fr"}})
    await owner.made(f"/v1/assistants/{made['assistant_id']}/publish")
    number = some_number()
    plane.database.select(
        "insert into phone_numbers (e164, tenant_id, assistant_id) values (%s, %s, %s) returning e164",
        number,
        owner.tenant_id,
        made["assistant_id"],
    )
    return Business(plane, owner, made["assistant_id"], number)


def make_due(plane: ControlPlane, planned: dict[str, Any]) -> None:
    plane.database.select(
        "update planned_calls set due_at = now() - interval '1 second' where planned_call_id = %s returning 1",
        planned["planned_call_id"],
    )


def let_lapse(plane: ControlPlane, planned: dict[str, Any]) -> None:
    """Whoever had it in hand has died."""
    plane.database.select(
        "update planned_calls set claimed_until = now() - interval '1 second' where planned_call_id = %s returning 1",
        planned["planned_call_id"],
    )


@dataclass(frozen=True)
class Dialing:
    """The service's own functions, one try at a time. Other tests of the process plan calls too: theirs are put off."""

    plane: ControlPlane

    @property
    def repository(self) -> DialingRepository:
        sessions: Sessions = self.plane.app.state.provided[Sessions]
        return DialingRepository(sessions)

    def call(self, function: str, *arguments: Any) -> Any:
        marks = ", ".join(["%s"] * len(arguments))
        [row] = self.plane.database.select(f"select {function}({marks}) as said", *arguments)
        return row["said"]

    def claim(self, planned: dict[str, Any], *, seconds: int = 45) -> UUID | None:
        """-> the attempt that has it in hand; None: it is not due, or not to be had."""
        for _ in range(200):
            attempt = uuid4()
            row = self.call("claim_planned_call_v1", attempt, seconds, 1000)
            if row is None:
                return None
            if row["planned_call_id"] == planned["planned_call_id"]:
                return attempt
            self.call("put_off_planned_call_v1", row["planned_call_id"], attempt, later(), "not of this test")
        raise AssertionError("other tests' calls are due again and again")

    def begin(self, planned: dict[str, Any], attempt: UUID, *, worker: UUID | None = None, seconds: int = 60) -> str:
        """By another worker each time, unless one is named."""
        arguments = (planned["planned_call_id"], attempt, worker or uuid4(), seconds)
        return str(self.call("begin_planned_call_v1", *arguments)["status"])

    def under_way(self, planned: dict[str, Any], attempt: UUID) -> Any:
        """For the job that takes it up."""
        return self.call("find_call_under_way_v1", planned["planned_call_id"], attempt)

    def end(self, planned: dict[str, Any], attempt: UUID, outcome: str, sip_status: int | None = None) -> str:
        return str(self.call("end_planned_call_v1", planned["planned_call_id"], attempt, outcome, sip_status))


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
