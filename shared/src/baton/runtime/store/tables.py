"""The runtime's own tables; every service's store has them beside its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from baton.runtime.partition import lane_of
from baton.runtime.store.rows import upsert
from baton.runtime.store.types import Instant, Json

BIG_ID = BigInteger().with_variant(Integer, "sqlite")
"""Auto-increment ids: SQLite gives them only to INTEGER PRIMARY KEY."""

_ERASED = text("erased_at IS NOT NULL")


class RuntimeTables(NamedTuple):
    """Handles to the runtime's tables within one service's metadata."""

    meta: Table
    lane: Table
    member: Table
    place: Table
    subject: Table
    journal: Table
    page: Table
    timer: Table
    parked: Table


def new_metadata() -> MetaData:
    """Return fresh metadata that holds the runtime's tables; a service adds its own to it."""
    metadata = MetaData()
    Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Json))
    # A lane is partition i of every topic the service hears, its timers and its unpublished facts: one writer.
    Table(
        "lane",
        metadata,
        Column("lane", Integer, primary_key=True, autoincrement=False),
        Column("owner", Text),
        Column("epoch", BigInteger, nullable=False),
        Column("until", Instant),
        Column("position", BigInteger, nullable=False),  # how many facts of this lane the relay has published
    )
    Table("member", metadata, Column("owner", Text, primary_key=True), Column("until", Instant, nullable=False))
    Table(
        "place",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("lane", Integer, primary_key=True, autoincrement=False),
        Column("next_off", BigInteger, nullable=False),
    )
    # The row is the lock of its lead, and remembers how far each publisher was heard and what we published ourselves.
    Table(
        "subject",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("published", BigInteger, nullable=False),
        Column("heard", Json, nullable=False),
        Column("erased_at", Instant),  # from then on nothing is decided about it, and nothing of it is kept
        Column("scrubbed_at", Instant),  # since when no free page and no log of the store's own shows it
        Index("subject_erased", "subject", postgresql_where=_ERASED, sqlite_where=_ERASED),
    )
    # Every fact the service ever said.
    Table(
        "journal",
        metadata,
        Column("id", BIG_ID, primary_key=True, autoincrement=True),
        Column("lane", Integer, nullable=False),
        Column("topic", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("event_id", Text, nullable=False, unique=True),
        Column("type", Text, nullable=False),
        Column("headers", Json, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("recorded_at", Instant, nullable=False),
        UniqueConstraint("subject", "sequence", name="journal_subject_sequence"),
        Index("journal_recorded_at", "recorded_at"),
    )
    # Facts of one lane in the order in which they go to the bus (journal.py). Without a position: the outbox.
    Table(
        "page",
        metadata,
        Column("id", BIG_ID, primary_key=True, autoincrement=True),
        Column("lane", Integer, nullable=False),
        Column("first", BigInteger, nullable=False),  # the oldest of its facts, by which pages are sorted
        Column("facts", Json, nullable=False),  # their ids in the journal
        Column("size", Integer, nullable=False),
        Column("position", BigInteger),  # of the last of its facts
        UniqueConstraint("lane", "position", name="page_lane_position"),
        Index("page_outbox", "first", postgresql_where=text("position IS NULL"), sqlite_where=text("position IS NULL")),
    )
    Table(
        "timer",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("lane", Integer, nullable=False),
        Column("due_at", Instant),  # null: cleared; the row stays so that the version never goes back
        Column("version", BigInteger, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("payload", Json),  # of jobs
        Index(
            "timer_due", "due_at", postgresql_where=text("due_at IS NOT NULL"), sqlite_where=text("due_at IS NOT NULL")
        ),
    )
    Table(
        "parked",
        metadata,
        Column("id", BIG_ID, primary_key=True, autoincrement=True),
        Column("subject", Text, nullable=False, index=True),
        Column("lane", Integer, nullable=False),
        Column("topic", Text, nullable=False),
        Column("record_offset", BigInteger, nullable=False),
        Column("type", Text),
        Column("source", Text),
        Column("sequence", BigInteger),
        Column("headers", Json, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("reason", Text, nullable=False),  # poison, undecodable, gap, behind
        Column("error", Text),
        Column("stack", Text),
        Column("parked_at", Instant, nullable=False),
    )
    return metadata


def runtime_tables(metadata: MetaData) -> RuntimeTables:
    """Return the runtime's tables of `metadata`."""
    return RuntimeTables(*(metadata.tables[name] for name in RuntimeTables._fields))


def wake(tx: Connection, metadata: MetaData, subjects: Iterable[str], at: datetime, lanes: int) -> None:
    """Set the `wake` timer of each subject to `at`, raising its version. For use in `keep`, after the books changed.

    Whatever may free a held lead calls this in the transaction that frees it. `lanes` is the number of partitions.
    """
    timer = metadata.tables["timer"]
    same: dict[str, object] = {"due_at": at, "version": first_version(at), "tries": 0, "payload": None}
    rows: list[dict[str, object]] = [
        {"subject": s, "kind": "wake", "lane": lane_of(s, lanes), **same} for s in sorted(set(subjects))
    ]
    set_timers(tx, timer, rows)


def first_version(now: datetime) -> int:
    """Return the version of a timer that is first set at `now`: microseconds, so that raising it never outruns time."""
    return int(now.timestamp() * 1_000_000)


def set_timers(tx: Connection, timer: Table, rows: list[dict[str, object]]) -> None:
    """Upsert timers so that each one's version is raised; `version` in the rows is ignored for those that exist."""
    if not rows:
        return
    upsert(tx, timer, rows, update=("due_at", "payload", "tries"), raising="version")
