"""Fills the five stores with as many leads as asked, by SQL: copies of one lead that Baton itself has handled.

Every row that the services keep about that lead is copied once for each new one, in every table that names a lead, so
that tables and indexes have the shapes and the numbers of rows of real ones. Ids grow as intake's do, digests scatter
as digests do. Three things are not as in life: what is copied is one lead, so texts repeat; documents of more than
`SLIM_BYTES` and the bodies of journalled facts are left empty, because a million of them would be 40 GB, so rows are
fewer pages than in life; and deadlines lie ten years ahead, so that nothing falls due by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from bench.world import SERVICES, World

SLIM_BYTES = 600
LEAD_COLUMNS = ("lead_id", "subject")
NEW_ID = "'01900000-0000-7000-8000-' || lpad(to_hex(g), 12, '0')"
DAYS = 365
FILLING = {"max_wal_size": "24GB", "checkpoint_timeout": "1h", "autovacuum": "off", "synchronous_commit": "off"}
"""While the stores are filled nothing is measured: no checkpoints, which would write every page whole once more."""
EXPRESSIONS: Mapping[str, str] = {
    "lead_id": NEW_ID,
    "subject": NEW_ID,
    "event_id": "md5(g || t.event_id)::uuid::text",
    "key": "encode(sha256((g || t.key)::bytea), 'hex')",
    "external_id": "t.external_id || '-' || g",
    "due_at": "t.due_at + interval '10 years'",
    "warn_at": "t.warn_at + interval '10 years'",
    "received_at": f"t.received_at - interval '{DAYS} days' * (g / 1000000.0)",
}
EMPTY = {"jsonb": "'{}'::jsonb", "json": "'{}'::json", "bytea": "'\\x7b7d'::bytea", "text": "'{}'"}
_COLUMNS = """
SELECT table_name, column_name, data_type, is_identity = 'YES' OR column_default LIKE 'nextval%' AS numbers_itself
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""


async def fill(world: World, first: int, last: int) -> None:
    """Make the leads number `first` to `last` in all five stores. At least one real lead must be there."""
    names = [service.replace("-", "_") for service in SERVICES]
    await _set(world, FILLING)
    try:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(_fill_one(world.database(name), first, last))
    finally:
        await _set(world, dict.fromkeys(FILLING))


async def _set(world: World, settings: Mapping[str, str | None]) -> None:
    """Change settings of the whole server, or take them back (None), with nothing left to be written afterwards."""
    connection = await asyncpg.connect(world.database("intake"), command_timeout=1200)
    try:
        for name, value in settings.items():
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _fill_one(url: str, first: int, last: int) -> None:
    connection = await asyncpg.connect(url, command_timeout=1200)
    try:
        tables: dict[str, list[asyncpg.Record]] = {}
        for row in await connection.fetch(_COLUMNS):
            tables.setdefault(row["table_name"], []).append(row)
        lead = await connection.fetchval("SELECT subject FROM subject WHERE subject LIKE '%-7%' ORDER BY subject DESC")
        for table, columns in tables.items():
            named = next((c["column_name"] for c in columns if c["column_name"] in LEAD_COLUMNS), None)
            if named is not None and table != "parked":
                await _copy(connection, table, columns, f"WHERE {named} = '{lead}'", (first, last))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _copy(
    connection: asyncpg.Connection,
    table: str,
    columns: list[asyncpg.Record],
    where: str,
    numbers: tuple[int, int],
) -> None:
    kept = [column for column in columns if not column["numbers_itself"]]
    sizes = await _sizes(connection, table, [column["column_name"] for column in kept], where)
    picked = [_expression(column, sizes.get(column["column_name"], 0)) for column in kept]
    into = ", ".join(column["column_name"] for column in kept)
    query = f"INSERT INTO {table} ({into}) SELECT {', '.join(picked)}"
    query += f" FROM generate_series({numbers[0]}, {numbers[1]}) AS g, (SELECT * FROM {table} {where}) AS t"
    await connection.execute(query)


async def _sizes(connection: asyncpg.Connection, table: str, columns: list[str], where: str) -> dict[str, int]:
    longest = ", ".join(f"max(length({column}::text)) AS {column}" for column in columns)
    row = await connection.fetchrow(f"SELECT {longest} FROM {table} {where}")
    return {name: size or 0 for name, size in row.items()}


def _expression(column: asyncpg.Record, size: int) -> str:
    name, kind = column["column_name"], column["data_type"]
    if name in EXPRESSIONS:
        return EXPRESSIONS[name]
    return EMPTY.get(kind, f"t.{name}") if size > SLIM_BYTES or name == "headers" else f"t.{name}"


async def fill_counts(world: World) -> None:
    """Give reporting's tables of counts a year of days and months, as many leads would have left them."""
    connection = await asyncpg.connect(world.database("reporting"))
    try:
        for table in ("funnel", "promise", "span"):
            names = await connection.fetch(
                "SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position",
                table,
            )
            rest = ", ".join(f"t.{row['column_name']}" for row in names if row["column_name"] != "during")
            for step, start, is_kind in (("1 day", "", "NOT LIKE"), ("1 month", "month ", "LIKE")):
                shape = "YYYY-MM" if start else "YYYY-MM-DD"
                await connection.execute(
                    f"INSERT INTO {table} SELECT DISTINCT '{start}' || to_char(day, '{shape}'), {rest} FROM {table} t,"
                    f" generate_series(now() - interval '{DAYS} days', now() - interval '32 days', interval '{step}')"
                    f" AS day WHERE during {is_kind} 'month%' AND during >= '{start}2' ON CONFLICT DO NOTHING"
                )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
