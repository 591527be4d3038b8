"""A call that none of a trunk's destinations took: the carrier asks, and is told what to do with it.

Owns: whom to believe, what is known of the number, and that a forwarded call does not go round in a circle. Refuses: the choice
itself (`numbers.fallback`) and the carrier's wire, behind `Recovery`.

Whatever is away here, the caller hears a sentence: without the database nobody can be believed, and an apology needs no
belief.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog
from pydantic import SecretStr

from contracts.errors import StoreUnavailable
from control_api.errors import Forbidden
from control_api.numbers.accounts import AccountGone, Accounts
from control_api.numbers.fallback import RING_SECONDS, Asked, End, Known, Ring, Step, decide, recovery_url, sorry
from control_api.numbers.ledger import Ledger
from control_api.numbers.purchase import CarrierAccount
from control_api.recent import Recent

_log = structlog.get_logger(__name__)
_PATIENCE = 5.0  # seconds for the database; the carrier waits 15
_STRANGER = "this was not signed by the carrier's account that it is about"
Form = Mapping[str, str]


class Recovery(Protocol):
    """One carrier's way of asking and of being told."""

    def read(self, form: Form) -> Asked:
        """Raises InvalidRequest."""
        ...

    def is_signed(self, form: Form, signature: str, *, url: str, token: SecretStr) -> bool: ...

    def write(self, step: Step, *, url: str) -> str:
        """The document that the carrier follows; at `url` it asks again when a number has been rung."""
        ...


@dataclass(frozen=True)
class UnansweredService:
    """`public_url`: where carriers reach this deployment; None: nowhere, and nobody asks."""

    ledger: Ledger
    accounts: Accounts
    recovery: Recovery
    public_url: str | None
    ringing: Recent[tuple[str, str], bool] = field(default_factory=lambda: Recent(seconds=RING_SECONDS + 5.0))

    async def answer(self, carrier_id: UUID, form: Form, signature: str) -> str:
        """Raises Forbidden, InvalidRequest."""
        url = recovery_url(self.public_url, carrier_id)
        if url is None:
            raise Forbidden(_STRANGER)
        asked = self.recovery.read(form)
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await self.ledger.find_unanswered(carrier_id, asked.dialed)
        except (StoreUnavailable, TimeoutError) as error:
            step = End() if asked.rang == "answered" else sorry(asked.dialed)
            _log.warning(
                "call.unanswered", carrier_id=str(carrier_id), step=type(step).__name__, error=type(error).__name__
            )
            return self.recovery.write(step, url=url)
        if found is None or not self.recovery.is_signed(form, signature, url=url, token=self._token(found.account)):
            raise Forbidden(_STRANGER)
        step = self._decided(asked, found.number)
        _log.info(
            "call.unanswered",
            carrier_id=str(carrier_id),
            step=type(step).__name__,
            rang=asked.rang,
            choice=found.number.kind,
        )
        return self.recovery.write(step, url=url)

    def _token(self, account: CarrierAccount) -> SecretStr:
        try:
            return self.accounts.token_of(account)
        except AccountGone as error:
            raise Forbidden(_STRANGER) from error

    def _decided(self, asked: Asked, known: Known) -> Step:
        pair = (asked.dialed, asked.caller or "")
        if asked.rang is not None:
            self.ringing.forget(pair)
        step = decide(asked, known, ringing=self.ringing.get(pair) is not None)
        if isinstance(step, Ring) and asked.caller is not None:
            self.ringing.put(pair, True)
        return step
