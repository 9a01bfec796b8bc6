"""What a store asks of its database server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from asyncpg.protocol import protocol
from sqlalchemy import Column, Connection, MetaData, Table, Text, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from baton.runtime.store import Instant, Json, arrays, fetch, port, upsert
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


async def test_a_new_connection_that_the_server_ends_while_it_is_set_up_is_away_and_no_bug(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stood still reads in two steps that its connection was ended: first why, then that it is.
    Whoever asks in between is told by the driver that another operation is in progress."""
    url, proper = postgres.new_database(), port._prefer_indexes
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def ended_meanwhile(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT pg_backend_pid()")
        with psycopg.connect(plain, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", tuple(cursor.fetchone()))
        for _ in range(2):
            await_only(asyncio.sleep(0))
        proper(connection, record)

    monkeypatch.setattr(port, "_prefer_indexes", ended_meanwhile)
    ended = open_store(url)
    monkeypatch.setattr(port, "_prefer_indexes", proper)
    store = open_store(url)
    try:
        with pytest.raises(port.NotNow):
            await ended.write(lambda tx: tx.execute(text("SELECT 1")).scalar_one())
        assert await store.write(lambda tx: tx.execute(text("SELECT 1")).scalar_one()) == 1
    finally:
        await ended.close()
        await store.close()


_KEPT = Table("kept", MetaData(), Column("key", Text, primary_key=True), Column("at", Instant), Column("said", Json))
_WEST = timezone(timedelta(hours=-5))


def _kept(tx: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in fetch(tx, _KEPT, "key", ["a", "b", "c"])]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_whole_columns_come_back_as_they_were_with_times_in_utc(
    kind: str, request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    at = datetime(2026, 3, 8, 2, 30, 0, 123456, tzinfo=_WEST)
    rows = [
        {"key": "a", "at": at, "said": {"list": [1, None, "x"], "none": None}},
        {"key": "b", "at": None, "said": None},
        {"key": "c", "at": at.astimezone(UTC), "said": "plain"},
    ]
    is_file = kind == "sqlite"
    store = open_store(
        f"sqlite:///{tmp_path}/kept.db" if is_file else request.getfixturevalue("postgres").new_database()
    )
    try:
        await store.write(_KEPT.create)
        await store.write(lambda tx: upsert(tx, _KEPT, rows))
        found = await store.read(_kept)
        assert found == [tuple(row.values()) for row in rows]
        assert {time.tzinfo for _, time, _ in found if time is not None} == {UTC}
        naive = [{**rows[0], "at": datetime(2026, 3, 8)}]  # noqa: DTZ001
        with pytest.raises(ValueError, match="naive"):
            await store.write(lambda tx: upsert(tx, _KEPT, naive))
    finally:
        await store.close()


@pytest.mark.postgres
async def test_the_driver_takes_lists_for_arrays_and_asks_no_text_whether_it_is_one(postgres: Any) -> None:
    store = open_store(postgres.new_database())
    try:
        assert {getattr(protocol, name) for name in arrays.SIZED} == {arrays.PLAIN}
        await store.write(_KEPT.create)
        with pytest.raises(DBAPIError, match="container expected"):
            await store.write(lambda tx: tx.exec_driver_sql("SELECT $1::text[]", ({"a"},)))
    finally:
        await store.close()
