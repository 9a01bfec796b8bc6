"""What must be true of the facts on the bus, whoever said them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from baton.runtime.timers import CALM_SECONDS, GRACE
from tests.simulation.facts import Fact
from tests.simulation.world import World

MOST_FACTS = 400
"""About one lead, by all publishers together; docs/simulation.md says what was seen."""
MOST_BREACHES = 2
"""Owners in a row who may lose a lead by a breach and see it go to another (`max_reassigns` of the playbook)."""


def broken_promises(world: World, facts: list[Fact]) -> Iterator[str]:
    """Yield everything that is wrong with what was said, in words."""
    for look in (_sequences, _routed_once, _breached_once, _reassigned_so_often, _finite, _false_breaches):
        yield from look(facts)
    yield from _breached_by_a_jump(world, facts)


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


def _reassigned_so_often(facts: list[Fact]) -> Iterator[str]:
    """Attempts count 1, 2, 3 … in a round; a lead that nobody calls goes on so many times and no more."""
    attempts: dict[tuple[str, int], int] = defaultdict(int)
    in_a_row: dict[tuple[str, int], int] = defaultdict(int)
    for fact in facts:
        if fact.type != "lead.reassigned":
            continue
        of, body = (fact.record.key, fact.body["round"]), fact.body
        if body["attempt"] != attempts[of] + 1:
            yield f"lead {of} has attempt {body['attempt']} after {attempts[of]}"
        attempts[of] = body["attempt"]
        if body["reason"] in ("claim", "reassign"):
            in_a_row[of] = 0  # by hand: it begins anew
        in_a_row[of] += body["reason"] == "breach"
        if in_a_row[of] > MOST_BREACHES:
            yield f"lead {of} was reassigned {in_a_row[of]} times in a row after a breach"


def _finite(facts: list[Fact]) -> Iterator[str]:
    about: dict[str, int] = defaultdict(int)
    for fact in facts:
        about[fact.record.key] += fact.record.topic != "leads.roster"
    yield from (f"{n} facts about lead {lead}" for lead, n in about.items() if n > MOST_FACTS)


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


def _breached_by_a_jump(world: World, facts: list[Fact]) -> Iterator[str]:
    """A deadline passes by a clock that has gone on steadily for a minute, not by one that has just jumped.

    A process that began after a jump cannot know of it, so there is nothing to say where one did.
    """
    clock, said_at = world.clocks["sla-monitor"], world.databases["sla-monitor"].said_at
    if len(clock.jumps) == 1:
        return
    rows = dict(world.databases["sla-monitor"].rows("SELECT event_id, id FROM journal WHERE type = 'sla.breached'"))
    for fact in facts:
        if fact.type != "sla.breached":
            continue
        due, at = datetime.fromisoformat(fact.body["breached_at"]), said_at[rows[fact.id]]
        if not any(due + GRACE <= latest for latest in _steady(world, at)):
            yield f"{fact.record.key} was breached at {due}, said at {at}: the clock jumped {clock.jumps}"


def _steady(world: World, at: datetime) -> Iterator[datetime]:
    """What the judge's clock said in the end, in each stretch up to `at` that may be believed.

    Because it was long enough, or because the clock was put back to what it had been in such a one: who did not look
    in between knows of no jump.
    """
    believed: set[timedelta] = set()
    jumps = [jump for jump in world.clocks["sla-monitor"].jumps if jump[0] <= at]
    for nth, ((since, offset), (until, _)) in enumerate(pairwise([*jumps, (at, timedelta())])):
        anew = any(since <= began <= at for began in world.began["sla-monitor"])
        if nth == 0 or anew or until - since >= timedelta(seconds=CALM_SECONDS) or offset in believed:
            believed.add(offset)
            yield until + offset
