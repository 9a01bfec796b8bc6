"""People, and who read which version of the definition; and the runtime's tables."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json
from baton.runtime.store.migrations import create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1()
    op.create_table(
        "person",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("temperature", sa.Text, nullable=False),
        sa.Column("judged_at", Instant, nullable=False),
        sa.Column("body", Json, nullable=False),
    )
    op.create_index("person_outcome", "person", ["outcome", "source"])
    op.create_table(
        "reading",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("reader", sa.Text, primary_key=True),
        sa.Column("read_at", Instant, nullable=False),
    )
