"""One suite for both stores: the in-memory twin, and Supabase's client against real PostgREST and Postgres."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from agent.lastknown import LastKnownGood
from agent.resolve import resolve
from contracts.assistant import AssistantConfig
from contracts.calendar import CalComConnection
from contracts.call import (
    AssistantSaid,
    BookingState,
    CallClosing,
    CallContext,
    CallerSaid,
    CallEvent,
    CallOutcome,
    InboundCall,
    MessageTaken,
    ProblemSeen,
    RanOn,
    SpeechHeld,
    ToolCalled,
    TransferRequested,
    TurnLatency,
)
from contracts.errors import AssistantPaused, ConfigUnreadable, NumberUnknown, StoreUnavailable
from contracts.ids import call_id_for
from contracts.ports import CallStore, OpenDoubt
from store.errors import CallNotOpen
from store.spool import Journal, pending, sweep
from tests.fakes.store_bench import NOON, NUMBER, Bench, closing, inbound, step

OTHER, PERSON = "+33142000002", "+33142007777"


async def test_open_gives_the_snapshot(bench: Bench, config: AssistantConfig) -> None:
    """What the call runs on comes whole from the store: config, version, calendar, and the call's own facts."""
    calendar = CalComConnection.model_validate({"base_url": "https://api.cal.eu", "event_types": {"checkup": 7}})
    assistant_id = bench.behind.seed(config, calendar=calendar)
    context = await bench.store.open_call(inbound())
    assert (context.assistant_id, context.version, context.config, context.calendar) == (
        assistant_id,
        1,
        config,
        calendar,
    )
    assert (context.call_id, context.dialed, context.caller) == (call_id_for("SCL_one"), NUMBER, "+33611111111")
    assert (context.started_at, context.source) == (NOON, "database")


async def test_second_open_keeps_the_version_of_the_first(bench: Bench, config: AssistantConfig) -> None:
    """A publish between two openings of one call does not change the snapshot; the next call gets it."""
    assistant_id = bench.behind.seed(config)
    first = await bench.store.open_call(inbound())
    changed = config.model_copy(update={"greeting": "Bonjour !"})
    assert bench.behind.publish(assistant_id, changed) == 2
    again = await bench.store.open_call(inbound())
    assert again == first
    other = await bench.store.open_call(inbound("SCL_two"))
    assert (other.version, other.config.greeting) == (2, "Bonjour !")


async def test_twenty_openings_at_once_make_one_call(bench: Bench, config: AssistantConfig) -> None:
    """Two workers that pick up one call write one row."""
    bench.behind.seed(config)
    contexts = await asyncio.gather(*(bench.store.open_call(inbound()) for _ in range(20)))
    assert len({context.call_id for context in contexts}) == 1
    assert len(bench.behind.calls()) == 1


async def test_withheld_caller(bench: Bench, config: AssistantConfig) -> None:
    """No number shown is a caller like any other."""
    bench.behind.seed(config)
    assert (await bench.store.open_call(inbound(caller=None))).caller is None


async def test_unknown_number_leaves_no_row(bench: Bench, config: AssistantConfig) -> None:
    """A number nobody owns belongs to no tenant: there is nobody to record it for."""
    bench.behind.seed(config)
    with pytest.raises(NumberUnknown):
        await bench.store.open_call(inbound(dialed="+33142009999"))
    assert bench.behind.calls() == []


async def test_paused_assistant_leaves_a_refused_row(bench: Bench, config: AssistantConfig) -> None:
    """The owner sees that somebody called; opening again says the same."""
    assistant_id = bench.behind.seed(config)
    bench.behind.pause(assistant_id)
    for _ in range(2):
        with pytest.raises(AssistantPaused):
            await bench.store.open_call(inbound())
    assert bench.behind.calls() == [(call_id_for("SCL_one"), 1, "refused")]


class TestWithoutCredit:
    """A call that comes in while its tenant is out of credit; which that is is settled when it is first opened."""

    async def test_it_is_told_with_where_to_put_the_caller(self, bench: Bench, config: AssistantConfig) -> None:
        """Whatever the assistant's way of transferring is; again when it is opened again. The row is under way, and its
        closing has the last word."""
        transfer = config.transfer.model_copy(update={"mode": "warm", "number": PERSON})
        assistant_id = bench.behind.seed(config.model_copy(update={"transfer": transfer}))
        bench.behind.set_credit(assistant_id, out_since=NOON)
        for _ in range(2):
            context = await bench.store.open_call(inbound())
            assert (context.without_credit, context.transfer_to, context.source) == (True, PERSON, "database")
        assert bench.behind.ran(context.call_id)[3:] == (None, "no_credit")
        await bench.store.close_call(closing(context.call_id, CallOutcome.REFUSED))
        assert bench.behind.ran(context.call_id)[3:] == ("refused", "no_credit")

    @pytest.mark.parametrize(
        ("mode", "number", "caller"),
        [
            ("off", None, "+33611111111"),
            ("off", PERSON, "+33611111111"),
            ("cold", NUMBER, "+33611111111"),
            ("cold", OTHER, "+33611111111"),
            ("cold", PERSON, PERSON),
        ],
        ids=["no number", "switched off", "the number dialled", "another number of AVA's", "who rings"],
    )
    async def test_nowhere_to_put_the_caller(
        self, bench: Bench, config: AssistantConfig, mode: Any, number: str | None, caller: str
    ) -> None:
        """A caller never goes round in a circle, nor is put through to himself."""
        transfer = config.transfer.model_copy(update={"mode": mode, "number": number})
        assistant_id = bench.behind.seed(config.model_copy(update={"transfer": transfer}))
        bench.behind.seed(config, number=OTHER)
        bench.behind.set_credit(assistant_id, out_since=NOON)
        context = await bench.store.open_call(inbound(caller=caller))
        assert (context.without_credit, context.transfer_to) == (True, None)

    async def test_a_call_that_began_with_credit_keeps_it(self, bench: Bench, config: AssistantConfig) -> None:
        """Opened again by whoever goes on with it; and one that is heard of only now, but came in before."""
        assistant_id = bench.behind.seed(config)
        await bench.store.open_call(inbound())
        bench.behind.set_credit(assistant_id, out_since=NOON)
        assert not (await bench.store.open_call(inbound())).without_credit
        bench.behind.set_credit(assistant_id, out_since=NOON + timedelta(seconds=1))
        assert not (await bench.store.open_call(inbound("SCL_two"))).without_credit

    async def test_there_is_credit_again(self, bench: Bench, config: AssistantConfig) -> None:
        """From the next call on; the one that was turned away stays so."""
        assistant_id = bench.behind.seed(config)
        bench.behind.set_credit(assistant_id, out_since=NOON)
        assert (await bench.store.open_call(inbound())).without_credit
        bench.behind.set_credit(assistant_id, out_since=None)
        assert not (await bench.store.open_call(inbound("SCL_two"))).without_credit
        assert (await bench.store.open_call(inbound())).without_credit

    async def test_another_tenant_has_its_own(self, bench: Bench, config: AssistantConfig) -> None:
        bench.behind.set_credit(bench.behind.seed(config), out_since=NOON)
        bench.behind.seed(config, number=OTHER)
        assert not (await bench.store.open_call(inbound(dialed=OTHER))).without_credit

    @pytest.mark.parametrize("late_answer_first", [True, False])
    async def test_a_call_on_the_last_known_good_is_answered(
        self, bench: Bench, config: AssistantConfig, late_answer_first: bool
    ) -> None:
        """Unreachable is not out of credit, even where the store's late answer to the worker's opening said so."""
        assistant_id = bench.behind.seed(config)
        bench.behind.set_credit(assistant_id, out_since=NOON)
        if late_answer_first:
            assert (await bench.store.open_call(inbound())).without_credit
        ran_on = RanOn(assistant_id=assistant_id, version=1)
        for _ in range(2):
            context = await bench.store.open_call(inbound(), ran_on=ran_on)
            assert not context.without_credit
        assert not (await bench.store.open_call(inbound())).without_credit
        assert bench.behind.ran(context.call_id)[2:] == ("last_known_good", None, None)

    async def test_a_paused_assistant_is_paused(self, bench: Bench, config: AssistantConfig) -> None:
        """Whoever switched it off wants nobody put through."""
        assistant_id = bench.behind.seed(config)
        bench.behind.set_credit(assistant_id, out_since=NOON)
        bench.behind.pause(assistant_id)
        with pytest.raises(AssistantPaused):
            await bench.store.open_call(inbound())

    async def test_whom_we_rang_is_talked_to(self, bench: Bench, config: AssistantConfig) -> None:
        """Credit was asked for before it rang."""
        bench.behind.set_credit(bench.behind.seed(config), out_since=NOON)
        rung = inbound().model_copy(update={"planned_call_id": uuid4()})
        assert not (await bench.store.open_call(rung)).without_credit


async def test_unreadable_config_leaves_a_refused_row(bench: Bench, stored_config: dict[str, Any]) -> None:
    """The error names the field, never its value; a later closing of the same call still counts."""
    bench.behind.seed({**stored_config, "greeting": ""})
    with pytest.raises(ConfigUnreadable, match="greeting"):
        await bench.store.open_call(inbound())
    call_id = call_id_for("SCL_one")
    assert bench.behind.calls() == [(call_id, 1, "refused")]
    await bench.store.close_call(closing(call_id, CallOutcome.FAILED))
    assert bench.behind.closing(call_id)[0] == "failed"


async def test_unknown_fields_are_ignored_on_reading(bench: Bench, stored_config: dict[str, Any]) -> None:
    """A config written by a newer image is readable by an older one."""
    bench.behind.seed({**stored_config, "invented_later": {"a": 1}})
    assert (await bench.store.open_call(inbound())).config.business.name == "Cabinet dentaire du Parc"


async def test_every_kind_of_event_is_kept_in_order_and_once(bench: Bench, config: AssistantConfig) -> None:
    """Sent again, in part or whole, events change nothing."""
    bench.behind.seed(config)
    call_id = (await bench.store.open_call(inbound())).call_id
    events: list[CallEvent] = [
        CallerSaid(at=NOON, text="Bonjour \x00 « jeudi » 'matin', \\u0000 ?", language="fr"),
        AssistantSaid(at=NOON, text="Jeudi à dix heures ?", latency=TurnLatency(total=612.0, llm_ttft=250.5)),
        ToolCalled(at=NOON, tool="find_slots", arguments={"day": "thursday"}, result="3 slots", milliseconds=81.0),
        SpeechHeld(at=NOON, claim="booked", text="C'est réservé."),
        step("k", BookingState.CONFIRMED, 5, calendar_uid="uid-1"),
        MessageTaken(at=NOON, message_id=uuid4(), reason="rappeler", urgent=True, follow_up="booking_doubt"),
        TransferRequested(at=NOON, to="+33612345678", result="failed"),
        ProblemSeen(at=NOON, part="tts", code="timeout"),
    ]
    assert await bench.store.append_events(call_id, events[:5]) == 5
    assert await bench.store.append_events(call_id, events) == 3
    assert await bench.store.append_events(call_id, events) == 0
    assert await bench.store.append_events(call_id, [events[0], events[0]]) == 0
    assert await bench.store.append_events(call_id, []) == 0
    assert bench.behind.kinds(call_id) == [event.kind for event in events]
    assert bench.behind.bookings() == {"k": "confirmed"}
    assert bench.behind.messages() == [("rappeler", True, "booking_doubt")]


async def test_events_for_a_call_without_a_row(bench: Bench, config: AssistantConfig) -> None:
    """The worker ran on what it knew: events can't come before the call is opened, and that has a name."""
    bench.behind.seed(config)
    call_id = call_id_for("SCL_one")
    with pytest.raises(CallNotOpen):
        await bench.store.append_events(call_id, [CallerSaid(at=NOON, text="Allô")])
    with pytest.raises(CallNotOpen):
        await bench.store.close_call(closing(call_id))
    await bench.store.open_call(inbound())
    assert await bench.store.append_events(call_id, [CallerSaid(at=NOON, text="Allô")]) == 1


STEPS = {
    "a write that worked": ([("intended", 0), ("confirmed", 2)], "confirmed"),
    "an unknown answer, looked up": ([("intended", 0), ("unconfirmed", 3), ("confirmed", 60)], "confirmed"),
    "an unknown answer, never made": ([("intended", 0), ("unconfirmed", 3), ("absent", 60)], "absent"),
    "refused, tried again, in doubt": ([("intended", 0), ("refused", 2), ("intended", 4)], "intended"),
    "a success outlives a late doubt": ([("intended", 0), ("confirmed", 2), ("unconfirmed", 9)], "confirmed"),
    "made, then cancelled": ([("intended", 0), ("confirmed", 2), ("cancelled", 9)], "cancelled"),
    "two at one moment": ([("intended", 0), ("unconfirmed", 0)], "unconfirmed"),
}


@pytest.mark.parametrize("case", STEPS)
async def test_the_booking_that_stands_does_not_depend_on_the_order(
    bench: Bench, config: AssistantConfig, case: str
) -> None:
    """Every order of arrival, one by one and in one batch, ends in the same state."""
    bench.behind.seed(config)
    call_id = (await bench.store.open_call(inbound())).call_id
    steps, wanted = STEPS[case]
    expected: dict[str, str] = {}
    for number, order in enumerate(permutations(steps)):
        for together in (True, False):
            key = f"{number}-{together}"
            events = [step(key, BookingState(state), at) for state, at in order]
            batches = [events] if together else [[event] for event in events]
            for batch in batches:
                await bench.store.append_events(call_id, batch)
            expected[key] = wanted
    assert bench.behind.bookings() == expected


async def test_one_key_in_two_tenants_is_two_bookings(bench: Bench, config: AssistantConfig) -> None:
    """No tenant's event can change another tenant's booking."""
    bench.behind.seed(config)
    bench.behind.seed(config, number="+33142000002")
    ours = (await bench.store.open_call(inbound())).call_id
    theirs = (await bench.store.open_call(inbound("SCL_two", dialed="+33142000002"))).call_id
    await bench.store.append_events(ours, [step("k", BookingState.INTENDED, 0)])
    await bench.store.append_events(theirs, [step("k", BookingState.CONFIRMED, 5)])
    doubts = await bench.store.open_doubts(older_than=NOON + timedelta(hours=1))
    assert [doubt.call_id for doubt in doubts] == [ours]


async def test_a_message_told_better_replaces_the_earlier_words(bench: Bench, config: AssistantConfig) -> None:
    """The later wording stands, whichever comes first; it stays one message."""
    bench.behind.seed(config)
    call_id = (await bench.store.open_call(inbound())).call_id
    message_id = uuid4()
    later = MessageTaken(at=NOON + timedelta(seconds=9), message_id=message_id, reason="rappeler avant midi")
    earlier = MessageTaken(at=NOON, message_id=message_id, reason="rappeler")
    await bench.store.append_events(call_id, [later])
    await bench.store.append_events(call_id, [earlier])
    assert bench.behind.messages() == [("rappeler avant midi", False, "message")]


async def test_the_first_closing_stands(bench: Bench, config: AssistantConfig) -> None:
    """A second closing changes nothing and is no error."""
    bench.behind.seed(config)
    call_id = (await bench.store.open_call(inbound())).call_id
    await bench.store.close_call(closing(call_id))
    await bench.store.close_call(closing(call_id, CallOutcome.FAILED, "second"))
    await bench.store.close_call(closing(call_id, CallOutcome.LOST, "third"))
    assert bench.behind.closing(call_id) == ("booked", "first", Decimal("0.0123"))


async def test_a_real_closing_replaces_lost(bench: Bench, config: AssistantConfig) -> None:
    """`lost` was only concluded: the job that was started again for the same call has the last word."""
    bench.behind.seed(config)
    call_id = (await bench.store.open_call(inbound())).call_id
    await bench.store.close_call(closing(call_id, CallOutcome.LOST, ""))
    await bench.store.close_call(closing(call_id))
    await bench.store.close_call(closing(call_id, CallOutcome.ABANDONED, "late"))
    assert bench.behind.closing(call_id)[:2] == ("booked", "first")


async def test_open_doubts(bench: Bench, config: AssistantConfig) -> None:
    """Intended and unconfirmed steps that are old enough, oldest first, with what is needed to look them up."""
    calendar = CalComConnection(event_types={"checkup": 7})
    bench.behind.seed(config, calendar=calendar)
    context = await bench.store.open_call(inbound())
    unconfirmed = step("second", BookingState.UNCONFIRMED, 20, attendee_phone="+33611111111", replaces_uid="old")
    intended = step("first", BookingState.INTENDED, 10)
    await bench.store.append_events(
        context.call_id,
        [unconfirmed, intended, step("done", BookingState.CONFIRMED, 0), step("young", BookingState.INTENDED, 900)],
    )
    doubts = await bench.store.open_doubts(older_than=NOON + timedelta(minutes=10))
    assert [doubt.booking for doubt in doubts] == [intended, unconfirmed]
    assert [(d.call_id, d.tenant_id, d.calendar) for d in doubts] == [
        (context.call_id, context.tenant_id, calendar)
    ] * 2
    await bench.store.append_events(context.call_id, [step("first", BookingState.ABSENT, 60)])
    still = await bench.store.open_doubts(older_than=NOON + timedelta(minutes=10))
    assert [doubt.booking.booking_key for doubt in still] == ["second"]


async def test_a_doubt_speaks_for_the_version_its_call_ran_on(bench: Bench, stored_config: dict[str, Any]) -> None:
    """Language and zone are the business's as of that call, not as of the version published since."""
    hours = {**stored_config["hours"], "time_zone": "Asia/Jerusalem"}
    assistant_id = bench.behind.seed({**stored_config, "language": "he", "hours": hours})
    call_id = (await bench.store.open_call(inbound())).call_id
    bench.behind.publish(assistant_id, {**stored_config, "language": "en"})
    await bench.store.append_events(call_id, [step("k", BookingState.INTENDED, 0)])
    (doubt,) = await bench.store.open_doubts(older_than=NOON + timedelta(hours=1))
    assert (doubt.language, doubt.time_zone) == ("he", "Asia/Jerusalem")


@pytest.mark.parametrize("hours", [{"time_zone": "Mars/Base"}, {"time_zone": 3}, {}, "always"])
async def test_a_doubt_of_an_unreadable_version_is_still_one(
    bench: Bench, stored_config: dict[str, Any], hours: Any
) -> None:
    """A newer image wrote it: the doubt is listed, in the default language, at UTC."""
    bench.behind.seed({**stored_config, "language": "xx", "hours": hours})
    with pytest.raises(ConfigUnreadable):
        await bench.store.open_call(inbound())
    await bench.store.append_events(call_id_for("SCL_one"), [step("k", BookingState.INTENDED, 0)])
    (doubt,) = await bench.store.open_doubts(older_than=NOON + timedelta(hours=1))
    assert (doubt.language, doubt.time_zone) == ("fr", "UTC")


@dataclass
class Distant(CallStore):
    """The bench's store, as it is seen over a line that can be cut."""

    store: CallStore
    down: bool = field(default=False)

    def _there(self) -> CallStore:
        if self.down:
            raise StoreUnavailable("the line is cut")
        return self.store

    async def open_call(self, inbound: InboundCall, *, ran_on: RanOn | None = None) -> CallContext:
        return await self._there().open_call(inbound, ran_on=ran_on)

    async def append_events(self, call_id: UUID, events: Sequence[CallEvent]) -> int:
        return await self._there().append_events(call_id, events)

    async def close_call(self, closing: CallClosing) -> None:
        await self._there().close_call(closing)

    async def open_doubts(self, *, older_than: datetime) -> Sequence[OpenDoubt]:
        return await self._there().open_doubts(older_than=older_than)

    async def ping(self) -> None:
        await self._there().ping()


class TestLastKnownGood:
    """A call that was answered while the store was away, and what its row says when the store hears of it."""

    @pytest.mark.parametrize("ending", ["delivered at its end", "left to a sweep", "crashed"])
    async def test_the_row_has_the_version_the_call_ran_on(
        self, bench: Bench, config: AssistantConfig, tmp_path: Path, ending: str
    ) -> None:
        """Another version is published before the store is back: the row says the first, and where it came from."""
        assistant_id = bench.behind.seed(config)
        known, distant = LastKnownGood(tmp_path / "known"), Distant(bench.store)
        await resolve(inbound("SCL_before"), distant, known)
        distant.down = True
        context = await resolve(inbound(), distant, known)
        spool = tmp_path / "spool"
        async with await Journal.create(spool, inbound(), context=context) as journal:
            journal.append(CallerSaid(at=NOON, text="Allô"))
            with pytest.raises(StoreUnavailable):
                await journal.deliver(distant)
            assert bench.behind.publish(assistant_id, config.model_copy(update={"greeting": "Bonjour !"})) == 2
            if ending != "crashed":
                await journal.close(closing(context.call_id))
            if ending == "delivered at its end":
                distant.down = False
                assert (await journal.deliver(distant)).complete
        distant.down = False
        await sweep(spool, distant)
        outcome = "lost" if ending == "crashed" else "booked"
        assert bench.behind.ran(context.call_id) == (assistant_id, 1, "last_known_good", outcome, None)
        assert bench.behind.kinds(context.call_id) == ["caller_said"]
        assert pending(spool) == []

    async def test_a_call_on_a_fresh_version_says_so(self, bench: Bench, config: AssistantConfig) -> None:
        """The ordinary call."""
        assistant_id = bench.behind.seed(config)
        call_id = (await bench.store.open_call(inbound())).call_id
        assert bench.behind.ran(call_id) == (assistant_id, 1, "database", None, None)

    async def test_a_late_answer_is_put_right(self, bench: Bench, config: AssistantConfig) -> None:
        """The first opening was too slow for the call but made a row of its own; from then on nothing changes it."""
        assistant_id = bench.behind.seed(config)
        bench.behind.publish(assistant_id, config)
        ran_on = RanOn(assistant_id=assistant_id, version=1)
        call_id = (await bench.store.open_call(inbound())).call_id
        for told in (ran_on, None, ran_on, RanOn(assistant_id=assistant_id, version=2)):
            context = await bench.store.open_call(inbound(), ran_on=told)
            assert (context.call_id, context.version) == (call_id, 1)
            assert bench.behind.ran(call_id) == (assistant_id, 1, "last_known_good", None, None)

    async def test_what_is_recorded_stays_where_it_is(self, bench: Bench, config: AssistantConfig) -> None:
        """An earlier job of the same call ran on the fresh version and has recorded something: its version stands."""
        assistant_id = bench.behind.seed(config)
        bench.behind.publish(assistant_id, config)
        call_id = (await bench.store.open_call(inbound())).call_id
        await bench.store.append_events(call_id, [CallerSaid(at=NOON, text="Allô")])
        await bench.store.open_call(inbound(), ran_on=RanOn(assistant_id=assistant_id, version=1))
        assert bench.behind.ran(call_id) == (assistant_id, 2, "database", None, None)

    @pytest.mark.parametrize("late_answer", [True, False])
    @pytest.mark.parametrize("meanwhile", ["paused", "moved", "unreadable"])
    async def test_the_record_goes_to_who_answered(
        self,
        bench: Bench,
        config: AssistantConfig,
        stored_config: dict[str, Any],
        meanwhile: Literal["paused", "moved", "unreadable"],
        late_answer: bool,
    ) -> None:
        """Paused, given to another tenant or badly published since: a call that was answered is no refused call, and
        what was said in it is never another tenant's."""
        ours = bench.behind.seed(config)
        theirs = bench.behind.seed(config, number="+33142000002")
        match meanwhile:
            case "paused":
                bench.behind.pause(ours)
            case "moved":
                bench.behind.move(NUMBER, theirs)
            case "unreadable":
                bench.behind.publish(ours, {**stored_config, "greeting": ""})
        if late_answer:
            with suppress(AssistantPaused, ConfigUnreadable):
                await bench.store.open_call(inbound())
        context = await bench.store.open_call(inbound(), ran_on=RanOn(assistant_id=ours, version=1))
        assert bench.behind.ran(context.call_id) == (ours, 1, "last_known_good", None, None)
        await bench.store.append_events(context.call_id, [step("k", BookingState.INTENDED, 0)])
        (doubt,) = await bench.store.open_doubts(older_than=NOON + timedelta(hours=1))
        assert doubt.tenant_id == context.tenant_id

    async def test_a_version_nobody_knows(self, bench: Bench, config: AssistantConfig) -> None:
        """The spool came from elsewhere: the number decides, as for any call, and the row still says how it was run."""
        assistant_id = bench.behind.seed(config)
        for sip, ran_on in (
            ("SCL_one", RanOn(assistant_id=assistant_id, version=9)),
            ("SCL_two", RanOn(assistant_id=uuid4(), version=1)),
        ):
            call_id = (await bench.store.open_call(inbound(sip), ran_on=ran_on)).call_id
            assert bench.behind.ran(call_id) == (assistant_id, 1, "last_known_good", None, None)
        with pytest.raises(NumberUnknown):
            await bench.store.open_call(inbound("SCL_three", dialed="+33142009999"), ran_on=ran_on)


async def test_ping(bench: Bench) -> None:
    """A store that works says so by saying nothing; of one that doesn't, see tests/database/test_store_failures.py."""
    assert await bench.store.ping() is None  # type: ignore[func-returns-value]  # that it is None is what is asked
