"""Which versions of the playbook were in force, and who of both sides signed them."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant, Json

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "version",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("first_in_force_at", Instant, nullable=False),
        sa.Column("last_in_force_at", Instant, nullable=False),
    )
    op.create_table(
        "signature",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("signed_at", Instant, nullable=False),
        sa.Column("noted_by", sa.Text, nullable=False),
    )
