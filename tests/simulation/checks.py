"""What must be true in the end, read from the stores and the bus directly, never through Baton's own counters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

import orjson

from baton.cli.ledger import balance
from baton.reporting.domain.counting import FunnelCell, HabitCell, PromiseCell, SpanCell, by_month, counts_of
from baton.reporting.domain.journey import entry_of
from baton.reporting.domain.lead import lead_of
from tests.simulation.erasures import erased_by, kept_of_the_erased
from tests.simulation.facts import Fact
from tests.simulation.promises import broken_promises
from tests.simulation.world import SERVICES, World


def faults_of(world: World, facts: list[Fact], accepted: Mapping[str, str], *, is_at_rest: bool) -> list[str]:
    """Everything that is wrong, in words. `accepted`: event id to lead, as senders were told; `facts` of the bus."""
    found = [fault for database in world.databases.values() for fault in database.wrong]
    for check in (_fates, _nothing_parked, _counts):
        found += check(world)
    for look in (_journals, _heard_all, _journeys, _clocks, kept_of_the_erased):
        found += look(world, facts)
    found += _nothing_lost(world, facts, accepted)
    found += _nothing_open(world) if is_at_rest else _nothing_overdue(world)
    found += broken_promises(world, facts)
    return found


def _nothing_lost(world: World, facts: list[Fact], accepted: Mapping[str, str]) -> Iterator[str]:
    """What a sender was told is stored was said, under that id, about that lead; and every lead of it is known."""
    said = {fact.id: fact.record.key for fact in facts if fact.source == "intake"}
    for event_id, lead in accepted.items():
        if said.get(event_id) != lead:
            yield f"{event_id} about {lead} was accepted, and is on the bus about {said.get(event_id)}"
    rows = world.databases["reporting"].rows("SELECT lead_id FROM lead WHERE received_at IS NOT NULL")
    for lead in sorted(set(accepted.values()) - {row[0] for row in rows}):
        yield f"lead {lead} was accepted and is nowhere"


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


def _journals(world: World, facts: list[Fact]) -> Iterator[str]:
    """What was said is on the bus, all of it; positions count it without a gap."""
    on_bus: dict[tuple[str, int], list[str]] = defaultdict(list)
    for fact in facts:
        on_bus[fact.source, fact.record.lane].append(fact.id)
    for name in SERVICES:
        lanes = dict(world.databases[name].rows("SELECT lane, position FROM lane"))
        for lane in sorted(lanes):
            rows = world.databases[name].rows("SELECT event_id FROM journal WHERE lane = ?", lane)
            if {row[0] for row in rows} != set(on_bus[name, lane]):
                yield f"{name}: journal and bus differ in lane {lane}"
            pages = world.databases[name].rows("SELECT position, size FROM page WHERE lane = ? ORDER BY position", lane)
            if [row[0] for row in pages] != list(accumulate(row[1] for row in pages)) or lanes[lane] != len(rows):
                yield f"{name}: positions of lane {lane} have gaps"
            told = world.databases[name].rows(
                "SELECT json_each.value FROM page, json_each(page.facts) WHERE lane = ?", lane
            )
            known = world.databases[name].rows("SELECT id FROM journal WHERE lane = ?", lane)
            if sorted(told) != sorted(known):
                yield f"{name}: the pages of lane {lane} are not its journal"


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


def _journeys(world: World, facts: list[Fact]) -> Iterator[str]:
    """A lead's journey is the facts about it, each once."""
    kept = world.databases["reporting"].rows("SELECT entries FROM told")
    told = Counter(entry_of(entry).event_id for (entries,) in kept for entry in orjson.loads(entries))
    gone = erased_by(world, "intake")
    said = Counter(fact.id for fact in facts if fact.record.topic != "leads.roster" and fact.record.key not in gone)
    for event_id in sorted((told - said) + (said - told)):
        yield f"{event_id} was said {said[event_id]} times and is told {told[event_id]} times"


def _counts(world: World) -> Iterator[str]:
    """Reporting's counts are the sums over its leads."""
    database = world.databases["reporting"]
    wanted: Counter[Any] = Counter()
    for (known,) in database.rows("SELECT known FROM lead"):
        wanted.update(counts_of(lead_of(orjson.loads(known))))
    wanted.update(by_month(wanted))
    found: Counter[Any] = Counter()
    tables = {FunnelCell: "funnel", PromiseCell: "promise", SpanCell: "span", HabitCell: "habit"}
    for kind, table in tables.items():
        columns = [row[1] for row in database.rows(f"PRAGMA table_info({table})")]
        for values in database.rows(f"SELECT * FROM {table}"):
            row = dict(zip(columns, values, strict=True))
            cell: Any = kind(**{name: row.pop(name) for name in kind._fields})
            found.update({(cell, name): n for name, n in row.items()})
    for cell in [key for key in {**wanted, **found} if wanted[key] != found[key]]:
        yield f"reporting counts {found[cell]} where its leads make {wanted[cell]}: {cell}"


def _clocks(world: World, facts: list[Fact]) -> Iterator[str]:
    """Every hand-off has its clock, and there is no clock without one; the clocks of who was erased are gone."""
    gone = erased_by(world, "intake")
    handed = {
        (fact.record.key, fact.body["round"], fact.body.get("attempt", 0))
        for fact in facts
        if fact.type in ("lead.routed", "lead.reassigned") and fact.record.key not in gone
    }
    kept = set(world.databases["sla-monitor"].rows("SELECT DISTINCT lead_id, round, attempt FROM obligation"))
    yield from (f"{lead} was handed over and has no clock" for lead in sorted(handed - kept))
    yield from (f"{lead} has a clock and was not handed over" for lead in sorted(kept - handed))


_OPEN = "SELECT lead_id, round, attempt, promise, due_at FROM obligation WHERE state IN ('open', 'at_risk')"


def _nothing_overdue(world: World) -> Iterator[str]:
    """No deadline of those that have passed was forgotten."""
    for row in world.databases["sla-monitor"].rows(_OPEN):
        if row[4] <= world.databases["sla-monitor"].microseconds():
            yield f"nothing was done about {row}"


def _nothing_open(world: World) -> Iterator[str]:
    """No clock runs for ever."""
    for row in world.databases["sla-monitor"].rows(_OPEN):
        yield f"nothing will ever be done about {row}"
