"""A call on real audio for a business whose calendar has a key of its own, where the deployment's key would be refused."""

import pytest
from pydantic import SecretStr

from agent.resources import open_resources
from store.vault import Vault, calendar_context, generate_key
from tests.fakes.ringing import House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_caller_is_offered_times_from_the_business_own_calendar(house: House) -> None:
    """The key goes from the sealed row to Cal.com, and neither the record nor the disk has it in the clear."""
    number, ring = house.assistant(), generate_key()
    seeded, known = house.seeded[number], house.resources.settings
    assert known.cal_api_key is not None
    own = known.cal_api_key  # the only one that the stand-in accepts
    sealed = Vault.from_keys(ring).seal(own, context=calendar_context(seeded.tenant_id))
    house.stack.database.select(
        "update public.calendar_connections set sealed_key = %s where assistant_id = %s returning 1",
        sealed,
        seeded.assistant_id,
    )
    settings = known.model_copy(update={"cal_api_key": SecretStr("cal_refused"), "ava_sealing_keys": ring})
    async with open_resources(settings, clock=house.stack.clock) as resources:
        async with house.ring(number, resources=resources) as call:
            await call.greeted()
            await call.plays("fr-want-thursday")
            await call.hears_more(0.5)
            await call.hang_up()
    assert [tool.tool for tool in call.tools if not tool.failed] == ["find_slots"]
    assert await house.log("calcom")
    assert call.problems == []
    record = str([call.row(), call.rows("call_events"), *call.events])
    on_disk = "".join(file.read_text() for file in house.data.rglob("*.json"))
    for secret in (own.get_secret_value(), sealed):
        assert secret not in record + on_disk
