"""What a call runs on while the database is away: on disk, whole, and without a key in the clear."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from agent.lastknown import LastKnownGood
from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from contracts.call import CallContext
from store.vault import Vault, generate_key
from tests.fakes.tool_calls import inbound_call

CONNECTION = CalComConnection(api_key=SecretStr("cal_very-secret"), event_types={"consultation": 7})


@pytest.fixture
def vault() -> Vault:
    return Vault.from_keys(generate_key())


@pytest.fixture
def context(config: AssistantConfig) -> CallContext:
    call = inbound_call()
    return CallContext(
        call_id=call.call_id,
        sip_call_id=call.sip_call_id,
        dialed=call.dialed,
        caller=call.caller,
        started_at=call.received_at,
        tenant_id=uuid4(),
        assistant_id=uuid4(),
        version=3,
        config=config,
        calendar=CONNECTION,
    )


async def test_round_trip_is_for_the_call_at_hand(tmp_path: Path, context: CallContext, vault: Vault) -> None:
    known = LastKnownGood(tmp_path / "n", vault)
    await known.keep(context)
    call = inbound_call(caller=None)
    found = await known.find(call)
    assert found is not None
    assert found.calendar is not None
    assert (found.call_id, found.caller, found.started_at) == (call.call_id, None, call.received_at)
    assert (found.tenant_id, found.assistant_id, found.version) == (context.tenant_id, context.assistant_id, 3)
    assert found.config == context.config
    assert found.calendar == CONNECTION
    assert found.source == "last_known_good"


async def test_nothing_is_known_of_another_number(tmp_path: Path, context: CallContext) -> None:
    known = LastKnownGood(tmp_path / "n")
    assert await known.find(inbound_call()) is None
    await known.keep(context)
    assert await known.find(inbound_call(dialed="+33478000009")) is None


async def test_no_key_and_no_caller_reach_the_disk(tmp_path: Path, context: CallContext, vault: Vault) -> None:
    known = LastKnownGood(tmp_path / "n", vault)
    await known.keep(context)
    [file] = (tmp_path / "n").iterdir()
    assert "secret" not in file.read_text()
    assert str(context.caller) not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("later", ["another ring", "no ring", "never a ring", "another tenant's file"])
async def test_a_calendar_whose_key_is_lost_is_left_out(
    tmp_path: Path, context: CallContext, vault: Vault, later: str
) -> None:
    """The call is still answered; it never books with the deployment's key what has a key of its own."""
    await LastKnownGood(tmp_path / "n", None if later == "never a ring" else vault).keep(context)
    if later == "another tenant's file":
        [file] = (tmp_path / "n").iterdir()
        file.write_text(file.read_text().replace(str(context.tenant_id), str(uuid4())))
    rings = {"another ring": Vault.from_keys(generate_key()), "no ring": None}
    found = await LastKnownGood(tmp_path / "n", rings.get(later, vault)).find(inbound_call())
    assert found is not None
    assert found.config == context.config
    assert found.calendar is None


async def test_a_calendar_without_a_key_of_its_own_needs_no_ring(tmp_path: Path, context: CallContext) -> None:
    """It uses the deployment's key, as in any call."""
    known, shared = LastKnownGood(tmp_path / "n"), CONNECTION.model_copy(update={"api_key": None})
    await known.keep(context.model_copy(update={"calendar": shared}))
    found = await known.find(inbound_call())
    assert found is not None
    assert found.calendar == shared


@pytest.mark.parametrize("damage", ["", "{", '{"tenant_id": "x"}', "[]", '"text"', '{"a":\xff}'])
async def test_torn_file_is_passed_over(tmp_path: Path, context: CallContext, damage: str) -> None:
    known = LastKnownGood(tmp_path / "n")
    await known.keep(context)
    [file] = (tmp_path / "n").iterdir()
    file.write_bytes(damage.encode("latin-1"))
    assert await known.find(inbound_call()) is None
    await known.keep(context)
    assert await known.find(inbound_call()) is not None


async def test_keeping_again_replaces_whole(tmp_path: Path, context: CallContext) -> None:
    known = LastKnownGood(tmp_path / "n")
    await known.keep(context)
    await known.keep(context.model_copy(update={"version": 4}))
    found = await known.find(inbound_call())
    assert found is not None
    assert found.version == 4
    assert len(list((tmp_path / "n").iterdir())) == 1


async def test_disk_that_refuses_costs_no_call(tmp_path: Path, context: CallContext) -> None:
    (tmp_path / "n").write_text("a file where the folder should be")
    known = LastKnownGood(tmp_path / "n")
    await known.keep(context)
    assert await known.find(inbound_call()) is None
