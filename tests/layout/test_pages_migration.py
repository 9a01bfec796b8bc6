"""A store from before there were pages: what was published keeps its positions, what was not is published still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from baton.runtime.events import page_of, read_cursor
from baton.runtime.journal import outbox
from baton.runtime.migrate import config_of
from baton.runtime.store import new_metadata, open_store
from baton.runtime.store.port import sqlite_engine
from baton.runtime.store.tables import runtime_tables

LANES = 2
_FACT = """
INSERT INTO journal (lane, topic, subject, sequence, event_id, type, headers, value, recorded_at, position)
VALUES (:lane, 't', :subject, :sequence, :event_id, 'x', :headers, :value, {now}, :position)
"""


def _old(tx: Connection) -> None:
    """Lane 0: 250 facts published, of which 101 to 110 a second time, and 3 to be published. Lane 1: nothing."""
    command.upgrade(config_of("scoring", tx), "0001")
    positions: list[int | None] = [*range(1, 101), *range(251, 261), *range(111, 251), None, None, None]
    said = text(_FACT.format(now="now()" if tx.dialect.name == "postgresql" else "0"))
    for sequence, position in enumerate(positions, start=1):
        fact = {"lane": 0, "subject": "s", "sequence": sequence, "event_id": str(sequence), "position": position}
        headers = f'{{"content-type": "application/json", "ce_sequence": "{sequence}"}}'
        tx.execute(said, {**fact, "headers": headers, "value": b"{}"})
    command.upgrade(config_of("scoring", tx), "head")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.db'}"
        with sqlite_engine(tmp_path / "old.db").begin() as tx:
            _old(tx)
        opened = open_store(url)
    else:
        opened = open_store(request.getfixturevalue("postgres").new_database())
        await opened.write(_old)
    yield opened
    await opened.close()


async def test_what_was_published_keeps_its_positions_and_what_was_not_is_still_to_be(store: Any) -> None:
    tables = runtime_tables(new_metadata())
    waiting = await store.read(lambda tx: outbox(tx, tables, [0, 1], 500))
    assert [[row.id for row in page.facts] for page in waiting] == [[251, 252, 253]]
    positions = read_cursor(None, LANES)
    told: list[bytes] = []
    while lines := await store.read(lambda tx: page_of(tx, tables, positions, 90)):
        told += lines
    sequences = [int(line.partition(b'"sequence":"')[2].partition(b'"')[0]) for line in told]
    assert sequences == [*range(1, 101), *range(111, 251), *range(101, 111)]
    assert positions == [260, 0]
    columns = await store.read(lambda tx: {column["name"] for column in inspect(tx).get_columns("journal")})
    assert "position" not in columns
    indexes = await store.read(lambda tx: {index["name"] for index in inspect(tx).get_indexes("journal")})
    assert "journal_recorded_at" in indexes
    assert "journal_outbox" not in indexes
