"""Slot ids: opaque, unique for the call, and only those offered count."""

from datetime import UTC, datetime, timedelta

import pytest

from calendar_tools.model import Slot
from calendar_tools.offers import OfferBook, spread

START = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def slots(count: int, event_type_id: int = 1) -> list[Slot]:
    half = timedelta(minutes=30)
    return [Slot(event_type_id, START + half * n, START + half * (n + 1)) for n in range(count)]


@pytest.mark.parametrize(
    ("count", "limit", "picked"),
    [(0, 3, []), (2, 3, [0, 1]), (3, 3, [0, 1, 2]), (6, 3, [0, 2, 4]), (7, 3, [0, 2, 4]), (14, 1, [0]), (5, 0, [])],
)
def test_the_first_is_always_among_those_offered_and_the_others_are_spaced(
    count: int, limit: int, picked: list[int]
) -> None:
    assert [slots(count).index(slot) for slot in spread(slots(count), limit)] == picked


def test_an_id_means_one_slot_for_ever() -> None:
    book = OfferBook()
    first = book.offer(slots(2), 2, service_id="care")
    second = book.offer(slots(4)[2:], 2, service_id="care")
    again = book.offer(slots(1), 1, service_id="care")
    assert [o.slot_id for o in [*first, *second, *again]] == ["s1", "s2", "s3", "s4", "s1"]
    other = book.offer(slots(1), 1, service_id="check")
    assert other[0].slot_id == "s5"


def test_only_what_is_on_offer_is_found() -> None:
    book = OfferBook()
    book.offer(slots(3), 3, service_id="care")
    book.withdraw("s2")
    assert book.ids() == ("s1", "s3")
    assert book.find("s2") is None
    assert book.find("s9") is None
    recalled = book.recall("s2")
    assert recalled is not None
    assert recalled.slot == slots(2)[1]
    assert len(book.moments) == 3


def test_a_withdrawn_slot_that_is_free_again_comes_back_under_its_id() -> None:
    book = OfferBook()
    book.offer(slots(1), 1, service_id="care")
    book.withdraw("s1")
    assert [o.slot_id for o in book.offer(slots(1), 1, service_id="care")] == ["s1"]
    assert book.ids() == ("s1",)


def test_old_offers_lapse_so_that_the_schema_stays_small() -> None:
    book = OfferBook()
    for slot in slots(30):
        book.offer([slot], 1, service_id="care")
    assert len(book.ids()) == 24
    assert book.find("s1") is None
    assert book.find("s30") is not None
