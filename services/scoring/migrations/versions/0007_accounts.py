"""The people of one company are found by it, and who was named as its owner."""

import sqlalchemy as sa
from alembic import op

from baton.runtime.store import Instant

revision = "0007"
down_revision = "0006"

_FILLED = {
    "postgresql": "UPDATE person SET account_id = body::json -> 'contact' ->> 'account_id'",
    "sqlite": "UPDATE person SET account_id = json_extract(body, '$.contact.account_id')",
}


def upgrade() -> None:
    op.add_column("person", sa.Column("account_id", sa.Text))
    op.execute(_FILLED[op.get_context().dialect.name])
    op.create_index("person_account", "person", ["account_id", "score"])
    op.create_table(
        "account",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("assigned_at", Instant),
    )
