"""What was promised in business time is kept with the deadline, so that it can be counted by another calendar."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("obligation", sa.Column("allowed", sa.Float))
    op.add_column("obligation", sa.Column("was_due_at", Instant))
