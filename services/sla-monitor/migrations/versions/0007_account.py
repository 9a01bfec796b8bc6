"""Leads by their company: who else there is, where a contact cannot decide."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("lead", sa.Column("account", sa.Text))
    op.create_index("lead_account", "lead", ["account", "lead_id"])
