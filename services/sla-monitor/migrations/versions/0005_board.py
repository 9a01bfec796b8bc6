"""The board counts by team and by rep: one index has all that is counted."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.drop_index("obligation_count", "obligation")
    op.create_index("obligation_count", "obligation", ["team", "state", "policy", "promise", "owner"])
