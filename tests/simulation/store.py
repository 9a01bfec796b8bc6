"""A service's store in memory: the real functions run inline on one connection, in real transactions of SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from alembic import command
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from baton.runtime.failures import NotNow
from baton.runtime.migrate import config_of
from baton.runtime.store.port import _in_transaction
from tests.simulation.turns import Turns

T = TypeVar("T")


class _TornError(Exception):
    """The transaction is rolled back on purpose."""


class _Memory:
    """One engine per service and process, on a connection that is made anew for each run."""

    def __init__(self, service: str) -> None:
        self._migrated = sqlite3.connect(":memory:")
        self.engine = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool)
        event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        with self.engine.begin() as connection:
            command.upgrade(config_of(service, connection), "head")
        self.connection.backup(self._migrated)

    def _connect(self) -> sqlite3.Connection:
        self.connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._migrated.backup(self.connection)
        return self.connection

    def renew(self) -> None:
        """Forget all data; keep what SQLAlchemy has compiled."""
        self.engine.dispose()
        self.engine.connect().close()


_memory = cache(_Memory)


class Database:
    """The data of one service, fresh; shared by its replicas and by those that come after a crash."""

    def __init__(self, service: str) -> None:
        self.service = service
        self._memory = _memory(service)
        self._memory.renew()
        self.engine = self._memory.engine
        self.places: dict[tuple[str, int], int] = {}
        self.wrong: list[str] = []

    def rows(self, sql: str, *bound: Any) -> list[tuple[Any, ...]]:
        """Look at the data directly."""
        return self._memory.connection.execute(sql, bound).fetchall()

    def look(self) -> None:
        """After every commit: what was read once is never unread."""
        for topic, lane, place in self.rows("SELECT topic, lane, next_off FROM place"):
            if place < self.places.get((topic, lane), 0):
                self.wrong.append(f"{self.service}: place of {topic}/{lane} went back to {place}")
            self.places[topic, lane] = place


class SimStore:
    """One replica's way to the data (`Store`). Fails as a database does: before, in the middle of, and after COMMIT."""

    dialect = "sqlite"

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def write(self, work: Callable[[Connection], T]) -> T:
        await self._turns.gate()
        if self._turns.fails(0.5):
            raise NotNow("the store is away")
        if self._turns.fails(0.5):
            self._tear(work)
            raise NotNow("the connection broke before COMMIT")
        if self._turns.fails(0.5):
            self._tear(work)  # a deadlock: the store runs the work again
        result = _in_transaction(self._database.engine, work)
        self._database.look()
        await self._turns.gate()
        if self._turns.fails(0.5):
            raise NotNow("the connection broke after COMMIT")
        return result

    def _tear(self, work: Callable[[Connection], T]) -> None:
        def torn(tx: Connection) -> None:
            work(tx)
            raise _TornError

        with contextlib.suppress(_TornError):
            _in_transaction(self._database.engine, torn)

    async def read(self, work: Callable[[Connection], T]) -> T:
        await self._turns.gate()
        if self._turns.fails(0.5):
            raise NotNow("the store is away")
        result = _in_transaction(self._database.engine, work)
        await self._turns.gate()
        return result

    async def close(self) -> None:
        """Nothing to let go of: the data stays for whoever comes next."""
