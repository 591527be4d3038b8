"""A SIP telephone rings: what it hears, what the records say, what the calendar holds."""

import asyncio
import socket
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest

from demo.heard import checks_of
from demo.ring import CALLER, Rung, booking_plan, expect_plan, ringing
from sandbox.hearing import levels_of, likeness
from sandbox.softphone import NotAnswered, SoftPhone
from sandbox.two_way import RATE
from sandbox.voice import from_pcm, synthesise
from tests.fakes.real_line import AFTER_HOURS, SHORT_GREETING, Line

pytestmark = [pytest.mark.telephony, pytest.mark.asyncio(loop_scope="session")]

PARIS = ZoneInfo("Europe/Paris")
PICKED_UP_WITHIN = 6.0  # seconds; alone on two cores it is under one
GREETED_WITHIN = 3.0
ANSWERED_WITHIN_MS = 3_000
_SAME_DB = 7.0  # the same sentence differs by 1, by 6 with a hole of 0.2 s in it; others by 8 and more


async def record_of(line: Line, rung: Rung) -> dict[str, Any]:
    return await line.exchange.owner.call_of(dialed=rung.dialed, caller=rung.caller, after=rung.at)


async def asked(line: Line, operation: str) -> None:
    """Cal.com has begun to work on it."""
    async with asyncio.timeout(15):
        while True:
            rules = (await line.exchange.platform.control("calcom", "faults", method="GET"))["rules"]
            if any(rule["applied"] for rule in rules if rule["operation"] == operation):
                return
            await asyncio.sleep(0.05)


def assert_sounds_right(rung: Rung, *, turns: int) -> None:
    assert [f"{c.name}: {c.detail}" for c in checks_of(rung.phone.line, turns=turns) if not c.ok] == []


def sounds_like(rung: Rung, text: str) -> float:
    """By how many dB what was heard first differs from the voice's reading of the text."""
    wanted = levels_of(from_pcm(synthesise(text, "fr", rate_hz=RATE)), RATE)
    began = rung.phone.line.ava.stretches[0].began
    heard = levels_of(from_pcm(rung.phone.line.ava.part(began, began + 2.0)), RATE)
    return likeness(list(heard), wanted, awaited=0, tolerance=30).difference_db


async def test_a_caller_hears_the_greeting_books_and_says_goodbye(line: Line) -> None:
    """Sound in both directions, the record that an owner reads, and the calendar all tell of the same call."""
    plan = booking_plan(datetime.now(PARIS).date())
    await expect_plan(line.exchange, plan)
    before = {row["uid"] for row in await line.exchange.bookings()}
    async with ringing(line.exchange, line.number) as rung:
        await rung.talks(plan)
    phone = rung.phone
    assert phone.answered_at - phone.dialed_at < PICKED_UP_WITHIN
    assert phone.line.ava.stretches[0].began < GREETED_WITHIN
    assert sounds_like(rung, SHORT_GREETING) < _SAME_DB
    assert rung.unanswered == []
    assert_sounds_right(rung, turns=6)
    answers = [phone.line.answer_to(spoken) for spoken in phone.line.spoken]
    assert all(ms is not None and ms < ANSWERED_WITHIN_MS for ms in answers), answers

    call = await record_of(line, rung)
    assert (call["outcome"], call["ended_by"], call["booked"]) == ("booked", "assistant", True)
    assert [turn["speaker"] for turn in call["transcript"]][:2] == ["assistant", "caller"]
    assert [use["tool"] for use in call["tool_uses"]][-3:] == ["hold_slot", "book_slot", "end_call"]
    assert call["problems"] == []
    [booking] = call["bookings"]
    [kept] = [row for row in await line.exchange.bookings() if row["uid"] not in before]
    assert kept["uid"] == booking["calendar_uid"]
    assert (kept["status"], kept["attendees"][0]["name"]) == ("accepted", "Jean Dupont")
    assert datetime.fromisoformat(kept["start"]) == datetime.fromisoformat(booking["starts_at"])


async def test_two_calls_at_once_to_one_number(line: Line) -> None:
    """Each caller is answered on their own, and each call has its own record."""
    words = {"+33611111111": "fr-pay-card", "+33622222222": "fr-where"}
    await expect_plan(line.exchange, list(words.values()))

    async def one(caller: str) -> Rung:
        async with ringing(line.exchange, line.number, caller=caller) as rung:
            await rung.greeted()
            await rung.says(words[caller])
        return rung

    rungs = await asyncio.gather(*map(one, words))
    calls = await asyncio.gather(*(record_of(line, rung) for rung in rungs))
    for rung, call in zip(rungs, calls, strict=True):
        assert rung.unanswered == []
        assert_sounds_right(rung, turns=2)
        assert [turn["speaker"] for turn in call["transcript"]][:3] == ["assistant", "caller", "assistant"]
        assert (call["ended_by"], call["problems"]) == ("caller", [])
    assert calls[0]["call_id"] != calls[1]["call_id"]
    assert rungs[0].phone.answered_at < rungs[1].phone.closed_at, "they were on the line together"
    assert rungs[1].phone.answered_at < rungs[0].phone.closed_at, "they were on the line together"


async def test_a_caller_who_hangs_up_into_the_greeting(line: Line) -> None:
    """The record is closed as a call in which nobody spoke, and says who ended it; nothing stays behind in LiveKit."""
    async with ringing(line.exchange, line.number, caller="+33633333333") as rung:
        await rung.phone.until_speech()
        await rung.phone.hang_up()
    call = await record_of(line, rung)
    assert (call["outcome"], call["ended_by"], call["turns"]) == ("silent", "caller", 0)
    assert call["problems"] == []


async def test_a_caller_who_withholds_the_number(line: Line) -> None:
    """Is greeted as anybody, and is nobody in the record."""
    async with ringing(line.exchange, line.practice.numbers[1], caller=None) as rung:
        assert await rung.greeted()
    assert_sounds_right(rung, turns=1)
    call = await record_of(line, rung)
    assert call["caller"] is None
    assert call["assistant_id"] == line.practice.assistant_id


async def test_a_paused_assistant_and_an_unassigned_number_say_so(line: Line) -> None:
    """Both are answered with a sentence, then AVA hangs up; only the assistant has a record of it."""

    async def refused(number: str) -> Rung:
        async with ringing(line.exchange, number) as rung:
            await rung.phone.until_closed(20)
        return rung

    paused, unassigned = await asyncio.gather(refused(line.paused.numbers[0]), refused(line.unassigned))
    for rung in (paused, unassigned):
        spoken = sum(s.ended - s.began for s in rung.phone.line.ava.stretches)
        assert spoken > 2.0
        assert_sounds_right(rung, turns=1)
    call = await record_of(line, paused)
    assert (call["outcome"], call["refusal"]) == ("refused", "assistant_paused")
    listed = await line.exchange.owner.ask("GET", "/v1/calls", params={"limit": 100})
    assert line.unassigned not in {one["dialed"] for one in listed["items"]}


async def test_a_business_that_is_closed_says_so_and_hangs_up(line: Line) -> None:
    """Its notice is the whole call, and the call is on record."""
    async with ringing(line.exchange, line.closed.numbers[0]) as rung:
        await rung.phone.until_closed(20)
    assert sum(s.ended - s.began for s in rung.phone.line.ava.stretches) > 3.0
    assert_sounds_right(rung, turns=1)
    call = await record_of(line, rung)
    assert (call["outcome"], call["ended_by"]) == ("silent", "assistant")
    assert AFTER_HOURS["notice"] in call["transcript"][0]["text"]


async def test_a_caller_who_hangs_up_into_the_booking_write(line: Line) -> None:
    """The write is on its way when the line goes down: the calendar has it once, and the record says the same."""
    plan = booking_plan(datetime.now(PARIS).date())[:-1]
    await expect_plan(line.exchange, plan)
    before = {row["uid"] for row in await line.exchange.bookings()}
    slow = {"operation": "create_booking", "kind": "delay", "delay_ms": 2_500, "times": 1}
    async with ringing(line.exchange, line.number, caller="+33644444444") as rung:
        await rung.greeted()
        for utterance in plan[:-1]:
            await rung.says(utterance)
        await line.exchange.platform.control("calcom", "faults", [slow])
        await rung.phone.say(plan[-1])
        await asked(line, "create_booking")
        await rung.phone.hang_up()
    call = await record_of(line, rung)
    made = [row for row in await line.exchange.bookings() if row["uid"] not in before]
    assert (call["outcome"], call["ended_by"]) == ("booked", "caller")
    assert [(b["state"], b["calendar_uid"]) for b in call["bookings"]] == [("confirmed", made[0]["uid"])]
    assert len(made) == 1


async def test_a_number_that_leads_nowhere_is_not_answered(line: Line) -> None:
    """No trunk takes it: the carrier is told, and no room is opened."""
    async with SoftPhone(number=CALLER) as phone:
        with pytest.raises(NotAnswered):
            await phone.dial(line.exchange.line.address_of("+33478009999"), seconds=5)


async def test_nothing_listens_on_other_than_loopback(line: Line) -> None:
    """During a call, over every process of the house. Not asked of two kinds of UDP socket, which take no calls: RTP of
    livekit-sip, which can't be told where to bind, and WebRTC's own ends in the worker and in the stand-in of livekit-sip,
    which never use loopback. baresip's RTP is the telephone's."""
    async with ringing(line.exchange, line.number) as rung:
        await rung.greeted()
        servers = [*line.exchange.line.servers, line.exchange.worker]
        family = [p for s in servers for p in (psutil.Process(s.pid), *psutil.Process(s.pid).children(recursive=True))]
        listening = [
            (process.name(), c.laddr.ip)
            for process in (*family, psutil.Process())
            for c in process.net_connections(kind="inet")
            if c.status == psutil.CONN_LISTEN
        ]
        signalling = [
            c.laddr.ip
            for c in psutil.Process(line.exchange.line.sip.pid).net_connections(kind="udp")
            if c.laddr.port == line.exchange.line.sip_port and c.type == socket.SOCK_DGRAM
        ]
    assert listening
    assert [where for where in listening if where[1] not in ("127.0.0.1", "::1")] == []
    assert signalling == ["127.0.0.1"]
