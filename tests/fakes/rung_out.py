"""Whom AVA rang, as a call in process has them: the plan behind the call, and what it is told."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

from agent.outgoing import Outgoing
from contracts.errors import StoreUnavailable
from store.dialling import Ringing, TryOutcome, UnderWay

CALLEE = "+33612345678"
OPENING = (
    "Bonjour Mme Martin, ici Ava, l'assistante virtuelle de Cabinet dentaire du Parc. "
    "Je vous appelle au sujet de votre rendez-vous de demain. Avez-vous un instant ?"
)


@dataclass
class Book:
    """The planned calls' database, as the worker asks it."""

    away: bool = False
    ended: list[TryOutcome] = field(default_factory=list[TryOutcome])
    unwanted: list[str] = field(default_factory=list[str])

    async def begin(self, planned_call_id: UUID, attempt_id: UUID, *, begun_by: UUID, seconds: int) -> Ringing | None:
        raise AssertionError("it rings already")

    async def find_under_way(self, planned_call_id: UUID, attempt_id: UUID) -> UnderWay | None:
        raise AssertionError("whoever takes a call up has asked before")

    async def end(self, ringing: Ringing, outcome: TryOutcome, *, sip_status: int | None = None) -> None:
        self.ended.append(outcome)

    async def stop_calling(self, *, call_id: UUID, tenant_id: UUID, number: str) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.unwanted.append(number)


def outgoing(book: Book, number: str, *, on_machine: Literal["leave_message", "hang_up"] = "leave_message") -> Outgoing:
    ringing = Ringing(
        planned_call_id=uuid4(),
        attempt_id=uuid4(),
        callee=CALLEE,
        callee_name="Mme Martin",
        about="votre rendez-vous de demain",
        kind="reminder",
        from_number=number,
        on_machine=on_machine,
    )
    return Outgoing(ringing, book)
