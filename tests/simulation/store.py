"""A service's store in memory: the real functions run inline on one connection, in real transactions of SQLite."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from alembic import command
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from baton.runtime.bus.port import TopicLane
from baton.runtime.failures import NotNow
from baton.runtime.migrate import config_of
from baton.runtime.store.port import _with_calls
from tests.simulation.clock import StoreClock
from tests.simulation.quick import Quick
from tests.simulation.turns import Turns

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _TornError(Exception):
    """The transaction is rolled back on purpose."""


class _Memory:
    """One connection per service and process; its data is replaced for each run, what SQLAlchemy compiled is kept.

    Transactions are begun and ended on the driver's own connection: SQLAlchemy's never does either (AUTOCOMMIT).
    """

    def __init__(self, service: str) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        engine = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
        plain = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        command.upgrade(config_of(service, plain), "head")
        quick: Any = Quick(self.raw, engine.dialect)
        self.tx: Connection = plain if os.environ.get("BATON_SIM_PLAIN") else quick
        self.migrated = _copy(self.raw)


_memory = cache(_Memory)


def _copy(of: sqlite3.Connection) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    of.backup(copy)
    return copy


class Database:
    """The data of one service; shared by its replicas and by those that come after a crash."""

    def __init__(self, service: str, clock: StoreClock, data: sqlite3.Connection | None = None) -> None:
        """Begins with `data` (as `copy` gave it), else empty. One at a time in a process and service."""
        self.service = service
        self.clock = clock
        self.wrong: list[str] = []
        self.places: dict[TopicLane, int] = {}
        self.said_at: dict[int, datetime] = {}
        """By row of the journal: when it was committed, by the one true time."""
        self.has_outbox = False
        self.due_at: datetime | None = None
        self._memory = _memory(service)
        self.tx: Connection = self._memory.tx
        (data or self._memory.migrated).backup(self._memory.raw)
        self.look()

    def copy(self) -> sqlite3.Connection:
        """All data as it is."""
        return _copy(self._memory.raw)

    def rows(self, sql: str, *bound: Any) -> list[tuple[Any, ...]]:
        """Look at the data directly."""
        return self._memory.raw.execute(sql, bound).fetchall()

    def microseconds(self) -> int:
        """The present by its clock, as it stands in columns."""
        return (self.clock.now() - EPOCH) // timedelta(microseconds=1)

    def has_free_lanes(self) -> bool:
        """True if a lane belongs to nobody, or to somebody whose lease is over."""
        free = "SELECT 1 FROM lane WHERE owner IS NULL OR until < ? LIMIT 1"
        return bool(self.rows(free, self.microseconds()))

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, and look at what it left."""
        raw = self._memory.raw
        raw.execute("BEGIN IMMEDIATE")
        try:
            result, calls = _with_calls(work, self.tx)
        except BaseException:
            raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")
        for call in calls:
            call()
        self.look()
        return result

    def tear(self, work: Callable[[Connection], Any]) -> None:
        """Run `work` in a transaction that comes to nothing."""

        def torn(tx: Connection) -> None:
            work(tx)
            raise _TornError

        with contextlib.suppress(_TornError):
            self.transact(torn)

    def look(self) -> None:
        """After every commit: what was read once is never unread; what is there to do; when was said what."""
        for topic, lane, place in self.rows("SELECT topic, lane, next_off FROM place"):
            if place < self.places.get((topic, lane), 0):
                self.wrong.append(f"{self.service}: place of {topic}/{lane} went back to {place}")
            self.places[topic, lane] = place
        ((outbox, newest),) = self.rows(
            "SELECT EXISTS (SELECT 1 FROM page WHERE position IS NULL), (SELECT max(id) FROM journal)"
        )
        self.has_outbox = bool(outbox)
        for row in range(len(self.said_at) + 1, (newest or 0) + 1):
            self.said_at[row] = self.clock.true_now()
        ((due,),) = self.rows("SELECT min(due_at) FROM timer WHERE due_at IS NOT NULL")
        self.due_at = None if due is None else EPOCH + timedelta(microseconds=due)


class SimStore:
    """One replica's way to the data (`Store`). Fails as a database does: before, in the middle of, and after COMMIT."""

    dialect = "sqlite"

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def write(self, work: Callable[[Connection], T]) -> T:
        turns, database = self._turns, self._database
        await turns.gate()
        if turns.fails("store away", 0.5):
            raise NotNow("the store is away")
        if turns.fails("torn before COMMIT", 0.5):
            database.tear(work)
            raise NotNow("the connection broke before COMMIT")
        if turns.fails("deadlock", 0.5):
            database.tear(work)  # the store runs the work again, after a pause in which others may come first
            await turns.gate()
        result = database.transact(work)
        await turns.gate()
        if turns.fails("reply to COMMIT lost", 0.5):
            raise NotNow("the connection broke after COMMIT")
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Each statement sees what is committed by then; what is done with the answer may come after other commits."""
        await self._turns.gate()
        if self._turns.fails("store away", 0.5):
            raise NotNow("the store is away")
        result, _ = _with_calls(work, self._database.tx)
        await self._turns.gate()
        return result

    async def close(self) -> None:
        """Nothing to let go of: the data stays for whoever comes next."""
