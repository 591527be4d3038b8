"""The slots offered in one call, under short opaque ids.

Owns: which slots are put to the caller, and what their ids stand for. Refuses: finding slots (`booking`), wording them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from calendar_tools.model import Slot

_ON_OFFER = 24  # the ids a tool's schema admits; older offers lapse


@dataclass(frozen=True)
class Offer:
    slot_id: str
    slot: Slot
    service_id: str


def spread(slots: Sequence[Slot], limit: int) -> list[Slot]:
    """At most `limit` of `slots` (in order): the first, and the others evenly spaced behind it."""
    if limit <= 0:
        return []
    if len(slots) <= limit:
        return list(slots)
    return [slots[index * len(slots) // limit] for index in range(limit)]


class OfferBook:
    """Ids ("s1", "s2", …) are unique for the call: one id means one slot for ever, and a slot offered again keeps its."""

    def __init__(self) -> None:
        self._by_id: dict[str, Offer] = {}
        self._by_slot: dict[tuple[str, Slot], Offer] = {}
        self._on_offer: dict[str, None] = {}  # ordered: the latest offered last
        self._named = 0

    def offer(self, slots: Sequence[Slot], limit: int, *, service_id: str) -> list[Offer]:
        """Puts a spread choice of `slots` on offer, in order."""
        return [self._put(slot, service_id) for slot in spread(slots, limit)]

    def ids(self) -> tuple[str, ...]:
        """Those on offer now, the order being that of offering; at most 24."""
        return tuple(self._on_offer)

    def find(self, slot_id: str) -> Offer | None:
        """The offer, if it is still on. None: never offered in this call, lapsed, or withdrawn."""
        return self._by_id[slot_id] if slot_id in self._on_offer else None

    def recall(self, slot_id: str) -> Offer | None:
        """What the id stood for, withdrawn or not."""
        return self._by_id.get(slot_id)

    def withdraw(self, slot_id: str) -> None:
        """Booked, or gone."""
        self._on_offer.pop(slot_id, None)

    def restore(self, offers: Iterable[Offer]) -> None:
        """What an earlier job of this call has offered, under the ids that the conversation knows."""
        for offer in offers:
            if re.fullmatch(r"s[1-9]\d{0,5}", offer.slot_id):
                self._named = max(self._named, int(offer.slot_id[1:]))
                self._show(offer)

    @property
    def moments(self) -> frozenset[datetime]:
        """Starts of everything offered in this call, withdrawn or not: what the voice may name as a time."""
        return frozenset(offer.slot.start for offer in self._by_id.values())

    def _put(self, slot: Slot, service_id: str) -> Offer:
        offer = self._by_slot.get((service_id, slot))
        if offer is None:
            self._named += 1
            offer = Offer(f"s{self._named}", slot, service_id)
        self._show(offer)
        return offer

    def _show(self, offer: Offer) -> None:
        self._by_slot[offer.service_id, offer.slot] = self._by_id[offer.slot_id] = offer
        self._on_offer.pop(offer.slot_id, None)
        self._on_offer[offer.slot_id] = None
        while len(self._on_offer) > _ON_OFFER:
            del self._on_offer[next(iter(self._on_offer))]
