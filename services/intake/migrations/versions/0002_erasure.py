"""People can be erased: whom a body tells of, who was erased, and by what they were known."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store.migrations import erase_v2
from baton.runtime.store.types import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    erase_v2()
    op.add_column("lead", sa.Column("erased_at", Instant))
    op.add_column("raw", sa.Column("sealed_at", Instant))
    op.create_table(
        "raw_lead",
        sa.Column("raw_id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, primary_key=True),
    )
    op.create_index("raw_lead_lead_id", "raw_lead", ["lead_id"])
    op.create_table(
        "erased_identity",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("erased_at", Instant, nullable=False),
    )
    op.create_index("erased_identity_erased_at", "erased_identity", ["erased_at"])
