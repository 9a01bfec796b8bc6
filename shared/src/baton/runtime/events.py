"""The publisher's facts over HTTP, from its journal, for those without Kafka.

The cursor holds, per lane, the position of the last fact read, as the relay gave it. Positions have one writer a lane
and become visible in order, which row ids do not. (A fact that is published again has another position besides.)
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, Integer, Row, column, func, select, values

from baton.runtime.journal import FULL, facts_of
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
    pages = _pages_after(tx, tables, positions, limit)
    told = _in_turns(pages, positions)[:limit]
    found = facts_of(tx, tables, (number for _, _, number in told), ("id", "topic", "headers", "value"))
    lines = []
    for lane, position, number in told:
        positions[lane] = position
        lines.append(_line(found[number], write_cursor(positions)))
    return lines


def _pages_after(tx: Connection, tables: RuntimeTables, positions: list[int], limit: int) -> list[Row[Any]]:
    """Return, of each lane, the page in which its next fact stands, and those after it as far as they may be wanted."""
    page = tables.page.c
    read = (
        values(column("lane", Integer), column("position", BigInteger), name="read")
        .data(list(enumerate(positions)))
        .cte()
    )
    after = select(func.min(page.position)).where(page.lane == read.c.lane, page.position > read.c.position)
    start = select(read.c.lane, after.scalar_subquery().label("first")).cte("start")
    query = (
        select(page.lane, page.position, page.facts)
        .join_from(start, tables.page, page.lane == start.c.lane)
        .where(page.position >= start.c.first, page.position < start.c.first + limit + FULL)
        .order_by(page.lane, page.position)
    )
    return list(tx.execute(query))


def _in_turns(pages: Iterable[Row[Any]], positions: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return lane, position and id in the journal of the facts after `positions`: the next of each lane, and so on."""
    lanes: dict[int, list[tuple[int, int]]] = {}
    for page in pages:
        numbered = enumerate(page.facts, start=page.position - len(page.facts) + 1)
        lanes.setdefault(page.lane, []).extend(fact for fact in numbered if fact[0] > positions[page.lane])
    turns = [(turn, lane, *fact) for lane, facts in lanes.items() for turn, fact in enumerate(facts)]
    return [(lane, position, number) for _, lane, position, number in sorted(turns)]


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
