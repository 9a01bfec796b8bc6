"""Subjects can be erased, and the funnel counts them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from baton.runtime.store.migrations import erase_v2

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    erase_v2()
    op.add_column("funnel", sa.Column("now_erased", sa.Integer, nullable=False, server_default="0"))
