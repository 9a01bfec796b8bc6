"""Whose a company is because somebody said so."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "named_account",
        sa.Column("account_id", sa.Text(), primary_key=True),
        sa.Column("rep_id", sa.Text()),
        sa.Column("assigned_at", Instant, nullable=False),
        sa.Column("assigned_by", sa.Text()),
    )
