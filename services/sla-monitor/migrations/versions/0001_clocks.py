"""Leads with their evidence, obligations, reps; and the runtime's tables."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json
from baton.runtime.store.migrations import create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1()
    op.create_table(
        "lead",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("evidence", Json, nullable=False),
    )
    op.create_table("rep", sa.Column("rep_id", sa.Text, primary_key=True), sa.Column("rep", Json, nullable=False))
    op.create_table(
        "obligation",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("promise", sa.Text, primary_key=True),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("team", sa.Text),
        sa.Column("calendar", sa.Text),
        sa.Column("calendar_version", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("warn_at", Instant, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("warned_at", Instant),
        sa.Column("expired_at", Instant),
        sa.Column("closed_at", Instant),
        sa.Column("reason", sa.Text),
        sa.Column("rule", sa.Text),
        sa.Column("touches", sa.Integer, nullable=False),
        sa.Column("becomes", sa.Text),
        sa.Column("seconds", sa.Float),
        sa.Column("business_seconds", sa.Float),
    )
    op.create_index("obligation_due", "obligation", ["state", "due_at", "lead_id"])
    op.create_index("obligation_count", "obligation", ["state", "policy", "team", "promise"])
