"""What those turned down had taken until then."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "turned_down",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("days", sa.Float, nullable=False),
        sa.Column("touches", sa.Integer, nullable=False),
        sa.Column("met", sa.Boolean, nullable=False),
        sa.Column("hours_freed", sa.Float),
    )
