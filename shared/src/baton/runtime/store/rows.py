"""Whole batches of rows in one statement: `unnest` on Postgres, one `executemany` on SQLite.

`insert().values([...])` costs eight times as much on Postgres; that is why these exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, Connection, Dialect, Float, Integer, LargeBinary, Row, Table, text
from sqlalchemy.sql.selectable import TextualSelect
from sqlalchemy.types import TypeEngine

from baton.runtime.store.types import Instant, Json

_ARRAYS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Instant, "timestamptz[]"),
    (Boolean, "boolean[]"),
    (BigInteger, "bigint[]"),
    (Integer, "bigint[]"),
    (Float, "double precision[]"),
    (LargeBinary, "bytea[]"),
)


def _array_of(kind: TypeEngine[Any]) -> str:
    return next((array for of, array in _ARRAYS if isinstance(kind, of)), "text[]")


def _columns(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    return [_bound(table.c[name].type, [row[name] for row in rows], tx.dialect) for name in names]


def _bound(kind: TypeEngine[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """A whole column as the driver takes it. SQLAlchemy asks three functions for each value of ours, and needs none for
    the rest."""
    if isinstance(kind, Instant | Json):
        return kind.bound(values, dialect)
    if dialect.name == "postgresql":
        return values
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    return [bind(value) for value in values] if bind else values


def _write(
    tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], conflict: str, returning: Sequence[str] = ()
) -> list[Row[Any]]:
    names = tuple(rows[0])
    columns = _columns(tx, table, rows, names)
    tail = f"{conflict} RETURNING {', '.join(returning)}" if returning else conflict
    if tx.dialect.name == "postgresql":
        result = tx.exec_driver_sql(_insert_on_postgres(table, names, tail), tuple(columns))
        return list(result) if returning else []
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) {tail}"
    tuples = list(zip(*columns, strict=True))
    if returning:
        return [row for values in tuples for row in tx.exec_driver_sql(sql, values)]
    tx.exec_driver_sql(sql, tuples)
    return []


@lru_cache(maxsize=256)
def _insert_on_postgres(table: Table, names: tuple[str, ...], tail: str, and_then: str = "") -> str:
    """SQL for the driver, an array a column in the order of `names`. What is written needs no statement of SQLAlchemy,
    which costs a fifth more each time."""
    arrays = ", ".join(f"CAST(${n} AS {_array_of(table.c[name].type)})" for n, name in enumerate(names, 1))
    picked = ", ".join("u." + name for name in names)
    rows_in = f"unnest({arrays}) WITH ORDINALITY AS u({', '.join(names)}, nth)"
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {picked} FROM {rows_in} ORDER BY u.nth {tail}"
    return f"WITH written AS ({sql}) {and_then}" if and_then else sql


def upsert(
    tx: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str] | None = None,
    update: Sequence[str] | None = None,
    raising: str | None = None,
    adding: bool = False,
) -> None:
    """Insert each row, or update the columns in `update` (default: all that are not the key) of the one that is there.

    The column `raising`, if named, is raised by one where the row was there already (a version). With `adding` the
    values are added to those that are there: counts.

    Rows are dicts with the same keys in the same order; nothing happens for none. Sort them by key where two writers
    could
    meet. Rows must not repeat a key.
    """
    if not rows:
        return
    keys = list(key) if key else [column.name for column in table.primary_key]
    changed = [name for name in (update if update is not None else rows[0]) if name not in keys]
    kept = (f"{table.name}.{{0}} + " if adding else "") + "excluded.{0}"
    sets = ", ".join(f"{name} = {kept.format(name)}" for name in changed if name != raising)
    if raising:
        sets += f", {raising} = {table.name}.{raising} + 1"
    conflict = f"ON CONFLICT ({', '.join(keys)}) " + (f"DO UPDATE SET {sets}" if sets else "DO NOTHING")
    _write(tx, table, rows, conflict)


def insert_missing(
    tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, returning: Sequence[str] = ()
) -> list[Row[Any]]:
    """Insert the rows that violate no constraint, skip the others; return `returning` of those that went in."""
    return _write(tx, table, rows, "ON CONFLICT DO NOTHING", returning) if rows else []


def insert(
    tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, returning: Sequence[str] = ()
) -> list[Row[Any]]:
    """Insert all rows; a violated constraint raises. On Postgres ids are given in the order of `rows`."""
    return _write(tx, table, rows, "", returning) if rows else []


def insert_and(
    tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], returning: Sequence[str], and_then: str
) -> None:
    """Insert all rows and do `and_then`, SQL that may read what they are `returning` as `written`; Postgres only."""
    if not rows:
        return
    names = tuple(rows[0])
    statement = _insert_on_postgres(table, names, f"RETURNING {', '.join(returning)}", and_then)
    tx.exec_driver_sql(statement, tuple(_columns(tx, table, rows, names)))


def fetch(
    tx: Connection,
    table: Table,
    column: str,
    values: Iterable[Any],
    *,
    columns: Sequence[str] | None = None,
    lock: bool = False,
    and_where: str = "",
) -> list[Row[Any]]:
    """Return the rows whose `column` is one of `values`, sorted by it; `lock` takes `FOR UPDATE` in that order.

    `and_where` is further SQL without parameters.
    """
    wanted = sorted(set(values))
    if not wanted:
        return []
    on_postgres = tx.dialect.name == "postgresql"
    bound: Any = wanted if on_postgres else orjson.dumps(wanted).decode()
    names = tuple(columns) if columns else None
    return list(tx.execute(_select(table, column, names, lock, and_where, on_postgres), {"wanted": bound}))


@lru_cache(maxsize=256)
def _select(
    table: Table, column: str, columns: tuple[str, ...] | None, lock: bool, and_where: str, on_postgres: bool
) -> TextualSelect:
    names = columns or tuple(c.name for c in table.columns)
    if on_postgres:
        where = f"{column} = ANY(CAST(:wanted AS {_array_of(table.c[column].type)}))"
    else:
        where = f"{column} IN (SELECT value FROM json_each(:wanted))"
    where += f" AND {and_where}" if and_where else ""
    sql = f"SELECT {', '.join(names)} FROM {table.name} WHERE {where} ORDER BY {column}"
    sql += " FOR UPDATE" if lock and on_postgres else ""
    return text(sql).columns(**{name: table.c[name].type for name in names})
