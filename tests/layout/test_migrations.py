"""Replicas that start at the same moment migrate the same database: one does, the others find it done."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import inspect

from baton.runtime.migrate import migrate_now
from baton.runtime.run import installed_services
from baton.runtime.store import open_store


@pytest.mark.parametrize("service", installed_services())
async def test_replicas_that_start_together_migrate_once(service: str, postgres: Any) -> None:
    url = str(postgres.new_database())
    await asyncio.gather(*(migrate_now(service, url) for _ in range(4)))
    store = open_store(url)
    tables = await store.read(lambda tx: set(inspect(tx).get_table_names()))
    await store.close()
    assert {"lane", "place", "journal", "page", "timer", "parked", "alembic_version"} <= tables
