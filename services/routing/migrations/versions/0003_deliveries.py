"""Deliveries to systems outside: subscriptions, how endpoints fare, what is on its way, what is passed on."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json

revision = "0003"
down_revision = "0002"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("secrets", Json, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("made_by", sa.Text),
    )
    op.create_table(
        "outlet",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("disabled", sa.Text),
        sa.Column("since", Instant),
        sa.Column("paused_until", Instant),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_success_at", Instant),
        sa.Column("last_error", sa.Text),
    )
    _create_delivery()
    op.create_table(
        "overheard",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, nullable=False, index=True),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False, index=True),
    )
    op.create_table(
        "crm_record",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("record", Json, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
    )


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("lead_id", sa.Text, nullable=False, index=True),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("settled_at", Instant),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.UniqueConstraint("endpoint", "event_id", name="delivery_endpoint_event"),
    )
    is_due, is_pending = sa.text("due_at IS NOT NULL"), sa.text("state = 'pending'")
    op.create_index("delivery_due", "delivery", ["endpoint", "due_at"], postgresql_where=is_due, sqlite_where=is_due)
    op.create_index(
        "delivery_order",
        "delivery",
        ["endpoint", "lead_id", "id"],
        postgresql_where=is_pending,
        sqlite_where=is_pending,
    )
    op.create_index("delivery_settled", "delivery", ["settled_at"])
