"""What one lead adds to the counts. The counts are the sum over all leads, kept up by adding what changed of one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from baton.reporting.domain.buckets import bucket_of
from baton.reporting.domain.fate import STAGES, fate_of, stages_of
from baton.reporting.domain.lead import Lead, Promise

ALL_ROUNDS = 0


class FunnelCell(NamedTuple):
    """Leads of one day or month, source and team. Round 0 counts each person once, whatever the number of rounds."""

    during: str
    source: str
    team: str
    round: int
    is_test: bool


class PromiseCell(NamedTuple):
    """Promises of one kind that began in one day or month, under one policy, in one team."""

    during: str
    team: str
    policy: str
    promise: str


class SpanCell(NamedTuple):
    """Deeds that took a span of one bucket, on the wall clock or in business time."""

    during: str
    team: str
    policy: str
    promise: str
    clock: str
    bucket: int


Cell = FunnelCell | PromiseCell | SpanCell
Counts = Counter[tuple[Cell, str]]
"""A cell and one of its columns, and how many."""


def counts_of(lead: Lead) -> Counts:
    """Return what `lead` adds to every cell: nothing before intake's first fact about it was heard."""
    counts: Counts = Counter()
    if lead.received_at is None:
        return counts
    _count_person(lead, lead.received_at, counts)
    for number in lead.rounds:
        _count_round(lead, number, counts)
    return counts


def difference(new: Counts, old: Counts) -> Counts:
    """Return what must be added to the kept counts to turn `old` into `new`; negative where there were more."""
    changed: Counts = Counter(new)
    changed.subtract(old)
    return Counter({key: n for key, n in changed.items() if n})


def by_month(counts: Counts) -> Counts:
    """Return the same counts by month: a long period then sums thirty times fewer cells."""
    months: Counts = Counter()
    for (cell, column), n in counts.items():
        months[cell._replace(during=month_of(cell.during)), column] += n
    return months


def reached(stages: dict[str, datetime]) -> list[str]:
    """Return the stages of the funnel that were reached: the furthest one and all before it."""
    furthest = max((STAGES.index(stage) for stage in stages if stage in STAGES), default=0)
    return list(STAGES[: furthest + 1])


def day_of(at: datetime) -> str:
    """Return the UTC day, by which all counts are kept."""
    return at.astimezone(UTC).date().isoformat()


def month_of(day: str) -> str:
    """Return what names the month of a UTC day; it sorts after all days."""
    return f"month {day[:7]}"


def _count_person(lead: Lead, received_at: datetime, counts: Counts) -> None:
    newest = lead.round
    first = lead.rounds.get(1)
    day = day_of(received_at)
    person = FunnelCell(day, lead.source, newest.team if newest else "", ALL_ROUNDS, lead.is_test)
    furthest: dict[str, datetime] = {}
    for number in lead.rounds:
        furthest |= stages_of(lead, number)
    for stage in reached(furthest):
        counts[person, stage] += 1
    counts[person, "handed_over"] += "routed" in furthest
    counts[person, f"now_{fate_of(lead)}"] += 1
    counts[FunnelCell(day, lead.source, first.team if first else "", 1, lead.is_test), "received"] += 1


def _count_round(lead: Lead, number: int, counts: Counts) -> None:
    round_ = lead.rounds[number]
    stages = stages_of(lead, number)
    # The first hand-off belongs to the day the lead came in, a later one to the day it was qualified again.
    begun = lead.received_at if number == 1 else round_.qualified_at
    if begun is not None:
        cell = FunnelCell(day_of(begun), lead.source, round_.team, number, lead.is_test)
        for stage in reached(stages)[1:]:
            counts[cell, stage] += 1
        counts[cell, "handed_over"] += "routed" in stages
    for promise in round_.promises:
        _count_promise(promise, counts)


def _count_promise(promise: Promise, counts: Counts) -> None:
    what = (day_of(promise.started_at), promise.team, promise.policy, promise.promise)
    cell = PromiseCell(*what)
    counts[cell, "started"] += 1
    counts[cell, promise.state] += 1
    for clock, seconds in (("wall", promise.seconds), ("business", promise.business_seconds)):
        if seconds is not None:
            counts[SpanCell(*what, clock, bucket_of(seconds)), "n"] += 1
