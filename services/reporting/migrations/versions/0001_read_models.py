"""Leads, journeys, reps, and the counts of funnel and follow-up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json
from baton.runtime.store.migrations import create_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FUNNEL_COUNTS = (
    "received", "qualified", "accepted", "opportunity", "won", "handed_over",
    "now_in_flight", "now_nurtured", "now_disqualified", "now_held", "now_routed", "now_accepted", "now_opportunity",
    "now_won", "now_lost", "now_junk", "now_test",
)  # fmt: skip
_PROMISE_COUNTS = ("started", "open", "met", "breached", "waived")


def upgrade() -> None:
    create_v1()
    _create_leads()
    _create_counts()


def _create_leads() -> None:
    op.create_table(
        "lead",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("received_at", Instant),
        sa.Column("fate", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("temperature", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("company", sa.Text),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("last_at", Instant),
        sa.Column("known", Json, nullable=False),
    )
    op.create_index("lead_received_at", "lead", ["received_at", "lead_id"])
    for column in ("fate", "source", "team", "owner"):
        op.create_index(f"lead_{column}", "lead", [column, "received_at", "lead_id"])
    op.create_table(
        "entry",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("at", Instant, primary_key=True),
        sa.Column("publisher", sa.Text, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("round", sa.Integer),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("tone", sa.Text, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("detail", Json, nullable=False),
    )
    op.create_table(
        "rep",
        sa.Column("rep_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
    )


def _create_counts() -> None:
    op.create_table(
        "funnel",
        sa.Column("during", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("is_test", sa.Boolean, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False, server_default="0") for name in _FUNNEL_COUNTS),
    )
    of_promise = ("during", "team", "policy", "promise")
    op.create_table(
        "promise",
        *(sa.Column(name, sa.Text, primary_key=True) for name in of_promise),
        *(sa.Column(name, sa.Integer, nullable=False, server_default="0") for name in _PROMISE_COUNTS),
    )
    op.create_table(
        "span",
        *(sa.Column(name, sa.Text, primary_key=True) for name in (*of_promise, "clock")),
        sa.Column("bucket", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer, nullable=False, server_default="0"),
    )
