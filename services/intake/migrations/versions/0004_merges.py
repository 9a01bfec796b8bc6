"""Leads that go on as another one, and who was found to be whom."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lead", sa.Column("merged_into", sa.Text))
    op.add_column("lead", sa.Column("layers", Json))
    op.create_table(
        "merge",
        sa.Column("one", sa.Text, primary_key=True),
        sa.Column("other", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("loser", sa.Text),
        sa.Column("keys", Json, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("found_at", Instant, nullable=False),
        sa.Column("decided_at", Instant),
        sa.Column("decided_by", sa.Text),
        sa.Column("detail", sa.Text),
    )
    op.create_index("merge_state", "merge", ["state", "found_at"])
    op.create_index("merge_other", "merge", ["other"])
