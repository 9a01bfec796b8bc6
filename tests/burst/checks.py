"""What must be true of every decision of a burst, read from the database afterwards: as if one desk had made them all.

Decisions are taken in the order of the books they name, and every account that each of them looked at must be what the
ones before it have left. That is worked out here anew and has nothing in common with how routing does it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, select, tuple_

from baton.routing.domain.books import Books, within_bound
from baton.routing.tables import Tables
from tests.burst.house import Size

HANDED = ("lead.routed", "lead.reassigned")
TRACE_BYTES = 16 * 1024
RECORD_BYTES = 64 * 1024
PAGE = 100
MOST_TOLD = 10
CLOSE = 1e-6


@dataclass
class Account:
    """What came of a burst."""

    wrong: list[str] = field(default_factory=list)
    decisions: int = 0
    held: int = 0
    largest_trace: int = 0
    largest_record: int = 0
    furthest: float = 0.0

    def must(self, holds: bool, otherwise: str) -> None:
        """Note what is wrong, unless it holds."""
        if not holds and len(self.wrong) < MOST_TOLD:
            self.wrong.append(otherwise)


def account_of(tx: Connection, tables: Tables, journal: Any, books: Books, size: Size) -> Account:
    """Look at everything that was decided and said."""
    found = Account(furthest=max(books.furthest.values(), default=0.0))
    handed = _handed(tx, journal, found)
    _one_owner_each(tx, tables, handed, books, size, found)
    _as_one_desk(tx, tables, handed, found)
    for pool, owed in books.credits.items():
        found.must(round(sum(owed.values()) * 10**9) == 0, f"credits of {pool} add up to {sum(owed.values())}")
        found.must(within_bound(owed.values()), f"the bound of {pool} is broken: {owed}")
        most = max(map(abs, owed.values()))
        found.must(most <= max(len(size.members(int(pool[1:]))) - 1, 0), f"somebody in {pool} is {most} from his due")
    return found


def _handed(tx: Connection, journal: Any, found: Account) -> list[tuple[str, Mapping[str, Any]]]:
    """Every hand-over, in the order of the books it was decided on; each on books of its own."""
    rows = tx.execute(select(journal.c.subject, journal.c.type, journal.c.value).where(journal.c.type.in_(HANDED)))
    handed = []
    for subject, type_, value in rows:
        body = orjson.loads(bytes(value))
        found.largest_record = max(found.largest_record, len(value))
        found.largest_trace = max(found.largest_trace, len(orjson.dumps(body["trace"])))
        handed.append((subject, {**body, "type": type_}))
    found.must(found.largest_trace <= TRACE_BYTES, f"a trace has {found.largest_trace} bytes")
    found.must(found.largest_record <= RECORD_BYTES, f"a record has {found.largest_record} bytes")
    handed.sort(key=lambda one: one[1]["books_version"])
    versions = [body["books_version"] for _, body in handed]
    found.must(len(set(versions)) == len(versions), "two decisions were made on the same books")
    return handed


def _one_owner_each(
    tx: Connection, tables: Tables, handed: list[Any], books: Books, size: Size, found: Account
) -> None:
    """Every lead was routed at most once, and its owner of now is one of those who were named, and bears it."""
    routed = Counter(subject for subject, body in handed if body["type"] == "lead.routed")
    found.must(all(count == 1 for count in routed.values()), "a lead was routed twice")
    lead = tables.lead.c
    rows = tx.execute(select(lead.lead_id, lead.fate, lead.bearer, lead.pool, lead.body)).all()
    found.must({row.lead_id for row in rows} == set(size.lead_ids()), "not every lead has come through")
    owner = {subject: body["owner"]["id"] for subject, body in handed}
    borne = Counter(row.bearer for row in rows if row.bearer is not None)
    full = {rep.id for rep in books.roster.reps.values() if books.load.get(rep.id, 0) >= (rep.capacity or 0)}
    for row in rows:
        if row.fate == "routed":
            found.must(row.bearer == owner.get(row.lead_id), f"{row.lead_id}: {row.bearer} is not who was named last")
            continue
        found.held += 1
        had = orjson.loads(row.body)["had"]
        free = [rep for rep in size.members(int(row.pool[1:])) if rep not in full and rep not in had]
        found.must(row.fate == "held" and not free, f"{row.lead_id} is {row.fate}, though {free} have room")
    for rep in books.roster.reps.values():
        found.must(borne[rep.id] == books.load.get(rep.id, 0), f"{rep.id}: the books do not say what he has open")
        found.must(borne[rep.id] <= (rep.capacity or 0), f"{rep.id} has {borne[rep.id]} of {rep.capacity}")


def _as_one_desk(tx: Connection, tables: Tables, handed: list[Any], found: Account) -> None:
    """Each decision saw what the one before it had left, and chose the most owed of those who had room."""
    credit: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    last: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    capacity: dict[str, dict[str, int]] = {}
    for body, inputs in _with_inputs(tx, tables, handed):
        found.decisions += 1
        (pool, ledger), version = next(iter(inputs["ledger"].items())), body["books_version"]
        rooms = capacity.get(inputs["roster"]) or capacity.setdefault(inputs["roster"], _rooms(tx, tables, inputs))
        for rep, (owed, before, *_) in ledger.items():
            is_known = abs(owed - credit[pool][rep]) < CLOSE and before == last[pool][rep]
            found.must(is_known, f"books {version}: {rep} had {credit[pool][rep]} by what went before, not {owed}")
        able = [rep for rep, of in ledger.items() if rep not in inputs["asked"]["excluded"] and of[2] < rooms[rep]]
        winner = min(able, key=lambda rep: (-round(ledger[rep][0], 7), ledger[rep][1], rep), default=None)
        found.must(body["owner"]["id"] == winner, f"books {version}: {body['owner']['id']} got what {winner} was owed")
        for rep in able:
            credit[pool][rep] += 1 / len(able)
        credit[pool][body["owner"]["id"]] -= 1
        last[pool][body["owner"]["id"]] = version + 1


def _with_inputs(
    tx: Connection, tables: Tables, handed: list[Any]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each hand-over with what it was decided by. A pool of a thousand has 60 KB of it, so a few at a time."""
    decision = tables.decision
    key = tuple_(decision.c.lead_id, decision.c.inputs_hash)
    for first in range(0, len(handed), PAGE):
        page = handed[first : first + PAGE]
        wanted = [(subject, body["trace"]["inputs_hash"]) for subject, body in page]
        rows = tx.execute(select(decision.c.lead_id, decision.c.inputs_hash, decision.c.inputs).where(key.in_(wanted)))
        inputs = {(row.lead_id, row.inputs_hash): row.inputs for row in rows}
        for (_, body), which in zip(page, wanted, strict=True):
            yield body, inputs[which]


def _rooms(tx: Connection, tables: Tables, inputs: Mapping[str, Any]) -> dict[str, int]:
    kept = tables.kept.c
    roster = tx.execute(select(kept.body).where(kept.hash == inputs["roster"])).scalar_one()
    return {rep["id"]: rep["capacity"] for rep in roster}
