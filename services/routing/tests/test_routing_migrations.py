"""The migrations make the tables that the code works with."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from baton.runtime.testing import Bench


async def test_migrations_make_the_tables_the_code_knows(bench: Bench) -> None:
    def differences(tx: Any) -> list[Any]:
        context = MigrationContext.configure(tx, opts={"compare_type": False})
        found = compare_metadata(context, bench.engine.service.metadata)
        return [change for change in found if "alembic_version" not in str(change)]

    assert await bench.engine.read(differences) == []
