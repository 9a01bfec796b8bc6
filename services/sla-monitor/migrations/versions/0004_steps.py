"""Several warnings of one promise, and a chain of people who are told after it was broken."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("obligation", sa.Column("warned", sa.Integer, nullable=False, server_default="0"))
    op.add_column("obligation", sa.Column("at_risk_from", Instant))
    op.add_column("obligation", sa.Column("escalated", sa.Integer, nullable=False, server_default="0"))
    op.add_column("obligation", sa.Column("escalate_at", Instant))
    # There was one warning only: whoever has it gets no other.
    op.execute("UPDATE obligation SET warned = 100, at_risk_from = warn_at WHERE warned_at IS NOT NULL")
