"""A number's way, from wherever it is to its end or to where it can't go on just now. Requests and the completer use the same.

Owns: which step follows which state, and what a failure means: refused for good and nothing left behind, or again later.
Refuses: the steps themselves (`numbers.steps`), and who is at work when (`numbers.completer`).

A purchase fails only from `requested`, and only when the number is certainly not ours. A number that was bought and can't be
led to us, for whatever reason, stays `bought` with that reason, is tried again every hour, and is given back when its owner
says so: it is never dropped, for it is on an invoice.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from contracts.errors import DomainError, StoreUnavailable
from control_api.numbers.accounts import AccountGone, PlatformRefused
from control_api.numbers.carrier_errors import (
    CarrierError,
    CarrierThrottled,
    CarrierUnconfirmed,
    CredentialsRefused,
)
from control_api.numbers.errors import CarrierNotConfigured, words_of
from control_api.numbers.ledger import LeaseLost, Ledger
from control_api.numbers.line_errors import LineError
from control_api.numbers.purchase import Purchase, State
from control_api.numbers.steps import (
    NumberMissing,
    SourcesInvalid,
    Steps,
    StillRouted,
    VoiceMissing,
    may_still_appear,
)

_log = structlog.get_logger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 15 * 60.0  # seconds, doubling in between
_HOPELESS_PAUSE = 60 * 60.0  # for what somebody has to mend first
_SETTLING_PAUSE = 60.0  # while a number may still turn up
_REFUSALS = (
    CarrierError, LineError, AccountGone, PlatformRefused, CarrierNotConfigured, NumberMissing, VoiceMissing, StillRouted,
    SourcesInvalid,
)  # fmt: skip
_BLINDING: Final = (CredentialsRefused, PlatformRefused, AccountGone, CarrierNotConfigured)
"""After these the carrier can't be asked whether an earlier try bought it."""


def pause_before(attempts: int, *, spread: Callable[[], float] = random.random) -> float:
    """Seconds, between half and one and a half of the usual, so that what failed together is not tried again together."""
    usual = min(_FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 20), _LONGEST_PAUSE)
    return usual * (0.5 + spread())


@dataclass(frozen=True)
class Saga:
    steps: Steps
    ledger: Ledger
    clock: Callable[[], datetime]

    async def run(self, purchase: Purchase) -> Purchase:
        """-> as far as it went. Raises StoreUnavailable: then it is found where it was, and goes on from there."""
        try:
            while not purchase.finished:
                purchase = await self._next(purchase)(purchase)
        except LeaseLost:
            return await self.ledger.get_purchase(purchase.purchase_id)
        except StoreUnavailable:
            raise
        except DomainError as error:
            return await self._set_back(purchase, error)
        return purchase

    async def repair(self, purchase_id: UUID, lease: UUID) -> Purchase | None:
        """An active number led to us again. None: somebody has it in hand. Raises what went wrong; it stays active."""
        purchase = await self.ledger.take(lease, purchase_id=purchase_id, for_repair=True)
        if purchase is None or purchase.state is not State.ACTIVE:
            return None if purchase is None else await self.run(purchase)
        try:
            return await self.ledger.activate(await self.steps.route(purchase))
        except DomainError as error:
            await self.ledger.defer(purchase, code=error.code, words=words_of(error), seconds=0)
            raise

    def _next(self, purchase: Purchase) -> Callable[[Purchase], Awaitable[Purchase]]:
        match purchase.state, purchase.source:
            case State.REQUESTED, "purchase":
                return self.steps.buy
            case State.REQUESTED, "import":
                return self.steps.adopt
            case (State.REQUESTED, "sip_trunk") | (State.BOUGHT, _):
                return self.steps.route
            case State.ROUTED, _:
                return self.steps.activate
            case _:
                return self.steps.release

    async def _set_back(self, purchase: Purchase, error: DomainError) -> Purchase:
        if self._is_final(purchase, error):
            try:
                if purchase.source == "sip_trunk":
                    await self.steps.undo_route(purchase)
            except LineError as remains:
                error = remains
            else:
                _log.info("number.failed", purchase_id=str(purchase.purchase_id), code=error.code)
                return await self.ledger.fail(purchase, code=error.code, words=words_of(error))
        settling = purchase.state is State.REQUESTED and may_still_appear(purchase, self.clock())
        seconds = _pause_after(error, purchase, settling=settling)
        _log.warning(
            "number.set_back",
            purchase_id=str(purchase.purchase_id),
            state=purchase.state.value,
            code=error.code,
            attempts=purchase.attempts,
            again_in=round(seconds, 1),
        )
        return await self.ledger.defer(
            purchase, code=error.code, words=words_of(error), seconds=seconds, unsent=_sold_nothing(purchase, error)
        )

    def _is_final(self, purchase: Purchase, error: DomainError) -> bool:
        """`purchase` is as it was before this try: an earlier one may have bought the number without our knowing."""
        if purchase.state is not State.REQUESTED or error.retryable or not isinstance(error, _REFUSALS):
            return False
        if purchase.source != "purchase" or purchase.buy_sent_at is None:
            return True
        return not isinstance(error, _BLINDING) and not may_still_appear(purchase, self.clock())


def _sold_nothing(purchase: Purchase, error: DomainError) -> bool:
    """Whatever an earlier try did, this one certainly did not buy."""
    asked = purchase.state is State.REQUESTED and purchase.source == "purchase"
    return asked and isinstance(error, _REFUSALS) and not isinstance(error, CarrierUnconfirmed)


def _pause_after(error: DomainError, purchase: Purchase, *, settling: bool) -> float:
    if settling:
        return min(pause_before(purchase.attempts), _SETTLING_PAUSE)
    if not error.retryable:
        return _HOPELESS_PAUSE * random.uniform(0.75, 1.25)
    asked = error.retry_after if isinstance(error, CarrierThrottled) else None
    return max(asked or 0.0, pause_before(purchase.attempts))
