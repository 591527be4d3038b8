"""The switchboard counts, delays and breaks answers exactly as its rules say (in process: no socket)."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import ConnectionDropped, FaultRule, Switchboard, break_stream


class Shop:
    """The smallest stand-in: one operation that does countable work."""

    def __init__(self) -> None:
        self.sold = 0
        self.switchboard = Switchboard(operations=("sell",))
        self.switchboard.on_reset(self._empty)
        sell = self.switchboard.guard("sell", self._sell, error_body=lambda status: {"code": status})
        self.app = Starlette(routes=[Route("/sell", sell, methods=["POST"]), *self.switchboard.routes()])

    def _empty(self) -> None:
        self.sold = 0

    async def _sell(self, request: Request) -> Response:
        self.sold += 1
        return JSONResponse({"sold": self.sold})

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://shop")


async def test_skip_and_times_choose_which_requests_fail() -> None:
    shop = Shop()
    async with shop.client() as client:
        rule = {
            "operation": "sell",
            "kind": "status",
            "status": 429,
            "skip": 1,
            "times": 2,
            "headers": {"retry-after": "3"},
        }
        assert (await client.post("/_ctl/faults", json=[rule])).status_code == 200
        answers = [await client.post("/sell") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 429, 429, 200]
    assert answers[1].json() == {"code": 429}
    assert answers[1].headers["retry-after"] == "3"
    assert shop.sold == 2


async def test_lost_answer_does_the_work_and_answers_nothing() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.post("/_ctl/faults", json=[{"kind": "lost_answer"}])
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/sell")
        assert (await client.post("/sell")).json() == {"sold": 2}


async def test_cut_before_the_answer_does_no_work() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.post("/_ctl/faults", json=[{"operation": "sell", "kind": "cut"}])
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/sell")
    assert shop.sold == 0


async def test_a_rule_for_an_unknown_operation_is_refused() -> None:
    shop = Shop()
    async with shop.client() as client:
        refused = await client.post("/_ctl/faults", json=[{"operation": "sel", "kind": "delay", "delay_ms": 5}])
        malformed = await client.post("/_ctl/faults", json=[{"operation": "sell", "kind": "explode"}])
        rules = (await client.get("/_ctl/faults")).json()["rules"]
    assert refused.status_code == 400
    assert "sell" in refused.json()["error"]
    assert malformed.status_code == 400
    assert rules == []


async def test_log_and_reset() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.post("/_ctl/faults", json=[{"kind": "status", "times": None}])
        await client.post("/sell")
        entries = (await client.get("/_ctl/log", params={"operation": "sell"})).json()["entries"]
        assert [(e["operation"], e["fault"]) for e in entries] == [("sell", "status")]
        await client.post("/_ctl/reset")
        assert (await client.get("/_ctl/log")).json()["entries"] == []
        assert (await client.post("/sell")).json() == {"sold": 1}


async def test_a_stream_is_cut_after_the_number_of_events_asked_for() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(10):
            yield number

    broken = break_stream(FaultRule(kind="cut", cut_after=3), numbers(), {"type": "http"})
    assert [await anext(broken) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ConnectionDropped):
        await anext(broken)
    whole = [n async for n in break_stream(None, numbers(), {"type": "http"})]
    assert whole == list(range(10))


async def test_skip_counts_requests_that_another_rule_took() -> None:
    shop = Shop()
    async with shop.client() as client:
        first = {"operation": "sell", "kind": "status", "status": 429}
        second = {"operation": "sell", "kind": "status", "status": 503, "skip": 1}
        await client.post("/_ctl/faults", json=[first, second])
        answers = [(await client.post("/sell")).status_code for _ in range(3)]
    assert answers == [429, 503, 200]


async def test_knobs_are_set_by_name_and_go_back_on_reset() -> None:
    switchboard = Switchboard(operations=(), knobs={"ttft_ms": 200})
    transport = httpx.ASGITransport(app=Starlette(routes=switchboard.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        assert (await client.post("/_ctl/knobs", json={"ttft_ms": 5})).json() == {"ttft_ms": 5}
        assert (await client.post("/_ctl/knobs", json={"tfft_ms": 5})).status_code == 400
        assert (await client.post("/_ctl/knobs", json={"ttft_ms": -1})).status_code == 400
        assert switchboard.knobs == {"ttft_ms": 5}
        await client.post("/_ctl/reset")
        assert (await client.get("/_ctl/knobs")).json() == {"ttft_ms": 200}
