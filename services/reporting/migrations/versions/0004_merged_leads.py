"""Leads that go on as another one are counted apart."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("funnel", sa.Column("now_merged", sa.Integer, nullable=False, server_default="0"))
