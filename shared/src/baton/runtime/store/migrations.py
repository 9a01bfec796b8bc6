"""The runtime's part of every service's migrations. Each is frozen: change tables in a new function."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from baton.runtime.store.types import Instant, Json

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def create_v1() -> None:
    """Create the runtime's tables: lanes, places, subjects, journal, timers, parked facts."""
    op.create_table("meta", sa.Column("key", sa.Text, primary_key=True), sa.Column("value", Json))
    op.create_table(
        "lane",
        sa.Column("lane", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("until", Instant),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "member",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("until", Instant, nullable=False),
    )
    op.create_table(
        "place",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("lane", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next_off", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "subject",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("heard", Json, nullable=False),
    )
    _create_journal()
    op.create_table(
        "timer",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("payload", Json),
    )
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index("timer_due", "timer", ["due_at"], postgresql_where=is_due, sqlite_where=is_due)
    _create_parked()


def _create_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("position", sa.BigInteger),
        sa.UniqueConstraint("subject", "sequence", name="journal_subject_sequence"),
        sa.UniqueConstraint("lane", "position", name="journal_lane_position"),
    )
    unpublished = sa.text("position IS NULL")
    op.create_index("journal_outbox", "journal", ["id"], postgresql_where=unpublished, sqlite_where=unpublished)
    op.create_index("journal_recorded_at", "journal", ["recorded_at"])


def _create_parked() -> None:
    op.create_table(
        "parked",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("record_offset", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("headers", Json, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("stack", sa.Text),
        sa.Column("parked_at", Instant, nullable=False),
    )
    op.create_index("ix_parked_subject", "parked", ["subject"])


def erase_v2() -> None:
    """Remember which subjects were erased, and whether files and the embedded log were cleared of them, too."""
    op.add_column("subject", sa.Column("erased_at", Instant))
    op.add_column("subject", sa.Column("scrubbed_at", Instant))
    is_erased = sa.text("erased_at IS NOT NULL")
    op.create_index("subject_erased", "subject", ["subject"], postgresql_where=is_erased, sqlite_where=is_erased)


_STEP = 10_000
_FULL = 100


def pages_v3() -> None:
    """Move positions from the journal's rows to pages beside it (ADR 0007), with what is published and what is not."""
    op.create_table(
        "page",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger),
        sa.UniqueConstraint("lane", "position", name="page_lane_position"),
    )
    unpublished = sa.text("position IS NULL")
    op.create_index("page_outbox", "page", ["first"], postgresql_where=unpublished, sqlite_where=unpublished)
    tx = op.get_bind()
    lanes = tx.execute(sa.text("SELECT DISTINCT lane FROM journal ORDER BY lane")).scalars().all()
    for lane in lanes:
        _move_published(tx, lane)
        _move_unpublished(tx, lane)
    op.drop_index("journal_outbox", "journal")
    with op.batch_alter_table("journal") as journal:
        journal.drop_constraint("journal_lane_position", type_="unique")
        journal.drop_column("position")


def _move_published(tx: sa.Connection, lane: int) -> None:
    above = 0
    query = sa.text(
        "SELECT id, position FROM journal WHERE lane = :lane AND position > :above ORDER BY position LIMIT :n"
    )
    while rows := tx.execute(query, {"lane": lane, "above": above, "n": _STEP}).all():
        page: list[int] = []
        for number, position in rows:
            if page and (len(page) == _FULL or position != above + 1):  # a hole: a fact was published again
                _put(tx, lane, page, above)
                page = []
            page.append(number)
            above = position
        _put(tx, lane, page, above)


def _move_unpublished(tx: sa.Connection, lane: int) -> None:
    above = 0
    query = sa.text(
        "SELECT id FROM journal WHERE lane = :lane AND id > :above AND position IS NULL ORDER BY id LIMIT :n"
    )
    while page := list(tx.execute(query, {"lane": lane, "above": above, "n": _FULL}).scalars()):
        _put(tx, lane, page, None)
        above = page[-1]


def _put(tx: sa.Connection, lane: int, page: list[int], position: int | None) -> None:
    row = {"lane": lane, "first": min(page), "facts": str(page), "size": len(page), "position": position}
    into = "INSERT INTO page (lane, first, facts, size, position) VALUES (:lane, :first, :facts, :size, :position)"
    tx.execute(sa.text(into), row)
