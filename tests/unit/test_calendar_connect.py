"""Whose key goes to which address: the deployment's to its own, a tenant's to the tenant's."""

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from calendar_tools.connect import CalendarDefaults, connect
from calendar_tools.errors import CalendarMisconfigured
from contracts.calendar import CalComConnection

OURS, THEIRS = SecretStr("cal_live_of-the-deployment"), SecretStr("cal_live_of-the-tenant")
DEFAULTS = CalendarDefaults(HttpUrl("https://api.cal.com"), OURS)
ELSEWHERE = HttpUrl("https://cal.example.org/api")


async def sent(connection: CalComConnection) -> list[tuple[str, str]]:
    """(host, Authorization) of each request that a ping makes."""
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers["authorization"]))
        return httpx.Response(200, json={"status": "success", "data": {"id": 1}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        await connect(connection, client, DEFAULTS).ping()
    return seen


async def test_the_deployments_key_is_never_sent_to_an_address_that_a_tenant_chose() -> None:
    """An address without a key of its own is refused before anything is sent."""
    with pytest.raises(CalendarMisconfigured, match="key of its own") as caught:
        await sent(CalComConnection(base_url=ELSEWHERE))
    assert OURS.get_secret_value() not in str(caught.value)


@pytest.mark.parametrize("blank", ["", "  "])
async def test_a_blank_key_does_not_stand_for_the_deployments(blank: str) -> None:
    """A key that is there but empty is a mistake, not an invitation."""
    with pytest.raises(CalendarMisconfigured):
        await sent(CalComConnection(base_url=ELSEWHERE, api_key=SecretStr(blank)))


async def test_a_key_of_its_own_goes_to_its_own_address() -> None:
    """And nothing of the deployment goes with it."""
    found = await sent(CalComConnection(base_url=ELSEWHERE, api_key=THEIRS))
    assert found == [("cal.example.org", f"Bearer {THEIRS.get_secret_value()}")]


async def test_without_an_address_the_deployments_is_used_with_either_key() -> None:
    """A tenant's own key at the deployment's Cal.com, or the deployment's account as it is."""
    assert await sent(CalComConnection(api_key=THEIRS)) == [("api.cal.com", f"Bearer {THEIRS.get_secret_value()}")]
    assert await sent(CalComConnection()) == [("api.cal.com", f"Bearer {OURS.get_secret_value()}")]
