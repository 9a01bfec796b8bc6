"""Positions stand on pages beside the journal, not in its rows."""

from baton.runtime.store.migrations import pages_v3

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pages_v3()
