"""The noun put together from its ports. `control_api.app` names the adapters; tests hand in what breaks on purpose.

Owns: which part is given which. Refuses: making a client.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from control_api.numbers.accounts import Accounts
from control_api.numbers.carrier import CarrierAccounts, CarrierCredentials
from control_api.numbers.completer import Completer
from control_api.numbers.errors import CarrierNotConfigured
from control_api.numbers.importing import ImportService
from control_api.numbers.ledger import Ledger
from control_api.numbers.line import DigestAuth, FoundRoutes, Line, Route, WayOut
from control_api.numbers.reconcile import Reconciler
from control_api.numbers.repository import NumberRepository
from control_api.numbers.saga import Saga
from control_api.numbers.service import NO_LINE, NumberService
from control_api.numbers.steps import LineTarget, Steps
from control_api.numbers.unanswered import Recovery, UnansweredService
from store.vault import Vault


@dataclass(frozen=True)
class Parts:
    """`platform`: the account under which tenants get theirs; `line` with `target`: where calls go. None: not set up in
    this deployment. `every`: seconds between two looks for abandoned work; 0: none."""

    repository: NumberRepository
    ledger: Ledger
    vault: Vault
    at_carrier: CarrierAccounts
    platform: CarrierCredentials | None = field(repr=False)
    line: Line | None
    target: LineTarget
    recovery: Recovery
    clock: Callable[[], datetime]
    every: float
    patience: float = 8.0
    private_addresses: bool = False


@dataclass(frozen=True)
class Numbers:
    service: NumberService
    imports: ImportService
    completer: Completer
    reconciler: Reconciler
    unanswered: UnansweredService


def assemble(parts: Parts) -> Numbers:
    line = parts.line or AbsentLine()
    accounts = Accounts(parts.ledger, parts.vault, parts.at_carrier, parts.platform)
    saga = Saga(Steps(parts.ledger, accounts, line, parts.target, parts.clock), parts.ledger, parts.clock)
    every = parts.every if parts.line is not None else 0
    completer = Completer(parts.ledger, saga, every=every, patience=parts.patience)
    public_url = parts.target.public_url
    service = NumberService(
        parts.repository, accounts, completer, has_line=parts.line is not None, is_reached=public_url is not None
    )
    return Numbers(
        service=service,
        imports=ImportService(parts.repository, accounts, service, parts.target.sip_uri, parts.private_addresses),
        completer=completer,
        reconciler=Reconciler(parts.ledger, accounts, line, saga, parts.target),
        unanswered=UnansweredService(parts.ledger, accounts, parts.recovery, public_url),
    )


class AbsentLine:
    """`Line` of a deployment that has none."""

    async def ensure_route(
        self,
        e164: str,
        *,
        label: str,
        agent_name: str,
        metadata: Mapping[str, str],
        allowed_addresses: Collection[str] = (),
        auth: DigestAuth | None = None,
        outgoing: WayOut | None = None,
    ) -> Route:
        self._refuse()

    async def drop_route(self, e164: str, *, label: str) -> None:
        self._refuse()

    async def find_routes(self, *, numbers: Collection[str] = ()) -> FoundRoutes:
        self._refuse()

    async def ping(self) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise CarrierNotConfigured(NO_LINE)
