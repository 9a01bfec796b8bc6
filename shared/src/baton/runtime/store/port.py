"""One store per service: SQLite with one writer thread, or a Postgres database. Functions are sync over a
Connection."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import greenlet_spawn

from baton.runtime.store.arrays import take_lists_only

T = TypeVar("T")

_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock: a fresh transaction will do
_AWAY = ("08", "57P", "53")  # connection lost, shutting down, out of resources
_CLOSED = {"55000", "3D000", "28000", "28P01"}
"""The server is there, but lets nobody (or not us) into this database: while it is restored, renamed, or its password
changed. Nothing has been asked yet, so nothing can be wrong with it."""
_TRIES = 5


class NotNow(Exception):
    """The store (or the bus) cannot serve at this moment; nothing is wrong with what was asked. Try again later."""


class Store(Protocol):
    """Where a service keeps everything. `write` and `read` run a function inside one transaction."""

    dialect: str

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` and commit. Once this returns, it is on disk. `work` may run more than once (deadlock).

        Raises NotNow while the store cannot be reached; whatever `work` raises rolls everything back.
        """
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, on a connection of its own. Each statement sees what is committed by then."""
        ...

    async def scrub(self) -> bool:
        """Leave nothing of what was deleted or overwritten where only the store's own files would show it.

        True once it is done; False while somebody still reads what was. Where the server does it in its own time
        (PostgreSQL: vacuum, and its log) there is nothing to do.
        """
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy URL: `sqlite:////path/file.db` or `postgresql+asyncpg://…`."""
    if url.startswith("sqlite"):
        return SqliteStore(Path(url.split("///", 1)[1]))
    return PostgresStore(url)


def sqlite_engine(path: Path, *, writes: bool = True, threads: int = 1) -> Engine:
    """Return an engine on a SQLite file: WAL, every commit synced to disk, writers begin IMMEDIATE.

    A deferred BEGIN that later writes fails at once with SQLITE_BUSY_SNAPSHOT, whatever the busy timeout.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=threads,
        hide_parameters=True,  # an error message must not carry what people typed into the log
        connect_args={"check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # What is deleted is overwritten: a person who was erased must not be found in free pages either.
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "cache_size=-16000", "secure_delete=ON")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class SqliteStore:
    """One file, one writer thread; a few reader threads beside it see the last commit."""

    dialect = "sqlite"

    def __init__(self, path: Path, readers: int = 2) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = sqlite_engine(path)
        self._reader = sqlite_engine(path, writes=False, threads=readers)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix=f"write-{path.stem}")
        self._read_threads = ThreadPoolExecutor(readers, thread_name_prefix=f"read-{path.stem}")

    async def write(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._write_thread, _in_transaction, self._writer, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, _in_transaction, self._reader, work)

    async def scrub(self) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._write_thread, _empty_wal, self._writer)

    async def close(self) -> None:
        self._write_thread.shutdown(wait=True)
        self._read_threads.shutdown(wait=True)
        self._writer.dispose()
        self._reader.dispose()


def _empty_wal(engine: Engine) -> bool:
    """Bring everything into the file and cut its log to nothing: older pages stand there else until overwritten."""
    connection = engine.raw_connection()
    try:
        (is_busy, _, _) = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    return not is_busy


_CALLS = "baton.after_commit"


def after_commit(tx: Connection, call: Callable[[], None]) -> None:
    """Call `call` once the open transaction is committed, and not at all if it is rolled back: for metrics."""
    tx.info.setdefault(_CALLS, []).append(call)


def _with_calls(work: Callable[[Connection], T], tx: Connection) -> tuple[T, list[Callable[[], None]]]:
    tx.info.pop(_CALLS, None)  # left by a transaction that was rolled back on the same connection
    result = work(tx)
    return result, tx.info.pop(_CALLS, [])


def _in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as tx:
            result, calls = _with_calls(work, tx)
        for call in calls:
            call()
        return result
    except OperationalError as problem:
        if _is_sqlite_bug(problem):
            raise
        raise NotNow(str(problem.orig)) from problem


def _is_sqlite_bug(problem: OperationalError) -> bool:
    """True for a mistake in SQL, which SQLite also calls operational; false for locked, full, I/O error."""
    words = str(problem.orig)
    return any(word in words for word in ("no such", "syntax error", "has no column", "malformed JSON", "ambiguous"))


class PostgresStore:
    """One database, a small pool, short timeouts: a store that hangs is worse than one that says no."""

    dialect = "postgresql"

    def __init__(self, url: str, pool_size: int = 8) -> None:
        take_lists_only()
        self._under_way: set[asyncio.Future[Any]] = set()
        # Not `create_async_engine`: that brings the ORM along, 6 MB of memory, and enters a greenlet three times a
        # transaction instead of once.
        self._engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=2,
            pool_pre_ping=False,
            hide_parameters=True,
            connect_args={
                "timeout": 5,
                "command_timeout": 30,
                "server_settings": {
                    "statement_timeout": "30s",
                    "lock_timeout": "5s",
                    "idle_in_transaction_session_timeout": "5s",
                    "jit": "off",
                },
            },
        )
        event.listen(self._engine, "connect", _compress_quickly)
        event.listen(self._engine, "connect", _prefer_indexes)
        # Readers need no transaction: one round trip instead of three.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._tried(self._engine, work)

    async def _tried(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        for attempt in range(_TRIES):
            # Whoever is cancelled does not tear the transaction; `close` waits for what is still under way.
            task = asyncio.ensure_future(_once(engine, work))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            try:
                return await asyncio.shield(task)
            except DBAPIError as problem:
                if _will_do_again(problem) and attempt + 1 < _TRIES:
                    await asyncio.sleep(random.uniform(0.005, 0.05) * (attempt + 1))  # noqa: S311  (jitter)
                    continue
                raise translated(problem) from problem
            except (TimeoutError, PoolTimeout, OSError) as problem:
                raise NotNow(f"{type(problem).__name__}: {problem}") from problem
        raise AssertionError("unreachable")

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._tried(self._reading, work)

    async def scrub(self) -> bool:
        return True

    async def close(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=5)
        with contextlib.suppress(OSError):
            await greenlet_spawn(self._engine.dispose)


def _compress_quickly(connection: Any, _record: Any) -> None:
    """Let long values be compressed by lz4 where the server was built with it, and not by the older pglz.

    A lead's long values then cost routing's database 0.16 ms of processor instead of 0.23. Old rows stay readable.
    """
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config(name, 'lz4', false) FROM pg_settings"
        " WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
    )
    cursor.close()
    connection.commit()  # a setting made in a transaction that is rolled back would be lost


def _prefer_indexes(connection: Any, _record: Any) -> None:
    """Let statements be planned for the tables they will meet, not for the empty ones they are first planned on.

    A plan is kept with its connection, and on a new store it reads tables from end to end, comparing each row with all
    the keys that are asked for, until statistics are gathered a minute or more later. Intake took arrays of 200 at 907
    leads a second for it, and at 3,164 without. What has no index is read from end to end all the same.
    """
    cursor = connection.cursor()
    cursor.execute("SET enable_seqscan = off")
    cursor.close()
    connection.commit()


async def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    done: tuple[T, list[Callable[[], None]]] = await greenlet_spawn(_whole, engine, work)
    result, calls = done
    for call in calls:
        call()
    return result


def _whole(engine: Engine, work: Callable[[Connection], T]) -> tuple[T, list[Callable[[], None]]]:
    """Do a whole transaction where the driver may wait: inside a greenlet."""
    with engine.begin() as tx:
        return _with_calls(work, tx)


def _sqlstate(problem: DBAPIError) -> str:
    return str(getattr(problem.orig, "sqlstate", "") or getattr(problem.orig, "pgcode", "") or "")


def _will_do_again(problem: DBAPIError) -> bool:
    """True where a fresh transaction will do, also after another process has changed a table (a plan has become
    void)."""
    return _sqlstate(problem) in _AGAIN or type(problem.orig).__name__ == "InvalidCachedStatementError"


def translated(problem: DBAPIError) -> Exception:
    """Return NotNow where PostgreSQL says that it will not do now, or the driver that its connection is just ending;
    else what was said."""
    state = _sqlstate(problem)
    away = problem.connection_invalidated or state.startswith(_AWAY) or state in _AGAIN | _CLOSED | {"55P03", "57014"}
    # What the server ended is read in two steps: why, and that it has. To whoever asks in between the driver says that
    # another operation is in progress; while a connection is set up, SQLAlchemy takes that for a bug of ours.
    is_ending = type(problem.orig).__name__ == "InternalClientError"
    if away or is_ending or isinstance(problem, InterfaceError | OperationalError):
        return NotNow(str(problem.orig))
    return problem
