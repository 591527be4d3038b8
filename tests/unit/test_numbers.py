"""Numbers without I/O: how long is waited, what a label names, what may be asked for, and who keeps at it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from contracts.errors import StoreUnavailable
from control_api.numbers import drift
from control_api.numbers.carrier import OwnedNumber, Routing
from control_api.numbers.carrier_schemas import SipTrunkCreate
from control_api.numbers.completer import Completer
from control_api.numbers.purchase import CarrierAccount, Purchase, State
from control_api.numbers.saga import pause_before
from control_api.numbers.schemas import PurchaseCreate
from control_api.numbers.steps import may_still_appear
from control_api.numbers.words import needs_of, routing_words, takeover_words

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
TENANT, CARRIER, PURCHASE = (UUID(int=number) for number in (1, 2, 3))
LABEL = f"ava:{PURCHASE}"


def purchase(**changes: Any) -> Purchase:
    usual: dict[str, Any] = {
        "purchase_id": PURCHASE,
        "tenant_id": TENANT,
        "source": "purchase",
        "state": State.ACTIVE,
        "e164": "+12025550100",
        "label": LABEL,
        "carrier_id": CARRIER,
        "number_sid": "PN1",
        "trunk_sid": "TK1",
    }
    return Purchase(**{**usual, **changes})


def owned(**changes: Any) -> OwnedNumber:
    usual: dict[str, Any] = {
        "number_sid": "PN1",
        "e164": "+12025550100",
        "label": LABEL,
        "capabilities": frozenset({"voice"}),
        "address_requirement": "none",
        "routing": Routing(trunk_sid="TK1"),
    }
    return OwnedNumber(**{**usual, **changes})


ACCOUNT = CarrierAccount(CARRIER, TENANT, "managed", f"AC{'1' * 32}", "sealed")


class TestPauses:
    """Between two tries of what may pass."""

    def test_they_double_and_end_at_a_quarter_of_an_hour(self) -> None:
        """Five seconds, then twice as long each time; however often it failed."""
        usual = [pause_before(attempts, spread=lambda: 0.5) for attempts in (1, 2, 3, 9, 10_000)]
        assert usual == [5, 10, 20, 900, 900]

    def test_they_are_spread(self) -> None:
        """What failed together is not tried again together."""
        assert (pause_before(1, spread=lambda: 0.0), pause_before(1, spread=lambda: 1.0)) == (2.5, 7.5)

    def test_a_purchase_may_appear_for_ten_minutes(self) -> None:
        """Counted from when the carrier was asked; never asked, never."""
        asked = purchase(state=State.REQUESTED, buy_sent_at=NOON)
        assert may_still_appear(asked, NOON + timedelta(minutes=9))
        assert not may_still_appear(asked, NOON + timedelta(minutes=11))
        assert not may_still_appear(purchase(), NOON)


class TestDrift:
    """What differs between our rows and a carrier's."""

    def test_in_order(self) -> None:
        """Ours, attached: nothing to say."""
        assert list(drift.at_carrier(ACCOUNT, [owned()], [purchase()], {})) == []

    @pytest.mark.parametrize(
        ("before", "repairable"),
        [
            (purchase(state=State.FAILED, number_sid=None), True),
            (purchase(state=State.RELEASED), True),
            (purchase(state=State.FAILED, tenant_id=uuid4()), False),
            (None, False),
        ],
    )
    def test_only_what_our_own_finished_purchase_left_is_given_back(
        self, before: Purchase | None, repairable: bool
    ) -> None:
        """A number that nobody here knows, or another tenant's label, may be somebody's."""
        ever = {LABEL: before} if before else {}
        [found] = drift.at_carrier(ACCOUNT, [owned()], [], ever)
        assert (found.kind, found.repairable) == (drift.Kind.ORPHAN_NUMBER, repairable)

    def test_a_purchase_under_way_is_not_judged(self) -> None:
        """The number is there under its label, the row does not say so yet."""
        under_way = purchase(state=State.REQUESTED, number_sid=None)
        assert list(drift.at_carrier(ACCOUNT, [owned()], [under_way], {})) == []

    @pytest.mark.parametrize("label", ["", "ava:", "ava:desk", "Front desk", f"ava:tenant:{TENANT}", f"bva:{PURCHASE}"])
    def test_labels_that_are_none(self, label: str) -> None:
        """What people write into a name is no purchase of ours."""
        assert drift.labelled(label) is None

    def test_a_label_names_its_purchase(self) -> None:
        """By what follows the prefix."""
        assert drift.labelled(LABEL) == PURCHASE

    def test_nothing_shows_a_number_in_a_repr(self) -> None:
        """Reprs end up in logs."""
        found = list(drift.answering([purchase()], set()))
        assert "5550100" not in repr(found) + repr(purchase())


class TestWords:
    """What an owner reads."""

    def test_routing(self) -> None:
        """Where calls go, and that taking them over is asked."""
        assert routing_words("none", None) == "nobody: nothing is set up for them"
        said = takeover_words(Routing(voice_url="https://user:secret@calls.example.com/in?token=1"))
        assert "calls.example.com" in said
        assert "secret" not in said
        assert "token" not in said

    def test_needs(self) -> None:
        """None, an address, papers, and not known."""
        assert list(needs_of("none", needs_bundle=False)) == []
        assert len(list(needs_of("local", needs_bundle=True))) == 2
        assert "perhaps" in next(needs_of("none", needs_bundle=None))


class TestRequests:
    """What is refused before anything is asked."""

    def test_a_number_of_another_country(self) -> None:
        """It would be priced and explained by the wrong country."""
        with pytest.raises(ValidationError, match="not of this country"):
            PurchaseCreate.model_validate({"e164": "+33199000010", "country": "US", "kind": "local"})

    @pytest.mark.parametrize("wide", ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/11", "::/0", "2001::/16"])
    def test_a_trunk_open_to_half_the_world(self, wide: str) -> None:
        """However it is written."""
        with pytest.raises(ValidationError):
            SipTrunkCreate.model_validate({"e164s": ["+33199000010"], "allowed_addresses": [wide]})

    def test_a_trunk_names_each_number_once(self) -> None:
        """Two spellings of one are one."""
        with pytest.raises(ValidationError, match="named twice"):
            SipTrunkCreate.model_validate(
                {"e164s": ["+33199000010", "+33 1 99 00 00 10"], "allowed_addresses": ["203.0.113.7"]}
            )

    def test_a_password_shows_nowhere(self) -> None:
        """Not in the repr of the request, not in the error about it."""
        with pytest.raises(ValidationError) as caught:
            SipTrunkCreate.model_validate({"e164s": ["+33199000010"], "username": "desk", "password": "hush hush hush"})
        assert "hush" not in str(caught.value.errors(include_input=False))
        made = SipTrunkCreate.model_validate(
            {"e164s": ["+33199000010"], "username": "desk", "password": "hush-hush-hush"}
        )
        assert "hush" not in repr(made)


class _Work:
    """A ledger and a saga: `due` pieces of work, each taking `seconds`."""

    def __init__(self, due: int, *, seconds: float = 0.0, failures: int = 0) -> None:
        self.due, self.seconds, self.failures = due, seconds, failures
        self.done = self.at_once = self.most_at_once = 0
        self.begun, self.all_done = asyncio.Event(), asyncio.Event()

    async def take(self, lease: UUID, *, purchase_id: UUID | None = None) -> Purchase | None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        if not self.due:
            return None
        self.due -= 1
        return purchase(state=State.REQUESTED, lease=lease)

    async def run(self, found: Purchase) -> Purchase:
        self.begun.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        self.done += 1
        if not (self.due or self.at_once):
            self.all_done.set()
        return found


def completer(work: Any, *, every: float = 0.0, patience: float = 1.0) -> Completer:
    return Completer(work, work, every=every, patience=patience)


class TestCompleter:
    """Who keeps at it."""

    async def test_all_that_is_due_a_few_at_a_time(self) -> None:
        """Bounded: a carrier is not asked for everything at once."""
        work = _Work(30, seconds=0.001)
        assert await completer(work).run_once() == 30
        assert work.done == 30
        assert 1 < work.most_at_once <= 8

    async def test_an_idle_look_is_one_question(self) -> None:
        """Nothing due: nothing begun."""
        assert await completer(_Work(0)).run_once() == 0

    async def test_it_goes_on_after_the_database_was_away(self) -> None:
        """The watch outlives what breaks, and takes up what is due then."""
        work = _Work(2, failures=2)
        async with completer(work, every=0.005).running():
            async with asyncio.timeout(5):
                await work.all_done.wait()
        assert work.failures == 0

    async def test_a_request_that_is_tired_of_waiting_leaves_its_work_running(self) -> None:
        """None to whoever asked; the work comes to its end, before the process does."""
        work = _Work(1, seconds=0.1)
        waiting = completer(work, patience=0.01)
        async with waiting.running():
            assert await waiting.finish(PURCHASE) is None
            assert work.done == 0
        assert work.done == 1

    async def test_a_request_whose_client_left_leaves_its_work_running(self) -> None:
        """Cancelled from outside in the middle of a step: the step is not."""
        work = _Work(1, seconds=0.05)
        waiting = completer(work)
        async with waiting.running():
            task = asyncio.create_task(waiting.finish(PURCHASE))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert work.done == 1

    async def test_closing_takes_up_nothing_new(self) -> None:
        """What is under way ends; the rest is for another process."""
        work = _Work(1000, seconds=0.02)
        closing = completer(work, every=0.001)
        async with closing.running():
            await work.begun.wait()
        assert 0 < work.done < 1000
        assert work.at_once == 0
