"""What planned calls answer when it can't be done."""

from uuid import uuid4

import httpx

from tests.api.problems.case import Case
from tests.fakes.control_plane import ControlPlane
from tests.fakes.planned_calls import Dialing, open_business


async def _plan_unknown(plane: ControlPlane) -> httpx.Response:
    business = await open_business(plane, await plane.owner())
    return await business.asks(to=None, message_id=str(uuid4()))


async def _plan_unwanted(plane: ControlPlane) -> httpx.Response:
    business = await open_business(plane, await plane.owner())
    wish = business.wish()
    await business.owner.made("/v1/do-not-call", {"number": wish["to"]})
    return await business.asks(to=wish["to"])


async def _plan_without_credit(plane: ControlPlane) -> httpx.Response:
    business = await open_business(plane, await plane.owner())
    plane.database.select("select set_tenant_credit_v1(%s, true)", business.owner.tenant_id)
    return await business.asks()


async def _cancel_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).post(f"/v1/planned-calls/{uuid4()}/cancel")


async def _cancel_ringing(plane: ControlPlane) -> httpx.Response:
    business, dialing = await open_business(plane, await plane.owner()), Dialing(plane)
    planned = await business.plans_now()
    attempt = dialing.claim(planned)
    assert attempt is not None
    assert dialing.begin(planned, attempt) == "ring"
    return await business.owner.post(f"/v1/planned-calls/{planned['planned_call_id']}/cancel")


async def _read_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).get(f"/v1/planned-calls/{uuid4()}")


async def _take_off_unknown(plane: ControlPlane) -> httpx.Response:
    return await (await plane.owner()).http.delete(f"/v1/do-not-call/{uuid4()}")


CASES = [
    Case("plan_call", "not_found", _plan_unknown),
    Case("plan_call", "conflict", _plan_unwanted),
    Case("plan_call", "no_credit", _plan_without_credit),
    Case("get_planned_call", "not_found", _read_unknown),
    Case("cancel_planned_call", "not_found", _cancel_unknown),
    Case("cancel_planned_call", "conflict", _cancel_ringing),
    Case("remove_do_not_call", "not_found", _take_off_unknown),
]
