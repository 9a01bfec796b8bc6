"""What earlier versions kept is there after a migration."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from services.reporting.tests.stories import NOON, after
from sqlalchemy import Connection, Integer, Text, column, insert, table
from sqlalchemy.ext.asyncio import create_async_engine

from baton.reporting import store_queries as queries
from baton.runtime.migrate import config_of, migrate_now
from baton.runtime.store import Instant, Json, open_store
from baton.runtime.store.port import sqlite_engine

LEAD = "018f0000-0000-7000-8000-000000000001"
MANY = 5_100
"""More than a migration moves at once."""


def as_it_was(tx: Connection) -> None:
    """Make the first version's tables, with a long journey of one lead and a line of another."""
    command.upgrade(config_of("reporting", tx), "0001")
    texts = [column(name, Text) for name in ("lead_id", "publisher", "event_id", "type", "what", "why", "tone", "who")]
    times = [column(name, Instant) for name in ("at", "recorded_at")]
    numbers = [column(name, Integer) for name in ("sequence", "round")]
    entry = table("entry", *texts, *times, *numbers, column("detail", Json))
    same = {"publisher": "sla-monitor", "type": "sla.met", "why": None, "tone": "good", "who": "anna", "round": 1}
    rows = [
        {"lead_id": LEAD, "at": after(n), "recorded_at": NOON, "sequence": n, "event_id": f"e{n}", "what": f"Kept {n}"}
        for n in range(1, MANY + 1)
    ]
    rows.append({**rows[0], "lead_id": LEAD.replace("1", "2")})
    tx.execute(insert(entry), [{**same, **row, "detail": {"policy": "hot"}} for row in rows])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_journeys_are_kept_when_they_move_to_rows_told_together(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'reporting.db'}"
        engine = sqlite_engine(tmp_path / "reporting.db")
        with engine.begin() as tx:
            as_it_was(tx)
        engine.dispose()
    else:
        url = str(request.getfixturevalue("postgres").new_database())
        remote = create_async_engine(url)
        async with remote.begin() as connection:
            await connection.run_sync(as_it_was)
        await remote.dispose()
    await migrate_now("reporting", url)
    store = open_store(url)
    journey = await store.read(lambda tx: queries.journey(tx, LEAD, None, MANY + 1))
    await store.close()
    assert [entry.what for entry in journey] == [f"Kept {n}" for n in range(1, MANY + 1)]
    assert journey[0].at == after(1)
    assert (journey[0].who, journey[0].detail, journey[0].round) == ("anna", {"policy": "hot"}, 1)
