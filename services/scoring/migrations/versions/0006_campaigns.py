"""What campaign brought people, and what they lack."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("person", sa.Column("campaign", sa.Text))
    op.add_column("person", sa.Column("unmet", sa.Text))
    op.add_column("person", sa.Column("unknown", sa.Text))
