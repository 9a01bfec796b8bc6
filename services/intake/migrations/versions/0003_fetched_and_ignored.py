"""Elements of which nothing comes are counted apart."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tally", sa.Column("ignored", sa.BigInteger, nullable=False, server_default="0"))
