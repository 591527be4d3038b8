"""Twilio when it is slow, full, cut off or talking nonsense: a number is bought once, and what is not known is not said.

The adapter runs against the stand-in through the real `twilio` client; `lost_answer` does the work and says nothing, `cut` does
none and says nothing.
"""

import asyncio
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from control_api.numbers import carrier_errors as errors
from control_api.numbers.carrier import Carrier, NumberQuery, SipTrunk
from control_api.numbers.twilio_carrier import open_twilio_accounts
from control_api.numbers.twilio_http import Patience, TwilioHosts
from sandbox.providers import StandIns, serve
from tests.fakes.twilio import CALM, HASTE, LABEL, MAIN, QUICK, SIP_URI, WASHINGTON, Twilio, hosts_at, twilio_at


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand_in() -> AsyncIterator[str]:
    async with StandIns(("twilio",)) as urls:
        yield urls["twilio"]


@pytest.fixture
async def twilio(stand_in: str) -> AsyncIterator[Twilio]:
    async with twilio_at(stand_in) as running:
        yield running


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "lost_answer"},
        {"kind": "cut", "cut_after": 40},
        {"kind": "stall", "cut_after": 10},
    ],
)
async def test_a_purchase_whose_answer_is_lost_is_adopted_once(twilio: Twilio, trouble: dict[str, Any]) -> None:
    """The purchase was made, its answer cut, half-sent or never sent: the number is found by its label, not bought again."""
    await twilio.fault("buy", times=1, **trouble)
    carrier = twilio.accounts_with(replace(CALM, write=0.4)).carrier_for(MAIN)
    bought = await carrier.buy(WASHINGTON, label=LABEL)
    assert (bought.label, await twilio.sold(), await twilio.seen("buy")) == (LABEL, [WASHINGTON], 1)
    assert await carrier.buy(WASHINGTON, label=LABEL) == bought
    assert await twilio.seen("buy") == 1


async def test_a_purchase_made_after_its_answer_was_lost_is_found_by_a_later_look(twilio: Twilio) -> None:
    """Not to be seen at the first look is not "not bought"."""
    await twilio.do("late_commit", delay_ms=120)
    bought = await twilio.carrier.buy(WASHINGTON, label=LABEL)
    assert (bought.label, await twilio.sold(), await twilio.seen("buy")) == (LABEL, [WASHINGTON], 1)


@pytest.mark.parametrize(
    "trouble", [{"kind": "cut"}, {"kind": "status", "status": 500}, {"kind": "delay", "delay_ms": 1_200}]
)
async def test_a_purchase_that_can_not_be_known_is_unconfirmed_and_can_be_tried_again(
    twilio: Twilio, trouble: dict[str, Any]
) -> None:
    """Neither done nor refused; sent once; and the same call later buys exactly one."""
    await twilio.fault("buy", times=1, **trouble)
    with pytest.raises(errors.PurchaseUnconfirmed, match="not known") as caught:
        await twilio.hasty.buy(WASHINGTON, label=LABEL)
    assert caught.value.retryable
    assert await twilio.seen("buy") == 1
    bought = await twilio.carrier.buy(WASHINGTON, label=LABEL)
    assert (bought.label, await twilio.sold()) == (LABEL, [WASHINGTON])


async def test_a_number_taken_by_our_own_late_purchase_is_adopted(twilio: Twilio) -> None:
    """A lost purchase takes effect between this one's look and its request: refused as taken, and it is ours."""
    await twilio.fault("buy", "delay", delay_ms=400)
    buying = asyncio.create_task(twilio.carrier.buy(WASHINGTON, label=LABEL))
    async with asyncio.timeout(5):
        while not await twilio.seen("buy"):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.01)
    sid = (await twilio.do("numbers", e164=WASHINGTON, label=LABEL))["sid"]
    assert (await buying).number_sid == sid
    assert await twilio.sold() == []


async def test_a_number_that_is_taken_while_we_can_not_look_is_unconfirmed(twilio: Twilio) -> None:
    """Refused as taken, and no telling by whom: perhaps by us."""
    await twilio.do("take", e164=WASHINGTON)
    await twilio.fault("list_numbers", "status", status=503, skip=1, times=None)
    with pytest.raises(errors.PurchaseUnconfirmed, match="perhaps by our own"):
        await twilio.carrier.buy(WASHINGTON, label=LABEL)


async def test_two_purchases_of_one_number_at_once_buy_one(twilio: Twilio) -> None:
    """Both callers get the same number, paid for once."""
    both = await asyncio.gather(*(twilio.carrier.buy(WASHINGTON, label=LABEL) for _ in range(2)))
    assert both[0] == both[1]
    assert await twilio.sold() == [WASHINGTON]


@pytest.mark.parametrize("fault", ["lost_answer", "cut"])
async def test_every_other_write_survives_a_lost_answer(twilio: Twilio, fault: str) -> None:
    """Made and lost: found. Not made and lost: unconfirmed, and the same call again does it."""

    async def through(operation: str, call: Callable[[Carrier], Awaitable[Any]], *, times: int = 1) -> Any:
        await twilio.fault(operation, fault, times=times if fault == "cut" else 1)
        if fault == "cut":
            with pytest.raises(errors.CarrierUnconfirmed):
                await call(twilio.hasty)
        done = await call(twilio.carrier)
        rules = (await twilio.control.get("/_ctl/faults")).json()["rules"]
        assert all(rule["applied"] == rule["times"] for rule in rules), operation
        return done

    def trunk(label: str) -> Callable[[Carrier], Awaitable[SipTrunk]]:
        return lambda carrier: carrier.ensure_trunk(label=label, sip_uri=SIP_URI, domain_hint=label)

    carrier = twilio.carrier
    sub = await through("open_subaccount", lambda carrier: carrier.open_subaccount("ava:tenant"))
    assert sub == await carrier.open_subaccount("ava:tenant")
    number = await carrier.buy(WASHINGTON, label=LABEL)
    await through("open_trunk", trunk("ava-one"))
    made = await through("create_origination", trunk("ava-two"))
    assert [len(held["origination"]) for held in (await twilio.state())["trunks"]] == [1, 1]
    assert (
        await through("update_number", lambda carrier: carrier.relabel(number.number_sid, "ava:x"))
    ).label == "ava:x"
    attached = await through("update_number", lambda carrier: carrier.attach(number.number_sid, made.trunk_sid))
    assert attached.trunk_sid == made.trunk_sid
    # twice: aiohttp itself sends a DELETE again where the connection went
    await through("detach", lambda carrier: carrier.detach(number.number_sid), times=2)
    assert await carrier.trunk_of(number.number_sid) is None
    await through("release", lambda carrier: carrier.release(number.number_sid), times=2)
    assert (await twilio.state())["numbers"] == []
    await carrier.release(number.number_sid)
    await carrier.detach(number.number_sid)


async def test_too_many_requests_are_waited_out(twilio: Twilio) -> None:
    """A 429 was not carried out: also a purchase is sent again, each pause longer, and one number is bought."""
    await twilio.fault("list_numbers", "status", status=429, times=2)
    await twilio.fault("buy", "status", status=429, times=3)
    bought = await twilio.carrier.buy(WASHINGTON, label=LABEL)
    assert (bought.label, await twilio.sold()) == (LABEL, [WASHINGTON])
    assert (await twilio.seen("buy"), await twilio.seen("list_numbers")) == (4, 3)


async def test_being_throttled_for_too_long_is_said_and_nothing_is_in_doubt(twilio: Twilio) -> None:
    """After its tries, or where Twilio asks for a longer pause than there is time: throttled, not unconfirmed."""
    await twilio.fault("buy", "status", status=429, times=None)
    with pytest.raises(errors.CarrierThrottled):
        await twilio.carrier.buy(WASHINGTON, label=LABEL)
    assert await twilio.seen("buy") == QUICK.attempts
    await twilio.fault("fetch_account", "status", status=429, headers={"Retry-After": "30"}, times=None)
    began = time.monotonic()
    with pytest.raises(errors.CarrierThrottled) as caught:
        await twilio.carrier.verify()
    assert caught.value.retry_after == 30
    assert time.monotonic() - began < CALM.read


async def test_pauses_grow_and_are_never_the_same() -> None:
    """Back-off doubles up to its limit, with jitter, so that many who were refused together do not come back together."""
    patience = Patience(first_pause=0.4, longest_pause=5.0)
    middles = [0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    for failures, middle in enumerate(middles, start=1):
        drawn = [patience.pause(failures) for _ in range(200)]
        assert all(middle * 0.5 <= pause <= middle * 1.5 for pause in drawn)
        assert len(set(drawn)) > 100


async def test_more_requests_than_twilio_takes_at_once_all_get_through(twilio: Twilio) -> None:
    """Twilio's limit is on concurrency; eight searches through a place for three."""
    await twilio.control.post("/_ctl/knobs", json={"max_concurrent": 3})
    await twilio.fault("search", "delay", delay_ms=5, times=None)
    patient = twilio.accounts_with(CALM, Patience(attempts=50, first_pause=0.01, longest_pause=0.03))
    found = await asyncio.gather(*(patient.carrier_for(MAIN).search(NumberQuery("US", limit=1)) for _ in range(8)))
    assert [offers[0].e164 for offers in found] == [WASHINGTON] * 8


async def test_a_slow_list_ends_at_its_deadline(twilio: Twilio) -> None:
    """The client itself would wait for ever; one deadline holds for all pages and repeats."""
    for n in range(7):
        await twilio.do("numbers", e164=f"+1202555015{n}")
    await twilio.fault("list_numbers", "delay", delay_ms=1_200, skip=1)
    began = time.monotonic()
    with pytest.raises(errors.CarrierUnavailable, match="listing numbers"):
        await twilio.hasty.list_numbers()
    assert HASTE.listing <= time.monotonic() - began < 1.2


async def test_a_list_is_read_to_its_end(twilio: Twilio) -> None:
    """Three to a page here: ten numbers, five trunks and a broken page in between; filters stay on every page."""
    for n in range(10):
        await twilio.do("numbers", e164=f"+120255501{50 + n}", label="one label")
    await twilio.fault("list_numbers", "cut", skip=1, times=1)
    numbers = await twilio.carrier.list_numbers()
    assert sorted(n.e164 for n in numbers) == [f"+120255501{50 + n}" for n in range(10)]
    assert await twilio.seen("list_numbers") == 5
    for n in range(5):
        await twilio.carrier.ensure_trunk(label=f"ava:{n}", sip_uri=SIP_URI, domain_hint=f"ava-{n}")
    again = await twilio.carrier.ensure_trunk(label="ava:4", sip_uri=SIP_URI, domain_hint="ava-4")
    assert (again.label, len((await twilio.state())["trunks"])) == ("ava:4", 5)
    assert (found := await twilio.carrier.find_number("+12025550159")) is not None
    assert found.e164 == "+12025550159"
    assert await twilio.carrier.find_number("+120255501") is None  # Twilio's own filter finds ten


@pytest.mark.parametrize(
    "trouble",
    [{"kind": "cut"}, {"kind": "cut", "cut_after": 20}, {"kind": "status", "status": 502, "body": "<html>"}],
)
async def test_a_read_is_tried_again_and_then_said_to_be_unavailable(twilio: Twilio, trouble: dict[str, Any]) -> None:
    """Cut and failing answers are repeated; when they go on it is unavailable, never "there are none"."""
    await twilio.fault("list_numbers", times=2, **trouble)
    assert await twilio.carrier.list_numbers() == []
    await twilio.fault("list_numbers", times=None, **trouble)
    with pytest.raises(errors.CarrierUnavailable) as caught:
        await twilio.carrier.list_numbers()
    assert caught.value.retryable


@asynccontextmanager
async def _answering(answer: Response) -> AsyncGenerator[Carrier]:
    """A carrier whose Twilio says the same to everything."""

    async def always(request: Request) -> Response:
        return answer

    app = Starlette(routes=[Route("/{path:path}", always, methods=["GET", "POST", "DELETE"])])
    async with serve(app) as url:
        async with open_twilio_accounts(hosts=hosts_at(url), deadlines=CALM, patience=QUICK) as accounts:
            yield accounts.carrier_for(MAIN)


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<html>a portal</html>"),
        JSONResponse(["no object"]),
        JSONResponse({}),
        JSONResponse({"incoming_phone_numbers": [{"sid": "PN1"}]}),
        JSONResponse({"incoming_phone_numbers": [{"sid": "PN1"}]}, status_code=202),
        RedirectResponse("http://127.0.0.1:9/"),
    ],
)
async def test_an_answer_that_is_not_twilios_is_unavailable_and_quoted_nowhere(answer: Response) -> None:
    """A portal's page, another shape, a redirect: nothing is made of it."""
    async with _answering(answer) as carrier:
        with pytest.raises(errors.CarrierUnavailable) as caught:
            await carrier.list_numbers()
        assert "PN1" not in "".join(traceback.format_exception(caught.value))


async def test_nobody_there_is_unavailable_and_nothing_is_in_doubt(twilio: Twilio) -> None:
    """A connection that is never made is certain: also for a write."""
    hosts = TwilioHosts(api="http://127.0.0.1:9", trunking=twilio.url, numbers=twilio.url, pricing=twilio.url)
    async with open_twilio_accounts(hosts=hosts, deadlines=CALM, patience=QUICK) as accounts:
        carrier = accounts.carrier_for(MAIN)
        with pytest.raises(errors.CarrierUnavailable):
            await carrier.verify()
        with pytest.raises(errors.CarrierUnavailable):
            await carrier.relabel("PN" + "1" * 32, "ava:x")


async def test_the_password_goes_to_no_other_address() -> None:
    """A link in an answer that leads elsewhere is not followed."""
    elsewhere: dict[str, Any] = {
        "trunks": [],
        "meta": {"key": "trunks", "next_page_url": "http://127.0.0.1:9/v1/Trunks?Page=1"},
    }
    async with _answering(JSONResponse(elsewhere)) as carrier:
        with pytest.raises(errors.CarrierUnavailable, match="leads elsewhere"):
            await carrier.ensure_trunk(label="ava:t", sip_uri=SIP_URI, domain_hint="ava-t")
    with pytest.raises(ValueError, match="https"):
        TwilioHosts(api="ftp://example.com")
    regional = TwilioHosts(api="https://api.dublin.ie1.twilio.com/")
    assert regional.place("https://api.twilio.com/2010-04-01/x") == "https://api.dublin.ie1.twilio.com/2010-04-01/x"
