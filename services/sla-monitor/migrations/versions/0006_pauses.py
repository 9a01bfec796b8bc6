"""Clocks rest until an agreed date; a breach is declared once, also where a pause becomes known afterwards."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("obligation", sa.Column("is_declared", sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("promised_at", "paused_at", "paused_until", "resumed_at"):
        op.add_column("obligation", sa.Column(name, Instant))
    # Deadlines had never moved but for the time of work, which is computed anew each time.
    op.execute("UPDATE obligation SET promised_at = due_at, is_declared = (state = 'breached')")
