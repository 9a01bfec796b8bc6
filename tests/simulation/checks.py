"""What must be true in the end, read from the stores and the bus directly, never through Baton's own counters."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from baton.cli.ledger import balance
from baton.runtime.bus.port import Record
from baton.runtime.timers import GRACE
from tests.simulation.world import SERVICES, World

MOST_FACTS = 400
"""About one lead, by all publishers together; the longest life seen had about half as many."""


@dataclass(frozen=True)
class Fact:
    """A record of the bus at its first occurrence."""

    record: Record
    id: str
    type: str
    source: str
    sequence: int
    written_at: datetime

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.record.value)
        return found


def facts_of(world: World) -> list[Fact]:
    """Every fact on the bus once, in the order of its lane."""
    seen: set[str] = set()
    facts = []
    for place in sorted(world.bus.log):
        for record, at in zip(world.bus.log[place], world.bus.written_at[place], strict=True):
            headers = {name: value.decode() for name, value in record.headers}
            if headers["ce_id"] not in seen:
                seen.add(headers["ce_id"])
                source = headers["ce_source"].removeprefix("urn:baton:")
                facts.append(
                    Fact(record, headers["ce_id"], headers["ce_type"], source, int(headers["ce_sequence"]), at)
                )
    return facts


def digest_of(world: World) -> str:
    """One hash over all that was said and all that was read: what a replay must give again, byte by byte."""
    found = hashlib.sha256()
    for name in SERVICES:
        for row in world.databases[name].rows("SELECT * FROM journal ORDER BY id"):
            found.update(repr(row).encode())
        for row in world.databases[name].rows("SELECT * FROM place ORDER BY topic, lane"):
            found.update(repr(row).encode())
    for place in sorted(world.bus.log):
        found.update(repr((place, [(record.offset, record.key) for record in world.bus.log[place]])).encode())
    return found.hexdigest()


def faults_of(world: World, accepted: Mapping[str, str]) -> list[str]:
    """Everything that is wrong, in words."""
    facts = facts_of(world)
    found = [fault for database in world.databases.values() for fault in database.wrong]
    for check in (_fates, _nothing_parked, _journals):
        found += check(world)
    found += [f"lead {lead} was accepted and is nowhere" for lead in sorted(set(accepted.values()) - _known(world))]
    for look in (_sequences, _routed_once, _breached_once, _finite):
        found += look(facts)
    found += _heard_all(world, facts)
    found += _false_breaches(facts)
    return found


def _known(world: World) -> set[str]:
    return {
        row[0] for row in world.databases["reporting"].rows("SELECT lead_id FROM lead WHERE received_at IS NOT NULL")
    }


def _fates(world: World) -> Iterator[str]:
    """Every lead has exactly one fate, and reporting tells the same."""
    services = {replica.service.name: replica.service for replica in world.replicas}
    books = {}
    for name in ("intake", "scoring", "routing", "reporting"):
        books[name] = services[name].ledger_page(world.databases[name].tx, "", 1_000_000)
    for lead, fault in balance(books, ()).faults.items():
        yield f"lead {lead}: {fault}"


def _nothing_parked(world: World) -> Iterator[str]:
    for name in SERVICES:
        for row in world.databases[name].rows("SELECT subject, type, reason, error FROM parked"):
            yield f"{name} has parked {row}"


def _journals(world: World) -> Iterator[str]:
    """What was said is on the bus, all of it; positions count it without a gap."""
    on_bus: dict[tuple[str, int], list[str]] = defaultdict(list)
    for fact in facts_of(world):
        on_bus[fact.source, fact.record.lane].append(fact.id)
    for name in SERVICES:
        lanes = dict(world.databases[name].rows("SELECT lane, position FROM lane"))
        for lane in sorted(lanes):
            rows = world.databases[name].rows(
                "SELECT position, event_id FROM journal WHERE lane = ? ORDER BY position", lane
            )
            if [row[0] for row in rows] != list(range(1, len(rows) + 1)) or lanes[lane] != len(rows):
                yield f"{name}: positions of lane {lane} have gaps"
            if {row[1] for row in rows} != set(on_bus[name, lane]):
                yield f"{name}: journal and bus differ in lane {lane}"


def _sequences(facts: list[Fact]) -> Iterator[str]:
    """Per lead and publisher 1, 2, 3 … by first occurrence, in every lane of every topic."""
    last: dict[tuple[str, str, str], int] = defaultdict(int)
    for fact in facts:
        of = (fact.record.key, fact.source, fact.record.topic)
        if fact.sequence != last[of] + 1:
            yield f"{fact.type} of {fact.record.key} has sequence {fact.sequence} after {last[of]}"
        last[of] = fact.sequence


def _routed_once(facts: list[Fact]) -> Iterator[str]:
    rounds: dict[tuple[str, int], int] = defaultdict(int)
    for fact in facts:
        if fact.type == "lead.routed":
            rounds[fact.record.key, fact.body["round"]] += 1
    yield from (f"lead {lead} was routed {n} times in round {of}" for (lead, of), n in rounds.items() if n > 1)


def _breached_once(facts: list[Fact]) -> Iterator[str]:
    promises: dict[tuple[Any, ...], int] = defaultdict(int)
    for fact in facts:
        if fact.type == "sla.breached":
            body = fact.body
            promises[fact.record.key, body["round"], body.get("attempt", 0), body["promise"]] += 1
    yield from (f"{promise} was breached {n} times" for promise, n in promises.items() if n > 1)


def _finite(facts: list[Fact]) -> Iterator[str]:
    about: dict[str, int] = defaultdict(int)
    for fact in facts:
        about[fact.record.key] += fact.record.topic != "leads.roster"
    yield from (f"{n} facts about lead {lead}" for lead, n in about.items() if n > MOST_FACTS)


def _heard_all(world: World, facts: list[Fact]) -> Iterator[str]:
    """Every service has counted every fact of the topics it hears."""
    last: dict[tuple[str, str, str], int] = {}
    for fact in facts:
        last[fact.record.topic, fact.record.key, fact.source] = fact.sequence
    services = {replica.service.name: replica.service for replica in world.replicas}
    for name in SERVICES:
        rows = world.databases[name].rows("SELECT subject, heard FROM subject")
        heard = {subject: orjson.loads(counts) for subject, counts in rows}
        for (topic, subject, source), sequence in last.items():
            if topic in services[name].hears and heard.get(subject, {}).get(source, 0) != sequence:
                yield f"{name} has not heard {source} on {subject} to {sequence}: {heard.get(subject)}"


def _false_breaches(facts: list[Fact]) -> Iterator[str]:
    """Who was called in time is not breached, if that stood on the bus when the deadline might first be judged."""
    touches: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for fact in facts:
        if fact.type == "lead.touched" and fact.body["direction"] == "out":
            happened = datetime.fromisoformat(fact.body["occurred_at"])
            touches[fact.record.key].append((happened, fact.written_at))
    for fact in facts:
        body = fact.body
        if fact.type != "sla.breached" or body["promise"] != "first_response":
            continue
        since, due = datetime.fromisoformat(body["started_at"]), datetime.fromisoformat(body["breached_at"])
        for happened, written_at in touches[fact.record.key]:
            if since < happened <= due and written_at <= due + GRACE:
                yield f"{fact.record.key} was touched at {happened}, known at {written_at}, and breached at {due}"
