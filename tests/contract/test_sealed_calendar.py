"""An assistant whose calendar has a key of its own, as the worker's own composition runs it: settings, database, Cal.com's
stand-in that accepts that key and no other."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from agent.desk import calendar_defaults
from agent.resolve import resolve
from agent.resources import Resources, open_resources
from agent.settings import load_settings
from agent.sweep import sweep
from calendar_tools.connect import connect
from calendar_tools.errors import CalendarMisconfigured
from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from contracts.call import BookingRecorded, BookingState, CallContext, InboundCall
from contracts.ids import call_id_for
from sandbox.calcom import create_app
from sandbox.database import Database
from sandbox.providers import serve
from store.vault import Vault, calendar_context, generate_key

pytestmark = pytest.mark.database

NUMBER, OTHER_NUMBER = "+33142000001", "+33142000002"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OWN, DEPLOYMENTS = SecretStr("cal_live_tenants-very-own"), SecretStr("cal_live_of-the-deployment")
RING = generate_key()


@dataclass
class Practice:
    """One assistant in the database whose calendar is Cal.com's stand-in at `url`."""

    database: Database
    config: AssistantConfig
    url: str
    data: Path
    tenant_id: UUID
    assistant_id: UUID

    def store_key(self, sealed: str, *, assistant_id: UUID | None = None) -> None:
        self.database.select(
            "update calendar_connections set sealed_key = %s where assistant_id = %s returning 1",
            sealed,
            assistant_id or self.assistant_id,
        )

    def seal(self, ring: SecretStr = RING) -> str:
        return Vault.from_keys(ring).seal(OWN, context=calendar_context(self.tenant_id))

    def worker(self, ring: SecretStr | None = RING, url: str = "") -> AbstractAsyncContextManager[Resources]:
        """What a job process holds. `url`: of a database, if not this one."""
        settings = load_settings(
            _env_file=None,
            openai_api_key="sk-x",
            deepgram_api_key="dg-x",
            eleven_api_key="el-x",
            supabase_url=url or self.database.url,
            supabase_service_role_key=self.database.service_key,
            cal_api_key=DEPLOYMENTS,
            cal_base_url=self.url,
            ava_sealing_keys=ring,
            ava_data_dir=self.data,
        )
        return open_resources(settings, clock=lambda: NOON)


@pytest.fixture
async def practice(database: Database, config: AssistantConfig, tmp_path: Path) -> AsyncIterator[Practice]:
    async with serve(create_app({"api_key": OWN.get_secret_value(), "clock": NOON.isoformat()})) as url:
        calendar = CalComConnection(event_types={"checkup": 101})
        seeded = database.seed_assistant(tenant_name="A", config=config, number=NUMBER, calendar=calendar)
        yield Practice(database, config, url, tmp_path / "data", seeded.tenant_id, seeded.assistant_id)


def inbound(sip: str = "SCL_one", dialed: str = NUMBER) -> InboundCall:
    return InboundCall(call_id=call_id_for(sip), sip_call_id=sip, dialed=dialed, caller=None, received_at=NOON)


async def ring(resources: Resources, call: InboundCall) -> CallContext:
    return await resolve(call, resources.store, resources.known)


async def reached(resources: Resources, context: CallContext) -> bool:
    """The stand-in lets the connection in."""
    assert context.calendar is not None
    try:
        await connect(context.calendar, resources.http, calendar_defaults(resources.settings)).ping()
    except CalendarMisconfigured:
        return False
    return True


async def test_a_call_runs_on_the_key_of_its_own(practice: Practice) -> None:
    """From the sealed row to an answer of Cal.com; without a key of its own, the deployment's key would be refused."""
    async with practice.worker() as resources:
        assert not await reached(resources, await ring(resources, inbound("SCL_before")))
        practice.store_key(practice.seal())
        context = await ring(resources, inbound())
        assert context.calendar is not None
        assert context.calendar.api_key == OWN
        assert await reached(resources, context)
        assert OWN.get_secret_value() not in repr(context)


async def test_a_doubt_is_settled_with_the_key_of_its_own(practice: Practice) -> None:
    """The sweep, in whatever process, looks the booking up where the call would have made it."""
    practice.store_key(practice.seal())
    step = BookingRecorded(
        at=NOON - timedelta(hours=1),
        booking_key="k",
        action="book",
        state=BookingState.UNCONFIRMED,
        service_id="checkup",
        event_type_id=101,
        starts_at=NOON + timedelta(days=1),
        ends_at=NOON + timedelta(days=1, minutes=30),
        attendee_name="Marie Lefèvre",
    )
    for keys, state in ((None, "unconfirmed"), (RING, "absent")):
        async with practice.worker(keys) as resources:
            await resources.store.open_call(inbound())
            await resources.store.append_events(call_id_for("SCL_one"), [step])
            await sweep(resources)
        assert practice.database.select("select state from bookings") == [{"state": state}]


async def test_a_call_during_an_outage_runs_on_the_key_of_its_own(practice: Practice) -> None:
    """What was known of the number has the key with it, sealed."""
    practice.store_key(practice.seal())
    async with practice.worker() as resources:
        await ring(resources, inbound("SCL_before"))
    for file in practice.data.rglob("*.json"):
        assert OWN.get_secret_value() not in file.read_text()
    async with practice.worker(url="http://127.0.0.1:9") as resources:
        context = await ring(resources, inbound())
        assert context.source == "last_known_good"
        assert await reached(resources, context)


async def test_keys_are_changed_while_calls_come_in(practice: Practice) -> None:
    """Sealed with the older key of the ring, and sealed again with the newer: each opens."""
    newer = generate_key()
    both = SecretStr(f"{newer.get_secret_value()},{RING.get_secret_value()}")
    sealed = practice.seal()
    again = Vault.from_keys(both).reseal(sealed)
    assert again is not None
    for number, (row, keys) in enumerate([(sealed, both), (again, both), (again, newer)]):
        practice.store_key(row)
        async with practice.worker(keys) as resources:
            assert await reached(resources, await ring(resources, inbound(f"SCL_{number}")))


@pytest.mark.parametrize("trouble", ["no ring", "another ring", "in the clear", "empty", "of another tenant"])
async def test_a_key_that_does_not_open_leaves_the_calendar_out(practice: Practice, trouble: str) -> None:
    """The call is answered without a calendar: never on the deployment's key, nor on what another tenant's row holds."""
    dialed, keys = NUMBER, RING if trouble != "no ring" else None
    match trouble:
        case "another ring":
            practice.store_key(practice.seal(generate_key()))
        case "in the clear":
            practice.store_key(OWN.get_secret_value())
        case "empty":
            practice.store_key("")
        case "of another tenant":
            dialed = OTHER_NUMBER
            other = practice.database.seed_assistant(
                tenant_name="B", config=practice.config, number=dialed, calendar=CalComConnection(event_types={"x": 1})
            )
            practice.store_key(practice.seal(), assistant_id=other.assistant_id)
        case _:
            practice.store_key(practice.seal())
    async with practice.worker(keys) as resources:
        with capture_logs() as logged:
            context = await ring(resources, inbound(dialed=dialed))
    assert context.calendar is None
    assert context.config == practice.config
    [line] = logged
    assert (line["event"], line["log_level"]) == ("store.calendar_key_unusable", "error")
    assert line["tenant_id"] == str(context.tenant_id)
    assert OWN.get_secret_value() not in str(logged)
