"""The companies people belong to, and the names they are known by."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lead", sa.Column("account_id", sa.Text))
    op.create_index("lead_account_id", "lead", ["account_id", "lead_id"])
    op.create_table(
        "account_name",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, primary_key=True),
    )
    op.create_index("account_name_account_id", "account_name", ["account_id"])
