"""Positions stand on pages beside the journal, not in its rows."""

from baton.runtime.store.migrations import pages_v3

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pages_v3()
