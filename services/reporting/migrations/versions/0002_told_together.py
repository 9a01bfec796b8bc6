"""What one transaction hears of a lead is one row: journeys move from `entry` to `told`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_AT_ONCE = 5_000
_ENTRY = sa.table(
    "entry",
    sa.column("lead_id", sa.Text),
    sa.column("at", Instant),
    sa.column("publisher", sa.Text),
    sa.column("sequence", sa.Integer),
    sa.column("event_id", sa.Text),
    sa.column("type", sa.Text),
    sa.column("recorded_at", Instant),
    sa.column("round", sa.Integer),
    *(sa.column(name, sa.Text) for name in ("what", "why", "tone", "who")),
    sa.column("detail", Json),
)


def upgrade() -> None:
    told = op.create_table(
        "told",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("publisher", sa.Text, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entries", Json, nullable=False),
    )
    for rows in _pages(op.get_bind()):
        moved = [
            {"lead_id": row.lead_id, "publisher": row.publisher, "sequence": row.sequence, "entries": [row[1:]]}
            for row in rows
        ]
        op.bulk_insert(told, moved)
    op.drop_table("entry")


def _pages(tx: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    place = (_ENTRY.c.lead_id, _ENTRY.c.at, _ENTRY.c.publisher, _ENTRY.c.sequence)
    query = sa.select(_ENTRY).order_by(*place).limit(_AT_ONCE)
    rows = tx.execute(query).all()
    while rows:
        yield rows
        behind = sa.tuple_(*place) > sa.tuple_(*rows[-1][:4], types=[column.type for column in place])
        rows = tx.execute(query.where(behind)).all()
