"""What a pipeline asks of disk and broker: the proof that a limit program does the same input and output.

Commits and rows by database, write-ahead log and its syncs, records and bytes on Kafka: all from Postgres' own counters
and Kafka's own files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from bench.world import World

FLUSHED_SECONDS = 1.5
"""Postgres' backends tell their counters at most once a second."""


async def so_far(world: World) -> dict[str, float]:
    """Return the counters, by name; those of a database or of a topic carry its name after a colon."""
    await asyncio.sleep(FLUSHED_SECONDS)
    connection = await asyncpg.connect(world.database("postgres"))
    try:
        found: dict[str, float] = {}
        rows = await connection.fetch("SELECT datname, xact_commit, tup_inserted, tup_updated FROM pg_stat_database")
        for row in rows:
            found[f"commits: {row['datname']}"] = row["xact_commit"]
            found[f"rows written: {row['datname']}"] = row["tup_inserted"] + row["tup_updated"]
        wal = await connection.fetchrow("SELECT wal_bytes, wal_sync FROM pg_stat_wal")
        found["write-ahead log, bytes"], found["write-ahead log, syncs"] = float(wal["wal_bytes"]), wal["wal_sync"]
    finally:
        await connection.close()
    return found | _kafka(world)


def _kafka(world: World) -> dict[str, float]:
    """Bytes in the logs, by topic."""
    found: dict[str, float] = {}
    for log in (world.kafka.home / "data").glob("*-*/*.log"):
        topic = log.parent.name.rpartition("-")[0]
        found[f"Kafka, bytes: {topic}"] = found.get(f"Kafka, bytes: {topic}", 0.0) + log.stat().st_size
    return found


def each(before: Mapping[str, float], after: Mapping[str, float], number: int) -> dict[str, float]:
    """Return what was added from one `so_far` to the next, for each of `number` leads, without what stood still."""
    added = {name: (count - before.get(name, 0.0)) / number for name, count in after.items()}
    return {name: count for name, count in added.items() if count > 0.0005}
