"""What a store asks of its database server."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from baton.runtime.store.port import open_store

LONG = "SELECT string_agg('lead ' || n, '-') FROM generate_series(1, 3000) n"


def _insert(tx: Connection) -> None:
    tx.execute(text(f"INSERT INTO long_value {LONG}"))


def _give_up(tx: Connection) -> None:
    _insert(tx)
    raise ZeroDivisionError


def _compressed_by(tx: Connection) -> list[str]:
    return list(tx.execute(text("SELECT pg_column_compression(said) FROM long_value")).scalars())


def _can_lz4(tx: Connection) -> bool:
    row = tx.execute(text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"))
    return bool(row.scalar_one())


async def test_long_values_are_compressed_by_lz4_where_the_server_can_also_after_a_transaction_was_given_up(
    postgres: Any,
) -> None:
    store = open_store(postgres.new_database())
    try:
        await store.write(lambda tx: tx.execute(text("CREATE TABLE long_value (said text)")))
        await store.write(_insert)
        with pytest.raises(ZeroDivisionError):
            await store.write(_give_up)
        await store.write(_insert)
        found = await store.read(_compressed_by)
        assert found == (["lz4", "lz4"] if await store.read(_can_lz4) else ["pglz", "pglz"])
    finally:
        await store.close()
