"""Planning calls, taking them back, whom never to call; and each try, one at a time, as dispatcher and worker make it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from contracts.call import CallOutcome, InboundCall
from contracts.errors import AssistantPaused
from contracts.ids import call_id_for
from control_api.planned_calls.dispatcher import Dispatcher
from store.calls import open_store
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.planned_calls import Business, Dialing, let_lapse, make_due, open_business
from tests.fakes.recorded_calls import now, open_line, some_number

PARIS = ZoneInfo("Europe/Paris")


@pytest_asyncio.fixture(loop_scope="session")
async def business(plane: ControlPlane, owner: Client) -> Business:
    return await open_business(plane, owner)


@pytest.fixture
def dialing(plane: ControlPlane) -> Dialing:
    return Dialing(plane)


async def ringing(business: Business, dialing: Dialing, **changes: Any) -> tuple[dict[str, Any], Any]:
    """A planned call whose telephone rings -> it, and the attempt."""
    planned = await business.plans_now(**changes)
    attempt = dialing.claim(planned)
    assert attempt is not None
    assert dialing.begin(planned, attempt) == "ring"
    return planned, attempt


def call_of(planned: dict[str, Any], number: str) -> InboundCall:
    """They have picked up."""
    sip = f"SCL_{uuid4().hex}"
    return InboundCall(
        call_id=call_id_for(sip),
        sip_call_id=sip,
        dialed=number,
        caller=planned["to"],
        received_at=now(),
        planned_call_id=planned["planned_call_id"],
    )


class TestPlanning:
    async def test_is_due_in_calling_hours_where_the_person_is(self, business: Business) -> None:
        """As soon as they allow, whatever the time of day of this test; and it can be read where Location says."""
        answer = await business.asks()
        assert answer.status_code == 201
        planned = answer.json()
        due = datetime.fromisoformat(planned["due_at"]).astimezone(PARIS)
        assert 9 <= due.hour < 20
        assert due.weekday() != 6
        assert datetime.now(UTC) - timedelta(seconds=30) < due < datetime.now(UTC) + timedelta(days=5)
        assert (planned["state"], planned["consent"], planned["attempts"]) == ("planned", "stated", 0)
        assert (await business.owner.get(answer.headers["location"])).json() == planned

    async def test_the_same_request_plans_one_call(self, business: Business) -> None:
        """Sent again with its key, also when the first answer was lost before it was kept."""
        wish, key = business.wish(), {"idempotency-key": str(uuid4())}
        first = await business.owner.made("/v1/calls", wish, headers=key)
        business.plane.database.select(
            "delete from idempotency_keys where key = %s returning 1", key["idempotency-key"]
        )
        again = await business.owner.made("/v1/calls", wish, headers=key)
        assert again == first
        listed = (await business.owner.get("/v1/planned-calls")).json()["items"]
        assert [one["planned_call_id"] for one in listed] == [first["planned_call_id"]]

    async def test_consent_has_to_be_stated(self, business: Business) -> None:
        """For a stranger, and for a reminder to somebody who only asked to be called back."""
        answer = await business.asks(consent=False)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/consent"]

    async def test_who_left_a_message_may_be_called_back(self, plane: ControlPlane, owner: Client) -> None:
        """Without more consent, by the message or by its number; a reminder is something else."""
        async with open_line(plane, owner) as line:
            await line.call(now(), events=[line.who.leaves(now())])
            wish = {"assistant_id": str(line.assistant_id), "about": "votre message"}
            [message] = (await owner.get("/v1/messages")).json()["items"]
            planned = await owner.made("/v1/calls", {**wish, "message_id": message["message_id"]})
            assert (planned["to"], planned["consent"]) == (line.who.number, "message_left")
            again = await owner.post("/v1/calls", {**wish, "message_id": message["message_id"]})
            assert (again.status_code, again.json()["reason"]) == (409, "already_planned")
            assert (await owner.made("/v1/calls", {**wish, "to": line.who.number}))["consent"] == "message_left"
            reminder = await owner.post("/v1/calls", {**wish, "to": line.who.number, "kind": "reminder"})
            assert reminder.status_code == 422

    async def test_what_can_not_be_placed_is_not_planned(self, plane: ControlPlane, business: Business) -> None:
        """No callee or two, a time that is over, an assistant without a number, one that is paused."""
        for changes in (
            {"to": None},
            {"message_id": str(uuid4())},
            {"not_after": "2026-01-01T00:00:00Z"},
            {"not_before": "2027-03-07T00:00:00+01:00", "not_after": "2027-03-07T23:00:00+01:00"},
        ):
            assert (await business.asks(**changes)).status_code == 422, changes
        path = f"/v1/assistants/{business.assistant_id}/status"
        await business.owner.http.put(path, json={"status": "paused"}, headers={"if-match": "*"})
        paused = await business.asks()
        assert (paused.status_code, paused.json()["reason"]) == (409, "assistant_not_live")
        await business.owner.http.put(path, json={"status": "active"}, headers={"if-match": "*"})
        plane.database.select("delete from phone_numbers where e164 = %s returning 1", business.number)
        unnumbered = await business.asks()
        assert (unnumbered.status_code, unnumbered.json()["reason"]) == (409, "assistant_has_no_number")

    async def test_lists_are_filtered_and_paged(self, business: Business) -> None:
        """Newest first, by state and by assistant."""
        made = [await business.plans() for _ in range(3)]
        await business.owner.post(f"/v1/planned-calls/{made[0]['planned_call_id']}/cancel")
        ids = [one["planned_call_id"] for one in reversed(made)]
        first = (await business.owner.get("/v1/planned-calls", params={"limit": 2})).json()
        rest = (
            await business.owner.get("/v1/planned-calls", params={"limit": 2, "cursor": first["next_cursor"]})
        ).json()
        assert [one["planned_call_id"] for one in [*first["items"], *rest["items"]]] == ids
        found = await business.owner.get("/v1/planned-calls", params={"state": ["cancelled", "done"]})
        assert [one["planned_call_id"] for one in found.json()["items"]] == [ids[-1]]
        other = await business.owner.get("/v1/planned-calls", params={"assistant_id": str(uuid4())})
        assert other.json()["items"] == []


class TestTakingBack:
    async def test_cancelled_it_never_rings(self, business: Business, dialing: Dialing) -> None:
        """Twice is once; an agent that is on its way already finds nothing to ring."""
        planned = await business.plans_now()
        attempt = dialing.claim(planned)
        assert attempt is not None
        path = f"/v1/planned-calls/{planned['planned_call_id']}/cancel"
        for _ in range(2):
            assert (await business.owner.post(path)).json()["state"] == "cancelled"
        assert dialing.begin(planned, attempt) == "not_yours"
        assert dialing.claim(planned) is None

    async def test_who_is_to_be_forgotten_is_not_rung(self, business: Business, dialing: Dialing) -> None:
        """Their plans are taken back and name nobody any more."""
        planned = await business.plans_now(name="Zoé Unforgettable")
        erased = await business.owner.post("/v1/callers/redact", {"caller": planned["to"]})
        assert erased.status_code == 200
        found = await business.reads(planned)
        assert (found["state"], found["to"], found["name"], found["about"]) == ("cancelled", None, "", "")
        assert dialing.claim(planned) is None

    async def test_plans_that_are_over_are_kept_as_long_as_calls(self, plane: ControlPlane, business: Business) -> None:
        """A tenant that keeps calls for 30 days keeps no older plan, and every one that is not over."""
        over, younger, waiting = [await business.plans() for _ in range(3)]
        for planned in (over, younger):
            await business.owner.post(f"/v1/planned-calls/{planned['planned_call_id']}/cancel")
        plane.database.select(
            "update tenants set retention_days = 30 where tenant_id = %s returning 1", business.owner.tenant_id
        )
        for planned in (over, waiting):
            plane.database.select(
                "update planned_calls set updated_at = now() - interval '31 days' where planned_call_id = %s returning 1",
                planned["planned_call_id"],
            )
        dispatcher: Dispatcher = plane.app.state.provided[Dispatcher]
        assert await dispatcher.purge_expired() >= 1
        listed = (await business.owner.get("/v1/planned-calls")).json()["items"]
        assert [one["planned_call_id"] for one in listed] == [waiting["planned_call_id"], younger["planned_call_id"]]


class TestTheDoNotCallList:
    async def test_takes_back_what_is_planned_and_refuses_more(self, business: Business) -> None:
        """From the moment it is added until it is removed; adding it twice is one entry."""
        planned = await business.plans()
        entry = await business.owner.made("/v1/do-not-call", {"number": planned["to"], "note": "a letter"})
        again = await business.owner.made("/v1/do-not-call", {"number": planned["to"]})
        assert again == entry
        found = await business.reads(planned)
        assert (found["state"], found["outcome"]) == ("refused", "do_not_call")
        refused = await business.asks(to=planned["to"])
        assert (refused.status_code, refused.json()["reason"]) == (409, "do_not_call")
        listed = await business.owner.get("/v1/do-not-call", params={"number": planned["to"]})
        assert [one["source"] for one in listed.json()["items"]] == ["added"]
        assert (await business.owner.http.delete(f"/v1/do-not-call/{entry['entry_id']}")).status_code == 204
        assert (await business.asks(to=planned["to"])).status_code == 201
        assert (await business.reads(planned))["state"] == "refused"

    async def test_is_asked_once_more_before_it_rings(self, business: Business, dialing: Dialing) -> None:
        """Somebody asks not to be called while an agent is on its way to call them."""
        planned = await business.plans_now()
        attempt = dialing.claim(planned)
        assert attempt is not None
        await business.owner.made("/v1/do-not-call", {"number": planned["to"]})
        assert dialing.begin(planned, attempt) == "not_yours"
        assert (await business.reads(planned))["state"] == "refused"

    async def test_is_kept_by_whoever_is_asked_in_a_call(self, plane: ControlPlane, owner: Client) -> None:
        """What a person says on the telephone is on the list, with the call in which they said it; and stays when the call is
        erased."""
        async with open_line(plane, owner) as line:
            call_id = await line.call(now())
            dialing = Dialing(plane)
            for _ in range(2):
                dialing.call("stop_calling_v1", call_id, owner.tenant_id, line.who.number)
            await owner.post("/v1/callers/delete", {"caller": line.who.number})
            [entry] = (await owner.get("/v1/do-not-call")).json()["items"]
            assert (entry["number"], entry["source"], entry["call_id"]) == (line.who.number, "asked", str(call_id))

    async def test_is_of_one_tenant(self, plane: ControlPlane, business: Business) -> None:
        """Another business may call who wants nothing more of this one."""
        number = some_number("+336")
        await business.owner.made("/v1/do-not-call", {"number": number})
        other = await open_business(plane, await plane.owner())
        assert (await other.asks(to=number)).status_code == 201


class TestATry:
    async def test_is_in_one_hand(self, business: Business, dialing: Dialing) -> None:
        """Nobody is rung by two at once: not for one plan, not for two plans to one person."""
        planned = await business.plans_now()
        second = await business.plans_now(to=planned["to"])
        attempts = [dialing.claim(one) for one in (planned, second, planned)]
        assert sum(attempt is not None for attempt in attempts) == 1
        assert attempts[0] is not None
        assert dialing.begin(planned, uuid4()) == "not_yours"
        worker = uuid4()
        assert [dialing.begin(planned, attempts[0], worker=worker) for _ in range(2)] == ["ring", "ring"]
        assert dialing.begin(planned, attempts[0]) == "not_yours"
        assert (await business.reads(planned))["attempts"] == 1

    async def test_that_many_at_once_and_no_more(self, business: Business, dialing: Dialing) -> None:
        """A morning's reminders don't take all places from those who ring."""
        planned, _ = await ringing(business, dialing)
        await business.plans_now()
        assert dialing.call("claim_planned_call_v1", uuid4(), 45, 1) is None
        assert (await business.reads(planned))["state"] == "dialing"

    async def test_whose_agent_died_before_it_rang_is_made_again(self, business: Business, dialing: Dialing) -> None:
        """By another; the first, come back from wherever it was, rings nobody. Neither counts as a try."""
        planned = await business.plans_now()
        first = dialing.claim(planned)
        assert first is not None
        let_lapse(business.plane, planned)
        second = dialing.claim(planned)
        assert second is not None
        assert dialing.begin(planned, first) == "not_yours"
        assert dialing.begin(planned, second) == "ring"
        assert (await business.reads(planned))["attempts"] == 1

    async def test_whose_agent_died_while_it_rang_is_never_made_again(
        self, business: Business, dialing: Dialing
    ) -> None:
        """They may have been spoken to: its end is unknown, and there is no other try, however many were planned."""
        planned, attempt = await ringing(business, dialing)
        let_lapse(business.plane, planned)
        for _ in range(3):
            make_due(business.plane, planned)
            assert dialing.claim(planned) is None
        found = await business.reads(planned)
        assert (found["state"], found["outcome"], found["attempts"]) == ("given_up", "unknown", 1)
        assert dialing.end(planned, attempt, "busy", 486) == "given_up"
        found = await business.reads(planned)
        assert (found["outcome"], [one["outcome"] for one in found["tries"]]) == ("busy", ["busy"])
        assert dialing.claim(planned) is None

    async def test_that_found_nobody_is_made_again_later(self, business: Business, dialing: Dialing) -> None:
        """As the plan says, as often as it says; a report that is sent twice counts once."""
        retry = {"attempts": 2, "spacing_minutes": 30, "on": ["busy", "no_answer"]}
        planned, attempt = await ringing(business, dialing, retry=retry)
        assert [dialing.end(planned, attempt, "busy", 486) for _ in range(2)] == ["planned", "planned"]
        found = await business.reads(planned)
        wait = datetime.fromisoformat(found["due_at"]) - datetime.now(UTC)
        assert timedelta(minutes=29) < wait < timedelta(minutes=31)
        assert [(one["outcome"], one["sip_status"]) for one in found["tries"]] == [("busy", 486)]
        assert dialing.claim(planned) is None, "not yet"
        make_due(business.plane, planned)
        attempt = dialing.claim(planned)
        assert attempt is not None
        assert dialing.begin(planned, attempt) == "ring"
        assert dialing.end(planned, attempt, "no_answer", 480) == "given_up"
        assert (await business.reads(planned))["attempts"] == 2

    @pytest.mark.parametrize("outcome", ["declined", "failed", "machine"])
    async def test_that_is_not_to_be_repeated_is_the_last(
        self, business: Business, dialing: Dialing, outcome: str
    ) -> None:
        """Who declines a call is not rung again an hour later."""
        retry = {"attempts": 3, "spacing_minutes": 30, "on": ["busy", "no_answer"]}
        planned, attempt = await ringing(business, dialing, retry=retry)
        assert dialing.end(planned, attempt, outcome) == "given_up"

    async def test_that_is_too_late_is_given_up(self, business: Business, dialing: Dialing) -> None:
        """The business wanted nobody called after that."""
        planned = await business.plans_now()
        business.plane.database.select(
            "update planned_calls set not_after = now() where planned_call_id = %s returning 1",
            planned["planned_call_id"],
        )
        assert dialing.claim(planned) is None
        found = await business.reads(planned)
        assert (found["state"], found["outcome"]) == ("given_up", "too_late")

    async def test_that_was_answered_is_a_call_like_any_other(self, plane: ControlPlane, owner: Client) -> None:
        """On the same list, told apart by its direction; its end is the plan's."""
        async with open_line(plane, owner) as line:
            business = Business(plane, owner, str(line.assistant_id), line.number)
            dialing = Dialing(plane)
            planned, _ = await ringing(business, dialing)
            answered = call_of(planned, line.number)
            for _ in range(2):
                await line.store.open_call(answered)
            found = await business.reads(planned)
            assert (found["state"], found["call_id"]) == ("answered", str(answered.call_id))
            await line.end(answered.call_id, now(), CallOutcome.ANSWERED)
            found = await business.reads(planned)
            assert (found["state"], found["outcome"]) == ("done", "talked")
            [call] = (await owner.get("/v1/calls")).json()["items"]
            assert (call["direction"], call["planned_call_id"]) == ("outbound", planned["planned_call_id"])
            assert (call["dialed"], call["caller"]) == (line.number, planned["to"])
            await line.call(now())
            calls = (await owner.get("/v1/calls")).json()["items"]
            assert sorted(one["direction"] for one in calls) == ["inbound", "outbound"]
            rung = (await owner.get("/v1/calls", params={"direction": "outbound"})).json()["items"]
            assert [one["call_id"] for one in rung] == [str(answered.call_id)]

    async def test_whoever_said_nothing_was_called(self, plane: ControlPlane, owner: Client) -> None:
        """Done, and told apart from a talk."""
        async with open_line(plane, owner) as line:
            business, dialing = Business(plane, owner, str(line.assistant_id), line.number), Dialing(plane)
            planned, _ = await ringing(business, dialing)
            answered = call_of(planned, line.number)
            await line.store.open_call(answered)
            await line.end(answered.call_id, now(), CallOutcome.SILENT)
            found = await business.reads(planned)
            assert (found["state"], found["outcome"]) == ("done", "silent")

    @pytest.mark.parametrize("outcome", [CallOutcome.LOST, CallOutcome.FAILED])
    async def test_that_was_answered_and_lost_is_not_done(
        self, plane: ControlPlane, owner: Client, outcome: CallOutcome
    ) -> None:
        """They were not talked to, and are not rung again by themselves: the owner sees it."""
        async with open_line(plane, owner) as line:
            business, dialing = Business(plane, owner, str(line.assistant_id), line.number), Dialing(plane)
            planned, _ = await ringing(business, dialing)
            answered = call_of(planned, line.number)
            await line.store.open_call(answered)
            await line.end(answered.call_id, now(), outcome)
            found = await business.reads(planned)
            assert (found["state"], found["outcome"]) == ("given_up", "failed")

    async def test_is_taken_up_where_its_job_died(self, plane: ControlPlane, owner: Client) -> None:
        """By who asks for this very try: whom, why, and whether they have picked up; from the ringing to the end that was
        told, and nobody is rung for the asking."""
        async with open_line(plane, owner) as line:
            business, dialing = Business(plane, owner, str(line.assistant_id), line.number), Dialing(plane)
            waiting = await business.plans_now()
            attempt = dialing.claim(waiting)
            assert attempt is not None
            assert dialing.under_way(waiting, attempt) is None, "nothing has rung: the plan makes it again"
            assert dialing.begin(waiting, attempt) == "ring"
            found = dialing.under_way(waiting, attempt)
            assert (found["callee"], found["about"], found["answered"]) == (waiting["to"], waiting["about"], False)
            assert dialing.under_way(waiting, uuid4()) is None
            assert dialing.begin(waiting, attempt) == "not_yours"
            let_lapse(plane, waiting)
            dialing.call("settle_planned_calls_v1")
            assert dialing.under_way(waiting, attempt) is not None, "given up as unknown, and somebody may pick up yet"
            answered = call_of(waiting, line.number)
            await line.store.open_call(answered)
            assert dialing.under_way(waiting, attempt)["answered"]
            await line.end(answered.call_id, now(), CallOutcome.ANSWERED)
            assert dialing.under_way(waiting, attempt) is None

    async def test_that_was_taken_for_lost_and_went_on_is_done(self, plane: ControlPlane, owner: Client) -> None:
        """The machine of the job that died comes back, and closes the call that another goes on with: the plan ends as the
        call ends, once, and meanwhile it can still be taken up."""
        async with open_line(plane, owner) as line:
            business, dialing = Business(plane, owner, str(line.assistant_id), line.number), Dialing(plane)
            planned, attempt = await ringing(business, dialing)
            answered = call_of(planned, line.number)
            await line.store.open_call(answered)
            await line.end(answered.call_id, now(), CallOutcome.LOST)
            found = await business.reads(planned)
            assert (found["state"], found["outcome"]) == ("given_up", "failed")
            assert dialing.under_way(planned, attempt)["answered"]
            for _ in range(2):
                await line.end(answered.call_id, now(), CallOutcome.ANSWERED)
            found = await business.reads(planned)
            assert (found["state"], found["outcome"]) == ("done", "talked")
            assert [one["outcome"] for one in found["tries"]] == ["talked"]
            assert dialing.under_way(planned, attempt) is None

    async def test_that_nobody_may_speak_in_is_given_up(self, business: Business, dialing: Dialing) -> None:
        """The assistant was paused between ringing and answering."""
        planned, _ = await ringing(business, dialing)
        path = f"/v1/assistants/{business.assistant_id}/status"
        await business.owner.http.put(path, json={"status": "paused"}, headers={"if-match": "*"})
        answered = call_of(planned, business.number)
        store = await open_store(business.plane.database.url, business.plane.database.service_key)
        try:
            with pytest.raises(AssistantPaused):
                await store.open_call(answered)
        finally:
            await store.aclose()
        found = await business.reads(planned)
        assert (found["state"], found["outcome"]) == ("given_up", "failed")

    async def test_many_claims_at_once_are_one_each(self, plane: ControlPlane, business: Business) -> None:
        """Dispatchers of several processes share the work and repeat none of it."""
        planned = [await business.plans_now() for _ in range(4)]
        repository = Dialing(plane).repository
        claimed = await asyncio.gather(*(repository.claim(uuid4(), seconds=45, at_most=1000) for _ in range(8)))
        ours = {one["planned_call_id"] for one in planned}
        found = [row["planned_call_id"] for row in claimed if row is not None and row["planned_call_id"] in ours]
        assert len(found) == len(set(found))
        assert found
