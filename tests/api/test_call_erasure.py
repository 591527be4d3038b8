"""Forgetting: one call, one caller, what is too old; completely, and whatever arrives afterwards."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import pytest_asyncio

from contracts.call import BookingState, CallClosing, CallOutcome, InboundCall
from contracts.ids import call_id_for
from control_api.calls.service import CallService
from store.spool import Journal, pending
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.recorded_calls import Line, Person, cost, now, open_line, places_of, said, some_number


@pytest_asyncio.fixture(loop_scope="session")
async def line(plane: ControlPlane, owner: Client) -> AsyncIterator[Line]:
    async with open_line(plane, owner) as opened:
        yield opened


def left_of(line: Line) -> dict[str, set[str]]:
    """Of the caller, in the whole database: which trace, in which tables."""
    return places_of(line.database, *line.who.traces)


def past_the_api(client: Client, line: Line) -> httpx.AsyncClient:
    """PostgREST with the client's own token, as a page in their browser could ask it."""
    headers = {"apikey": line.database.anon_key, "authorization": f"Bearer {client.token}"}
    return httpx.AsyncClient(base_url=f"{line.database.url}/rest/v1/", headers=headers, trust_env=False)


async def told(line: Line, at: datetime, who: Person | None = None) -> UUID:
    """A call in which the caller left everything there is room for."""
    who = who or line.who
    call_id = await line.call(
        at,
        CallOutcome.BOOKED,
        who.everything(at),
        caller=who.number,
        summary=f"book: checkup for {who.name}",
        cost=cost("0.0123"),
    )
    await line.records(call_id)
    return call_id


async def erase(line: Line, how: str, caller: str | None = None) -> int:
    answer = await line.owner.post(f"/v1/callers/{how}", {"caller": caller or line.who.number})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["calls"])


def count(line: Line, table: str) -> int:
    return int(
        line.database.select(f"select count(*) as n from {table} where tenant_id = %s", line.owner.tenant_id)[0]["n"]
    )


class TestRedact:
    async def test_nothing_of_the_caller_is_left_anywhere(self, line: Line) -> None:
        """No column of any table holds the number, the name, the words, the address or the way to the recording; the call
        and its figures stay, and another caller's call is as it was."""
        call_id = await told(line, now() - timedelta(hours=2))
        untouched = await line.call(now(), events=[said("Autre chose.", now())], caller=some_number())
        before = (await line.owner.get(f"/v1/calls/{untouched}")).json()
        assert set(left_of(line)) == set(line.who.traces)
        assert await erase(line, "redact") == 1
        assert left_of(line) == {}
        call = (await line.owner.get(f"/v1/calls/{call_id}")).json()
        assert call["redacted_at"] is not None
        kept = (call["caller"], call["outcome"], call["duration_seconds"], call["turns"], call["tool_calls"])
        assert kept == (None, "booked", 60.0, 1, 1)
        assert (call["booked"], call["message_left"], call["cost_total"], call["has_recording"]) == (
            True,
            True,
            "0.0123",
            False,
        )
        assert [turn["text"] for turn in call["transcript"]] == ["", "", ""]
        assert call["transcript"][2]["latency"]["total"] == 640.0
        assert (await line.owner.get(f"/v1/calls/{untouched}")).json() == before
        events = (await line.owner.get(f"/v1/calls/{call_id}/events")).json()["items"]
        assert all("body" not in event for event in events), "a redacted event is still one of its kind"

    async def test_doing_it_twice_is_doing_it_once(self, line: Line) -> None:
        """The second time there is nothing to do."""
        await told(line, now() - timedelta(hours=2))
        assert [await erase(line, "redact"), await erase(line, "redact")] == [1, 0]

    async def test_where_the_number_was_left(self, line: Line) -> None:
        """Withheld, or from another number: a call in which it was left to call back or to book under is this caller's."""
        at = now() - timedelta(hours=1)
        await line.call(at, events=[line.who.leaves(at)], caller=None)
        await line.call(at, events=[line.who.books(at)], caller=some_number())
        other = some_number()
        await line.call(at, events=[said("rien", at)], caller=other)
        assert await erase(line, "redact") == 2
        assert left_of(line) == {}
        kept = [item["caller"] for item in (await line.owner.get("/v1/calls")).json()["items"]]
        assert sorted(kept, key=str) == [other, None, None]

    async def test_what_arrives_later_arrives_anonymous(self, line: Line) -> None:
        """The worker had the rest of the call on its disk: events, closing and a second wording of the message."""
        at = now() - timedelta(minutes=5)
        call_id = await line.begin(at)
        first = line.who.leaves(at)
        await line.store.append_events(call_id, [said(f"Ici {line.who.name}.", at), first])
        assert await erase(line, "redact") == 1
        events = line.who.everything(at)
        reworded = line.who.leaves(at + timedelta(minutes=1), message_id=first.message_id)
        assert await line.store.append_events(call_id, [*events, reworded]) == len(events) + 1
        await line.end(call_id, now(), CallOutcome.BOOKED, summary=f"book for {line.who.name}")
        assert left_of(line) == {}
        call = (await line.owner.get(f"/v1/calls/{call_id}")).json()
        assert (call["outcome"], call["booked"], call["turns"], call["summary"]) == ("booked", True, 2, "")

    async def test_a_kind_of_event_that_is_not_known_here(self, line: Line) -> None:
        """A newer worker's event, or a new field of a known one: what is not known to be harmless goes."""
        call_id = await line.begin(now() - timedelta(minutes=1))
        insert = (
            "insert into call_events (event_id, call_id, tenant_id, at, kind, body)"
            " values (%s, %s, %s, now(), %s, jsonb_build_object('mood', %s::text, 'text', 'x')) returning 1"
        )
        for kind in ("caller_said", "smiled"):
            line.database.select(insert, uuid4(), call_id, line.owner.tenant_id, kind, line.who.words)
        await erase(line, "redact")
        for kind in ("caller_said", "smiled"):
            line.database.select(insert, uuid4(), call_id, line.owner.tenant_id, kind, line.who.words)
        assert left_of(line) == {}

    async def test_a_booking_in_doubt_is_still_settled(self, line: Line) -> None:
        """It loses its name at once, keeps what it is looked up by, and loses that when its end is known."""
        at = now() - timedelta(hours=1)
        doubt = line.who.books(at, BookingState.UNCONFIRMED, replaces_uid=f"{line.who.uid}-before")
        call_id = await line.call(at, events=[said(line.who.name, at), doubt])
        await erase(line, "redact")
        assert set(left_of(line)) == {line.who.uid}
        (found,) = [d for d in await line.store.open_doubts(older_than=now()) if d.call_id == call_id]
        assert (found.booking.booking_key, found.booking.calendar_uid, found.booking.attendee_name) == (
            doubt.booking_key,
            line.who.uid,
            "",
        )
        settled = found.booking.model_copy(update={"event_id": uuid4(), "at": now(), "state": BookingState.CONFIRMED})
        await line.store.append_events(call_id, [settled, line.who.leaves(now(), follow_up="booking_doubt")])
        assert left_of(line) == {}
        call = (await line.owner.get(f"/v1/calls/{call_id}")).json()
        assert [b["state"] for b in call["bookings"]] == ["confirmed"]

    async def test_a_doubt_that_arrives_later(self, line: Line) -> None:
        """Delivered after the redaction, in two parts, in either order: looked up, then forgotten."""
        at = now() - timedelta(hours=1)
        for order in (1, -1):
            call_id = await line.begin(at)
            await erase(line, "redact")
            key = uuid4().hex
            steps = [
                line.who.books(at, BookingState.INTENDED, booking_key=key),
                line.who.books(at + timedelta(seconds=1), BookingState.CONFIRMED, booking_key=key),
            ]
            for step in steps[::order]:
                await line.store.append_events(call_id, [step])
            assert left_of(line) == {}
            states = line.database.select("select state, calendar_uid from bookings where call_id = %s", call_id)
            assert states == [{"state": "confirmed", "calendar_uid": None}]

    async def test_more_calls_than_one_batch(self, line: Line) -> None:
        """All of them, however many."""
        line.add_many(1500, newest=now())
        caller = "+33600000007"
        assert await erase(line, "redact", caller) == 3
        line.database.select(
            "update calls set caller = %s where tenant_id = %s and redacted_at is null returning 1",
            line.who.number,
            line.owner.tenant_id,
        )
        assert await erase(line, "redact") == 1497
        assert places_of(line.database, line.who.number) == {}


class TestDelete:
    async def test_one_call(self, line: Line) -> None:
        """It is gone from every list and every table; a second time there is no such call."""
        call_id = await told(line, now() - timedelta(hours=5))
        kept = await told(line, now() - timedelta(hours=4))
        assert (await line.owner.http.delete(f"/v1/calls/{call_id}")).status_code == 204
        for path in ("", "/events"):
            assert (await line.owner.get(f"/v1/calls/{call_id}{path}")).status_code == 404
        assert (await line.owner.http.delete(f"/v1/calls/{call_id}")).status_code == 404
        listed = (await line.owner.get("/v1/calls")).json()["items"]
        assert [item["call_id"] for item in listed] == [str(kept)]
        assert (await line.owner.get("/v1/statistics")).json()["calls"] == 1
        counts = [count(line, table) for table in ("call_events", "bookings", "messages")]
        assert counts == [len(line.who.everything(now())), 1, 1]
        async with past_the_api(line.owner, line) as http:
            for table in ("calls", "call_summaries"):
                answer = await http.get(table, params={"select": "call_id", "tenant_id": f"eq.{line.owner.tenant_id}"})
                assert answer.json() == [{"call_id": str(kept)}]

    async def test_not_while_it_runs(self, line: Line) -> None:
        """What is said next must have a place; one that was never closed can be deleted later."""
        live, lost = await line.begin(now()), await line.begin(now() - timedelta(hours=4))
        answer = await line.owner.http.delete(f"/v1/calls/{live}")
        assert (answer.status_code, answer.json()["reason"]) == (409, "call_under_way")
        assert (await line.owner.http.delete(f"/v1/calls/{lost}")).status_code == 204

    async def test_one_caller(self, line: Line) -> None:
        """Every call, event, booking and message; others' stay; twice is once."""
        for hour in (5, 4):
            await told(line, now() - timedelta(hours=hour))
        kept = await line.call(now(), events=[said("Autre chose.", now())], caller=some_number())
        assert [await erase(line, "delete"), await erase(line, "delete")] == [2, 0]
        assert left_of(line) == {}
        assert [count(line, table) for table in ("call_events", "bookings", "messages")] == [1, 0, 0]
        listed = (await line.owner.get("/v1/calls")).json()["items"]
        assert [item["call_id"] for item in listed] == [str(kept)]

    @pytest.mark.parametrize("how", ["one call", "its caller"])
    async def test_a_late_delivery_brings_nothing_back(self, line: Line, tmp_path: Path, how: str) -> None:
        """The worker delivers the rest of a journal: it is told that all was taken, and removes its copy."""
        at = now() - timedelta(hours=4)
        sip = f"SCL_{uuid4().hex}"
        inbound = InboundCall(
            call_id=call_id_for(sip), sip_call_id=sip, dialed=line.number, caller=line.who.number, received_at=at
        )
        async with await Journal.create(tmp_path, inbound) as journal:
            for event in line.who.everything(at)[:4]:
                journal.append(event)
            await journal.deliver(line.store)
            if how == "one call":
                assert (await line.owner.http.delete(f"/v1/calls/{inbound.call_id}")).status_code == 204
            else:
                assert await erase(line, "delete") == 1
            for event in line.who.everything(at)[4:]:
                journal.append(event)
            closing = CallClosing(
                call_id=inbound.call_id,
                ended_at=now(),
                outcome=CallOutcome.BOOKED,
                ended_by="caller",
                summary=line.who.name,
            )
            await journal.close(closing)
            delivered = await journal.deliver(line.store)
        assert (delivered.complete, delivered.rejected, pending(tmp_path)) == (True, 0, [])
        again = await line.store.open_call(inbound)
        assert again.caller is None
        assert left_of(line) == {}
        assert [count(line, table) for table in ("call_events", "bookings", "messages")] == [0, 0, 0]
        assert (await line.owner.get("/v1/calls")).json()["items"] == []

    async def test_a_booking_in_doubt_is_settled_and_then_gone(self, line: Line) -> None:
        """Nothing of the person stays; what the calendar is asked by stays until it has answered."""
        at = now() - timedelta(hours=4)
        call_id = await line.call(at, events=[line.who.books(at, BookingState.INTENDED), line.who.books(at)])
        assert await erase(line, "delete") == 1
        assert set(left_of(line)) == {line.who.uid}
        (found,) = [d for d in await line.store.open_doubts(older_than=now()) if d.call_id == call_id]
        settled = found.booking.model_copy(update={"event_id": uuid4(), "at": now(), "state": BookingState.ABSENT})
        await line.store.append_events(call_id, [settled, line.who.leaves(now(), follow_up="booking_doubt")])
        assert left_of(line) == {}
        assert [count(line, table) for table in ("call_events", "bookings", "messages")] == [0, 0, 0]


class TestCallsThatArriveAfterwards:
    @pytest.mark.parametrize("how", ["redact", "delete"])
    async def test_one_that_began_before(self, line: Line, how: str) -> None:
        """It was answered while the database was away: nobody had heard of it when its caller was erased."""
        assert await erase(line, how) == 0
        at = now() - timedelta(days=2)
        await told(line, at)
        assert left_of(line) == {}
        listed = (await line.owner.get("/v1/calls")).json()["items"]
        assert [item["caller"] for item in listed] == ([None] if how == "redact" else [])

    async def test_one_that_begins_later(self, plane: ControlPlane, line: Line) -> None:
        """The caller rings again: that is another call, and it is recorded. So is one to another tenant."""
        await erase(line, "delete")
        again = await told(line, now() + timedelta(seconds=1))
        assert (await line.owner.get(f"/v1/calls/{again}")).json()["caller"] == line.who.number
        async with open_line(plane, await plane.owner()) as elsewhere:
            other = await told(elsewhere, now() - timedelta(days=2), line.who)
            assert (await elsewhere.owner.get(f"/v1/calls/{other}")).json()["caller"] == line.who.number

    async def test_deletion_weighs_more_than_redaction(self, line: Line) -> None:
        """Whichever was asked for first."""
        await erase(line, "delete")
        await erase(line, "redact")
        await told(line, now() - timedelta(days=1))
        assert (await line.owner.get("/v1/calls")).json()["items"] == []


class TestWhoMayErase:
    async def test_not_elsewhere(self, plane: ControlPlane, line: Line) -> None:
        """Another tenant's owner erases nothing here, and can't tell that there was anything."""
        call_id = await told(line, now() - timedelta(hours=4))
        stranger = await plane.owner()
        assert (await stranger.http.delete(f"/v1/calls/{call_id}")).status_code == 404
        for how in ("redact", "delete"):
            answer = await stranger.post(f"/v1/callers/{how}", {"caller": line.who.number})
            assert answer.json() == {"calls": 0}
        assert (await line.owner.get(f"/v1/calls/{call_id}")).json()["caller"] == line.who.number

    async def test_a_key_with_the_scope(self, plane: ControlPlane, line: Line) -> None:
        """An integrator's erasure requests run by machine."""
        await told(line, now() - timedelta(hours=4))
        machine = await plane.machine(line.owner, "calls:write")
        assert (await machine.post("/v1/callers/redact", {"caller": line.who.number})).json() == {"calls": 1}
        assert left_of(line) == {}

    async def test_past_the_api(self, plane: ControlPlane, line: Line) -> None:
        """The functions ask for the role themselves; purging is nobody's but the service's."""
        viewer = await plane.member(line.owner, "viewer")
        tenant = str(line.owner.tenant_id)
        refusals = (
            ("redact_caller_v1", {"p_tenant_id": tenant, "p_caller": line.who.number}, "AVA04"),
            ("delete_caller_v1", {"p_tenant_id": tenant, "p_caller": line.who.number}, "AVA04"),
            ("delete_call_v1", {"p_tenant_id": tenant, "p_call_id": str(uuid4())}, "AVA04"),
            ("delete_caller_v1", {"p_tenant_id": str(uuid4()), "p_caller": line.who.number}, "AVA03"),
            ("purge_expired_calls_v1", {}, "42501"),
            ("delete_calls_v1", {"p_call_ids": [str(uuid4())]}, "42501"),
        )
        async with past_the_api(viewer, line) as http:
            for function, body, code in refusals:
                assert (await http.post(f"rpc/{function}", json=body)).json()["code"] == code, function

    async def test_numbers_in_other_spellings(self, line: Line) -> None:
        """Refused in the body, with words and without the number."""
        for caller in ("0698989898", "+33", "x" * 5000, "", None, 33698989898):
            answer = await line.owner.post("/v1/callers/delete", {"caller": caller})
            assert answer.status_code == 422
            assert [problem["pointer"] for problem in answer.json()["errors"]] == ["/caller"]
            assert "98989898" not in answer.text


class TestRetention:
    async def test_only_what_is_too_old(self, plane: ControlPlane, line: Line) -> None:
        """Thirty days and a second is too old, a little less is not; without a retention nothing is; other tenants' stay."""
        month = timedelta(days=30)
        await told(line, now() - month - timedelta(seconds=1))
        await told(line, now() - 10 * month)
        young = await told(line, now() - month + timedelta(hours=6))
        service: CallService = plane.app.state.provided[CallService]
        assert await service.purge_expired() == 0
        keep_for(line, 30)
        async with open_line(plane, await plane.owner()) as elsewhere:
            old = await told(elsewhere, now() - 10 * month)
            assert await service.purge_expired() == 2
            assert (await elsewhere.owner.get(f"/v1/calls/{old}")).status_code == 200
        listed = (await line.owner.get("/v1/calls")).json()["items"]
        assert [item["call_id"] for item in listed] == [str(young)]
        tables = ("calls", "call_events", "bookings", "messages")
        assert [count(line, table) for table in tables] == [1, len(line.who.everything(now())), 1, 1]

    async def test_a_booking_in_doubt_keeps_its_call(self, plane: ControlPlane, line: Line) -> None:
        """Until it is settled; then the call goes with the others."""
        at = now() - timedelta(days=60)
        call_id = await line.call(at, events=[line.who.books(at, BookingState.UNCONFIRMED), line.who.leaves(at)])
        keep_for(line, 30)
        service: CallService = plane.app.state.provided[CallService]
        assert await service.purge_expired() == 0
        (found,) = [d for d in await line.store.open_doubts(older_than=now()) if d.call_id == call_id]
        settled = found.booking.model_copy(update={"event_id": uuid4(), "at": now(), "state": BookingState.CONFIRMED})
        await line.store.append_events(call_id, [settled])
        assert await service.purge_expired() == 1
        assert left_of(line) == {}

    async def test_many_processes_at_once(self, plane: ControlPlane, line: Line) -> None:
        """Every call goes once, in as many batches as it takes, and nobody waits for anybody."""
        line.add_many(700, newest=now() - timedelta(days=60))
        keep_for(line, 30)
        service: CallService = plane.app.state.provided[CallService]
        assert sum(await asyncio.gather(*(service.purge_expired() for _ in range(3)))) == 700
        assert count(line, "calls") == 0

    async def test_a_call_that_is_being_written_is_passed_over(self, plane: ControlPlane, line: Line) -> None:
        """A delivery holds its row: the purge does not wait for it, and takes the call the next time."""
        call_id = await told(line, now() - timedelta(days=60))
        await told(line, now() - timedelta(days=61))
        keep_for(line, 30)
        service: CallService = plane.app.state.provided[CallService]
        with psycopg.connect(line.database.postgres_url) as writing:
            writing.execute("select 1 from calls where call_id = %s for update", (call_id,))
            async with asyncio.timeout(5):
                assert await service.purge_expired() == 1
        assert await service.purge_expired() == 1

    async def test_what_is_remembered_of_erasures_goes_too(self, plane: ControlPlane, line: Line) -> None:
        """After 30 days nothing says that there was a call, or that somebody was erased."""
        await told(line, now() - timedelta(hours=4))
        await erase(line, "delete")
        service: CallService = plane.app.state.provided[CallService]
        assert await service.purge_expired() == 0
        assert (count(line, "calls"), count(line, "caller_erasures")) == (1, 1)
        with psycopg.connect(line.database.postgres_url) as owner:
            owner.execute("set session_replication_role = replica")  # time passes, triggers don't look
            for column, table in (("deleted_at", "calls"), ("requested_at", "caller_erasures")):
                statement = f"update {table} set {column} = now() - interval '31 days' where tenant_id = %s"
                owner.execute(statement.encode(), (line.owner.tenant_id,))
        assert await service.purge_expired() == 1
        assert (count(line, "calls"), count(line, "caller_erasures")) == (0, 0)


def keep_for(line: Line, days: int) -> None:
    line.database.select(
        "update tenants set retention_days = %s where tenant_id = %s returning 1", days, line.owner.tenant_id
    )
