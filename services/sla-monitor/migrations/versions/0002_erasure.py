"""Subjects can be erased."""

from __future__ import annotations

from baton.runtime.store.migrations import erase_v2

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    erase_v2()
