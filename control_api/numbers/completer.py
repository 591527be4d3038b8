"""Who works on numbers: a request as long as it waits, and a task that takes up what was left lying.

Owns: the tasks, how many at a time, the pace, and their end. Several processes may each have one: a lease in the database
says who has which number in hand. Refuses: what is done with a number (`numbers.saga`).

A step at a carrier should not be cancelled in the middle, for then nobody knows what became of it until it is looked for; so
a request that is tired of waiting leaves its task running, and at shutdown what is under way gets a while to end.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any
from uuid import UUID, uuid4

import structlog

from contracts.errors import DomainError
from control_api.numbers.ledger import Ledger
from control_api.numbers.purchase import Purchase
from control_api.numbers.saga import Saga
from control_api.rounds import rounds

_log = structlog.get_logger(__name__)
_AT_ONCE = 8
_MOST_A_ROUND = 100
_DRAIN_SECONDS = 5.0


class Completer:
    """`every`: seconds between two looks for abandoned work, give or take a quarter; 0: another process does that.
    `patience`: seconds that a request waits for its number."""

    def __init__(self, ledger: Ledger, saga: Saga, *, every: float, patience: float = 8.0) -> None:
        self._ledger = ledger
        self._saga = saga
        self._every = every
        self._patience = patience
        self._tasks: set[asyncio.Task[Any]] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._closing = False

    async def finish(self, purchase_id: UUID) -> Purchase | None:
        """As far as it comes while somebody waits. None: it takes longer, or another has it in hand. Raises what the
        database raises."""
        task = self._spawn(self._work_on(purchase_id))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        return task.result() if done else None

    async def run_once(self) -> int:
        """Everything that is due, to where it gets -> how many pieces of work that was."""
        begun: list[asyncio.Task[Any]] = []
        try:
            while len(begun) < _MOST_A_ROUND and (task := await self._begin_next()) is not None:
                begun.append(task)
        finally:
            if begun:
                await asyncio.wait(begun)
        for task in begun:
            task.result()
        return len(begun)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Looks for abandoned work as long as this is open."""
        try:
            async with rounds(self.run_once, name="numbers", every=self._every):
                yield
        finally:
            self._closing = True
            await self._drain()

    async def _drain(self) -> None:
        tasks = set(self._tasks)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_DRAIN_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _begin_next(self) -> "asyncio.Task[Any] | None":
        """As soon as there is a place for it. None: nothing is due."""
        async with self._places:
            purchase = None if self._closing else await self._ledger.take(uuid4())
        return None if purchase is None else self._spawn(self._run(purchase))

    async def _run(self, purchase: Purchase) -> Purchase:
        async with self._places:
            return await self._saga.run(purchase)

    async def _work_on(self, purchase_id: UUID) -> Purchase | None:
        async with self._places:
            purchase = await self._ledger.take(uuid4(), purchase_id=purchase_id)
            return None if purchase is None else await self._saga.run(purchase)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, DomainError):
            _log.warning("number.left_lying", code=error.code)
        elif error is not None:
            _log.error("number.work_broke", exc_info=error)
