"""What follow-up brought is counted by rep and source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    keys = ("during", "team", "owner", "source")
    counts = ("handed_over", "kept", "nothing_learned", "excessive")
    op.create_table(
        "habit",
        *(sa.Column(name, sa.Text, primary_key=True) for name in keys),
        *(sa.Column(name, sa.Integer, nullable=False, server_default="0") for name in counts),
    )
