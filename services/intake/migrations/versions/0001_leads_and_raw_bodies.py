"""Leads, identities, raw bodies, quarantine, and what was seen and counted; the runtime's tables beside them."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store.migrations import create_v1
from baton.runtime.store.types import Instant, Json

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    create_v1()
    op.create_table(
        "raw",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("door", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("raw_received_at", "raw", ["received_at"])
    op.create_table(
        "lead",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("contact", Json, nullable=False),
        sa.Column("properties", Json, nullable=False),
        sa.Column("as_of", Instant, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table("identity", sa.Column("key", sa.Text, primary_key=True), sa.Column("lead_id", sa.Text))
    op.create_index("identity_lead_id", "identity", ["lead_id"])
    op.create_table(
        "seen",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
    )
    _create_quarantine()
    op.create_table(
        "tally",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "answer",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("receipts", Json, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("answer_at", "answer", ["at"])


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("raw_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("form", Json),
        sa.Column("awaits", sa.Text),
    )
    op.create_index("quarantine_awaits", "quarantine", ["awaits"])
    op.create_index("quarantine_raw_id", "quarantine", ["raw_id"])
    op.create_index("quarantine_source", "quarantine", ["source", "id"])
