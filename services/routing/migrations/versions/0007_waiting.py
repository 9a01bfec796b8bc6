"""Held leads by what they ask of whoever gets them, whom they prefer, and who has had them.

Those that are held already count as asking for nothing until they are tried again, which is when it is found out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for name in ("needs", "prefers", "had"):
        op.add_column("lead", sa.Column(name, sa.Text))
    op.execute("UPDATE lead SET needs = '' WHERE waiting IS NOT NULL")
    is_waiting, prefers = sa.text("waiting IS NOT NULL"), sa.text("prefers IS NOT NULL")
    op.drop_index("lead_waiting", "lead")
    columns = ["pool", "waiting", "needs", "since", "lead_id"]
    op.create_index("lead_waiting", "lead", columns, postgresql_where=is_waiting, sqlite_where=is_waiting)
    op.create_index("lead_prefers", "lead", ["since", "lead_id"], postgresql_where=prefers, sqlite_where=prefers)
