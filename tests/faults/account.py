"""The account of a run: what the stores and the log hold, asked the same way of PostgreSQL and of SQLite files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tests.faults import reader
from tests.faults.checks import Found
from tests.faults.reader import Said
from tests.faults.rest import Rest
from tests.journeys.running import BATON, SERVICES


class Stores(Protocol):
    """The five stores, opened by a plain client."""

    def rows(self, service: str, query: str) -> list[tuple[Any, ...]]:
        """Whatever the query gives."""
        ...

    def instant(self, seconds: float) -> str:
        """So many seconds from now, as an expression of this SQL."""
        ...


def read_account(
    stores: Stores, facts: Sequence[Said], promised: Sequence[tuple[str, str, str]], rest: Rest | None = None
) -> Found:
    """Read everything the checks need, beside the facts and the client's own log; `rest`: of earlier rounds."""
    rest = rest or Rest()
    new, old = rest.part(facts)
    overdue = f"state = 'open' AND due_at < {stores.instant(-10)}"
    journal = "SELECT subject, sequence, event_id, type, value FROM journal WHERE id > {}"
    parked = "SELECT subject, topic, record_offset, reason, error FROM parked"
    heard = "SELECT subject, heard FROM subject"
    place = "SELECT DISTINCT topic FROM place"
    owned = stores.rows("routing", "SELECT lead_id, fate, bearer FROM lead")
    ((books,),) = stores.rows("routing", "SELECT body FROM books")
    return Found(
        promised,
        new,
        leads=stores.rows("intake", "SELECT lead_id, external_id FROM lead"),
        persons=dict(stores.rows("scoring", "SELECT lead_id, outcome FROM person")),
        owned={lead_id: (fate, bearer) for lead_id, fate, bearer in owned},
        load=json.loads(books)["load"],
        reported=dict(stores.rows("reporting", "SELECT lead_id, fate FROM lead")),
        obligations=stores.rows(
            "sla-monitor", f"SELECT lead_id, round, attempt, promise, state, {overdue} FROM obligation"
        ),
        journals={
            name: [
                (*row[:4], reader.digest(bytes(row[4])))
                for row in stores.rows(name, journal.format(rest.journaled.get(name, 0)))
            ]
            for name in reader.PUBLISHERS
        },
        heard={
            name: {
                subject: json.loads(text) for subject, text in stores.rows(name, heard) if subject not in rest.subjects
            }
            for name in SERVICES
        },
        hears={name: {topic for (topic,) in stores.rows(name, place)} for name in SERVICES},
        parked={name: stores.rows(name, parked) for name in SERVICES},
        about_those_at_rest=old,
        rest=rest,
    )


def left_to_do(stores: Stores, ends: Mapping[tuple[str, int], int], services: Sequence[str]) -> dict[str, int]:
    """What is not yet published, not yet read, or about to fire; `ends` of the log's lanes. Empty when all is quiet."""
    left: dict[str, int] = {}
    for service in services:
        unpublished = stores.rows(service, "SELECT coalesce(sum(size), 0) FROM page WHERE position IS NULL")
        timers = stores.rows(service, f"SELECT count(*) FROM timer WHERE due_at < {stores.instant(8)}")
        left |= {f"{service}: unpublished": unpublished[0][0], f"{service}: timers": timers[0][0]}
        for topic, lane, read in stores.rows(service, "SELECT topic, lane, next_off FROM place"):
            unread = ends.get((topic, lane), 0) - read
            left[f"{service}: unread {topic}"] = left.get(f"{service}: unread {topic}", 0) + unread
    return {what: number for what, number in left.items() if number}


def audit(environment: Mapping[str, str]) -> str:
    """What `baton audit` has to complain of; empty if nothing."""
    command = [*BATON, "audit", "--quiet", "5"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stdout} {done.stderr}"
