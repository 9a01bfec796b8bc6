"""The publisher's facts over HTTP, from its journal, for those without Kafka.

The cursor holds, per lane, the position the relay gave the last fact read. Positions have one writer a lane and become
visible in order, which row ids do not. (A fact that is published again leaves its old position empty.)
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, Integer, column, func, select, values

from baton.runtime.store.tables import RuntimeTables

MOST = 2**62
"""No journal has so many facts; beyond it the store could not compare."""


def read_cursor(text: str | None, lanes: int) -> list[int]:
    """Return the positions of a cursor, zeros for none. Raises ValueError if it is not one of ours."""
    if not text:
        return [0] * lanes
    try:
        positions = [int(part) for part in base64.urlsafe_b64decode(text.encode() + b"==").decode().split(".")]
    except (ValueError, UnicodeDecodeError) as problem:
        raise ValueError("not a cursor") from problem
    if len(positions) != lanes or min(positions) < 0 or max(positions) >= MOST:
        raise ValueError("a cursor of another set-up")
    return positions


def write_cursor(positions: list[int]) -> str:
    """Return the cursor of these positions."""
    return base64.urlsafe_b64encode(".".join(map(str, positions)).encode()).decode().rstrip("=")


def page_of(tx: Connection, tables: RuntimeTables, positions: list[int], limit: int) -> list[bytes]:
    """Return up to `limit` facts after `positions` as CloudEvents JSON, taking lanes in turn, each in its order.

    `positions` is moved along.
    """
    journal = tables.journal.c
    read = (
        values(column("lane", Integer), column("position", BigInteger), name="read")
        .data(list(enumerate(positions)))
        .cte()
    )
    after = select(func.min(journal.position)).where(journal.lane == read.c.lane, journal.position > read.c.position)
    start = select(read.c.lane, after.scalar_subquery().label("first")).cte("start")
    query = (
        select(journal.lane, journal.position, journal.topic, journal.headers, journal.value)
        .join_from(start, tables.journal, journal.lane == start.c.lane)
        .where(journal.position >= start.c.first, journal.position < start.c.first + limit)
        .order_by(journal.position - start.c.first, journal.lane)
        .limit(limit)
    )
    lines = []
    for row in tx.execute(query):
        positions[row.lane] = row.position
        lines.append(_line(row, write_cursor(positions)))
    return lines


def _line(row: Any, cursor: str) -> bytes:
    attributes = {name.removeprefix("ce_"): value for name, value in row.headers.items() if name.startswith("ce_")}
    event = {
        **attributes,
        "datacontenttype": row.headers["content-type"],
        "topic": row.topic,
        "cursor": cursor,
        "data": orjson.Fragment(bytes(row.value)),
    }
    return orjson.dumps(event)
