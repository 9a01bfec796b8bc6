"""Many requests, one transaction: concurrent submissions are committed together, each answered after COMMIT.

A task of its own owns the connection, so that a client that hangs up cannot tear a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection

from baton.runtime.failures import BrokenInvariant, NotNow
from baton.runtime.fold import Fold
from baton.runtime.handler import Command, Refusal, Reply, Subject

Item = TypeVar("Item")
Result = TypeVar("Result")
PATIENCE_SECONDS = 5.0
"""How long a submission may wait until its transaction begins. The quickest senders hang up after five seconds
(Segment, HubSpot's apps); what is stored later than that is work for nobody, and makes those behind it late as well."""


class Unit:
    """What a micro-batch works with: the open transaction, the present, and the same fold as everything else."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold

    @property
    def tx(self) -> Connection:
        """The open transaction."""
        return self._fold.tx

    @property
    def now(self) -> Any:
        """The present, one for the whole batch."""
        return self._fold.now

    def hold(self, subjects: Iterable[Subject]) -> dict[Subject, Any]:
        """Lock these subjects and return their states as they now are, for what must be known before it is said what to
        do. Hold all at once: who comes back for more may wait for somebody who waits for him."""
        wanted = set(subjects)
        self._fold.also(wanted)
        return {subject: self._fold.state(subject) for subject in sorted(wanted)}

    def begin(self, states: Mapping[Subject, Any]) -> None:
        """Take in subjects whose ids were made in this transaction, with their first states: nobody else knows them."""
        self._fold.begin(states)

    def handle(self, commands: Sequence[Command]) -> list[Reply | Refusal]:
        """Fold the commands in order; return their answers."""
        self._fold.also({command.subject for command in commands})
        answers: list[Reply | Refusal] = []
        for command in commands:
            answers.append(self._fold.apply(command).reply or Reply())
        return answers


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item | None
    """None once it was given up, so that its memory is free before its turn comes."""
    answer: asyncio.Future[Result]
    weight: int
    patience: asyncio.TimerHandle | None = None


class MicroBatch(Generic[Item, Result]):
    """Collects items for a few milliseconds at most and commits them together."""

    def __init__(
        self,
        commit: Callable[[Callable[[Unit, Sequence[Item]], list[Result]], Sequence[Item]], Any],
        work: Callable[[Unit, Sequence[Item]], list[Result]],
        *,
        limit: int,
        queue_limit: int,
        on_shed: Callable[[], None],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._commit = commit
        self._work = work
        self._limit = limit
        self._queue_limit = queue_limit
        self._on_shed = on_shed
        self._patience = patience
        self._queue: asyncio.Queue[_Waiting[Item, Result]] = asyncio.Queue()
        self._weight = 0
        self._has_ended = False
        self._released = asyncio.Event()

    async def submit(self, item: Item, weight: int = 1) -> Result:
        """Return the item's result once it is committed. `weight` is how many elements it carries.

        Raises NotNow when the queue is full, the item's turn does not come in time or the store cannot be reached, and
        whatever `work` raised for this item.
        """
        if self._has_ended:
            raise NotNow("the service is stopping")
        self.refuse_if_full(weight)
        loop = asyncio.get_running_loop()
        waiting: _Waiting[Item, Result] = _Waiting(item, loop.create_future(), weight)
        waiting.patience = loop.call_later(self._patience, self._give_up, waiting)
        self._weight += weight
        waiting.answer.add_done_callback(lambda _: self._release(weight))  # who hangs up counts until then, too
        self._queue.put_nowait(waiting)
        return await asyncio.shield(waiting.answer)

    def refuse_if_full(self, weight: int = 1) -> None:
        """Raise NotNow if nothing more may wait; to be asked before a body is read, when refusing costs least."""
        if self._weight + weight > self._queue_limit and self._weight > 0:
            self._on_shed()
            raise NotNow("too many requests are waiting to be stored")

    async def turn(self, weight: int) -> None:
        """Return once so much would leave half of the queue free: for who can wait, so that others are not refused."""
        while self._weight > 0 and self._weight + weight > self._queue_limit // 2:
            self._released.clear()
            await self._released.wait()

    def _release(self, weight: int) -> None:
        self._weight -= weight
        self._released.set()

    def _give_up(self, waiting: _Waiting[Item, Result]) -> None:
        """Its turn did not come in time. Nothing of it was begun."""
        waiting.item = None
        if not waiting.answer.done():
            self._on_shed()
            waiting.answer.set_exception(NotNow("the store is too slow for what is waiting"))

    async def run(self) -> None:
        """Commit what is submitted, for ever. To be run as a task."""
        batch: list[_Waiting[Item, Result]] = []
        try:
            while True:
                batch = await self._collect()
                if batch:
                    await self._settle(batch)
        finally:  # nobody waits for an answer that nobody will give
            self._has_ended = True
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            self._fail(batch, NotNow("the service is stopping"))

    async def _collect(self) -> list[_Waiting[Item, Result]]:
        batch = self._begin(await self._queue.get())
        weight = sum(waiting.weight for waiting in batch)
        if self._queue.empty():
            await asyncio.sleep(0)  # let requests that are already here come in; waiting longer would only cost latency
        while weight < self._limit and not self._queue.empty():
            begun = self._begin(self._queue.get_nowait())
            weight += sum(waiting.weight for waiting in begun)
            batch += begun
        return batch

    @staticmethod
    def _begin(waiting: _Waiting[Item, Result]) -> list[_Waiting[Item, Result]]:
        """It is the item's turn: from now on it is waited for, however long that takes. Empty if it was given up."""
        if waiting.patience is not None:
            waiting.patience.cancel()
        return [] if waiting.item is None else [waiting]

    async def _settle(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._commit(self._work, [cast(Item, waiting.item) for waiting in batch])
        except BrokenInvariant:
            raise
        except NotNow as problem:
            self._fail(batch, problem)
        except Exception as problem:  # noqa: BLE001  (one bad item must fail alone)
            if len(batch) == 1:
                self._fail(batch, problem)
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        else:
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(result)

    @staticmethod
    def _fail(batch: list[_Waiting[Item, Result]], problem: BaseException) -> None:
        for waiting in batch:
            if not waiting.answer.done():
                waiting.answer.set_exception(problem)
