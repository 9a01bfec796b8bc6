"""Who got the newest lead of a company."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.Text(), primary_key=True),
        sa.Column("rep_id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
    )
    op.create_index("ix_account_lead_id", "account", ["lead_id"])
