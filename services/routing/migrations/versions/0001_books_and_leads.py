"""Books, roster, leads, decisions with their inputs; and the runtime's tables."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json
from baton.runtime.store.migrations import create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1()
    op.create_table(
        "books",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("roster_version", sa.BigInteger, nullable=False),
        sa.Column("roster_hash", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "rep",
        sa.Column("rep_id", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
    )
    op.create_table(
        "lead",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("fate", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("bearer", sa.Text),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("waiting", sa.Text),
        sa.Column("pool", sa.Text),
        sa.Column("since", Instant, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    is_waiting = sa.text("waiting IS NOT NULL")
    op.create_index("lead_queue", "lead", ["bearer", "score", "lead_id"])
    op.create_index("lead_waiting", "lead", ["pool", "since"], postgresql_where=is_waiting, sqlite_where=is_waiting)
    op.create_table(
        "decision",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("decided_at", Instant, nullable=False),
        sa.Column("inputs_hash", sa.Text, nullable=False),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("answer", Json, nullable=False),
    )
    op.create_index("decision_decided_at", "decision", ["decided_at"])
    op.create_table(
        "kept",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("kept_at", Instant, nullable=False),
    )
