"""The journal, and the pages that say in which order its facts go to the bus (ADR 0007).

A page names facts of one lane, oldest first. Pages without a position are the outbox; the position of a published one
is that of its last fact, counted by lane without a gap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, ScalarSelect, delete, func, select, update

from baton.runtime.store.rows import fetch, insert, insert_and
from baton.runtime.store.tables import RuntimeTables

FULL = 100
"""Facts in a page. A page is the least that the relay can send, and its facts may have 64 KiB each."""
_SENT = ("id", "topic", "subject", "headers", "value")
_PAGES = f"""
INSERT INTO page (lane, first, facts, size)
SELECT lane, min(id), json_agg(id ORDER BY id)::text, count(*)
FROM (SELECT id, lane, (row_number() OVER (PARTITION BY lane ORDER BY id) - 1) / {FULL} AS nth FROM written) AS facts
GROUP BY lane, nth ORDER BY min(id)
"""


class Page(NamedTuple):
    """Facts of one lane that are to be published, oldest first."""

    id: int
    lane: int
    facts: Sequence[Row[Any]]


def write_down(tx: Connection, tables: RuntimeTables, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put facts into the journal and, in the same order, into the outbox; a violated constraint raises."""
    if tx.dialect.name == "postgresql":
        insert_and(tx, tables.journal, rows, ("id", "lane"), _PAGES)
    else:
        ids = _inserted(tx, tables, rows)
        put_out(tx, tables, [(number, row["lane"]) for number, row in zip(ids, rows, strict=True)])


def _inserted(tx: Connection, tables: RuntimeTables, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    if tx.dialect.name == "postgresql":
        return [row.id for row in insert(tx, tables.journal, rows, returning=("id",))]
    insert(tx, tables.journal, rows)
    last = tx.execute(select(func.max(tables.journal.c.id))).scalar() or 0
    return range(last - len(rows) + 1, last + 1)  # SQLite has one writer: what it writes at once stands together


def put_out(tx: Connection, tables: RuntimeTables, facts: Iterable[tuple[int, int]]) -> None:
    """Have the relay publish facts of the journal (again): ids with their lanes, oldest first."""
    insert(tx, tables.page, _pages(_by_lane(facts)))


def _by_lane(facts: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, lane in facts:
        found.setdefault(lane, []).append(number)
    return found


def _pages(facts: Mapping[int, Sequence[int]]) -> list[dict[str, Any]]:
    pages = []
    for lane, ids in facts.items():
        rest = iter(ids)
        while page := list(islice(rest, FULL)):
            pages.append({"lane": lane, "first": page[0], "facts": page, "size": len(page)})
    return sorted(pages, key=lambda page: page["first"])


def keep_published(
    tx: Connection, tables: RuntimeTables, rows: Sequence[Mapping[str, Any]], waiting: Sequence[tuple[int, int]]
) -> None:
    """Note what is on the bus already: facts that the journal lacks, and others (ids, lanes) that leave the outbox.

    The positions of the lanes, which the caller has locked, go on from where they stand.
    """
    _take_out(tx, tables, {number for number, _ in waiting})
    new = zip(_inserted(tx, tables, rows), (row["lane"] for row in rows), strict=True) if rows else ()
    lane = tables.lane.c
    positions: dict[int, int] = {row.lane: row.position for row in tx.execute(select(lane.lane, lane.position))}
    pages = _pages(_by_lane(sorted([*waiting, *new])))
    for page in pages:
        positions[page["lane"]] += page["size"]
        page["position"] = positions[page["lane"]]
    insert(tx, tables.page, pages)
    for number in {page["lane"] for page in pages}:
        tx.execute(update(tables.lane).where(lane.lane == number).values(position=positions[number]))


def _take_out(tx: Connection, tables: RuntimeTables, ids: Collection[int]) -> None:
    page = tables.page.c
    if not ids:
        return
    for row in tx.execute(select(page.id, page.lane, page.facts).where(page.position.is_(None))).all():
        left = [number for number in row.facts if number not in ids]
        if len(left) < len(row.facts):
            tx.execute(delete(tables.page).where(page.id == row.id))
            put_out(tx, tables, [(number, row.lane) for number in left])


def waiting_ids(tx: Connection, tables: RuntimeTables) -> set[int]:
    """Return the ids of all facts in the outbox."""
    page = tables.page.c
    return {
        number for facts in tx.execute(select(page.facts).where(page.position.is_(None))).scalars() for number in facts
    }


def oldest_waiting(tables: RuntimeTables) -> ScalarSelect[Any]:
    """Return, as SQL, the least id of a fact in the outbox; null if there is none. What is below it is published."""
    page = tables.page.c
    return select(func.min(page.first)).where(page.position.is_(None)).scalar_subquery()


def waiting(tx: Connection, tables: RuntimeTables) -> int:
    """Return how many facts are in the outbox."""
    page = tables.page.c
    return int(tx.execute(select(func.coalesce(func.sum(page.size), 0)).where(page.position.is_(None))).scalar_one())


def outbox(tx: Connection, tables: RuntimeTables, lanes: Sequence[int], limit: int) -> list[Page]:
    """Return the oldest pages of these lanes that are not published, with about `limit` facts or fewer; never half one.

    What is still there, oldest first, and never what is above the highest id seen: ids commit out of order.
    """
    page = tables.page.c
    query = select(page.id, page.lane, page.facts, page.size).where(page.position.is_(None), page.lane.in_(lanes))
    chosen: list[Any] = []
    for row in tx.execute(query.order_by(page.first, page.id).limit(limit)):
        limit -= row.size
        if chosen and limit < 0:
            break
        chosen.append(row)
    found = facts_of(tx, tables, (number for row in chosen for number in row.facts), _SENT)
    return [Page(row.id, row.lane, [found[number] for number in row.facts]) for row in chosen]


def facts_of(tx: Connection, tables: RuntimeTables, ids: Iterable[int], columns: Sequence[str]) -> dict[int, Row[Any]]:
    """Return rows of the journal by their ids; `columns` must name `id`."""
    return {row.id: row for row in fetch(tx, tables.journal, "id", ids, columns=columns)}
