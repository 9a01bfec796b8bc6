"""What one lead adds to the counts. The counts are the sum over all leads, kept up by adding what changed of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from datetime import UTC, datetime
from typing import NamedTuple

from baton.reporting.domain.buckets import bucket_of
from baton.reporting.domain.fate import STAGES, fate_of, stages_of
from baton.reporting.domain.lead import Lead, Promise, Round

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


class HabitCell(NamedTuple):
    """Rounds handed over in one day or month, by who has them and where they came from (F6). Nobody is ranked."""

    during: str
    team: str
    owner: str
    source: str


Cell = FunnelCell | PromiseCell | SpanCell | HabitCell
Counts = Counter[tuple[Cell, str]]
"""A cell and one of its columns, and how many."""


_UNCOUNTED = frozenset({"rounds", "promises", "name", "company", "country", "touches", "score", "temperature", "flags"})
_UNCOUNTED |= {"learned", "excesses"}
_UNCOUNTED |= {"judged_because", "held_reason", "last_at"}
"""What may change of a lead, or of a round, without any change of funnel and fate."""


def counts_of(lead: Lead) -> Counts:
    """Return what `lead` adds to every cell: nothing before intake's first fact about it was heard."""
    counts: Counts = Counter()
    _count(lead, counts, 1)
    return counts


def recount(before: Lead, after: Lead, counts: Counts) -> None:
    """Add to `counts` what turns the counts with `before` into those with `after`; some of it may come to nothing."""
    if not stands_alike(before, after):
        _count(before, counts, -1)
        _count(after, counts, 1)
        return
    if after.received_at is None:
        return
    for number, round_ in after.rounds.items():
        old, new = before.rounds[number].promises, round_.promises
        if new is not old:
            _count_promises(old, counts, -1)
            _count_promises(new, counts, 1)
    if before.learned is not after.learned or before.rounds is not after.rounds:
        _count_habits(before, counts, -1)
        _count_habits(after, counts, 1)


def stands_alike(before: Lead, after: Lead) -> bool:
    """True if funnel and fate of the two are the same for sure: what they follow from is the very same."""
    if before.rounds.keys() != after.rounds.keys() or not _is_untouched(before, after):
        return False
    return all(_is_untouched(before.rounds[number], round_) for number, round_ in after.rounds.items())


def _is_untouched(before: Lead | Round, after: Lead | Round) -> bool:
    was = vars(before)
    return before is after or all(value is was[name] for name, value in vars(after).items() if name not in _UNCOUNTED)


def by_month(counts: Counts) -> Counts:
    """Return the same counts by month: a long period then sums thirty times fewer cells."""
    months: Counts = Counter()
    for (cell, column), n in counts.items():
        months[cell._replace(during=month_of(cell.during)), column] += n
    return months


def reached(stages: Iterable[str]) -> tuple[str, ...]:
    """Return the stages of the funnel that were reached: the furthest one and all before it."""
    furthest = max((_ORDER[stage] for stage in stages if stage in _ORDER), default=0)
    return STAGES[: furthest + 1]


_ORDER = {stage: number for number, stage in enumerate(STAGES)}


def day_of(at: datetime) -> str:
    """Return the UTC day, by which all counts are kept."""
    return at.astimezone(UTC).date().isoformat()


def month_of(day: str) -> str:
    """Return what names the month of a UTC day; it sorts after all days."""
    return f"month {day[:7]}"


def _count(lead: Lead, counts: Counts, n: int) -> None:
    """Count a lead `n` times: -1 takes away what it added before."""
    if lead.received_at is None:
        return
    stages = {number: stages_of(lead, number) for number in lead.rounds}
    _count_person(lead, day_of(lead.received_at), {name for times in stages.values() for name in times}, counts, n)
    for number in lead.rounds:
        _count_round(lead, number, stages[number].keys(), counts, n)
    _count_habits(lead, counts, n)


def _count_person(lead: Lead, day: str, furthest: Set[str], counts: Counts, n: int) -> None:
    newest = lead.round
    first = lead.rounds.get(1)
    person = FunnelCell(day, lead.source, newest.team if newest else "", ALL_ROUNDS, lead.is_test)
    if lead.merged_into is not None:  # the person is counted where it goes on
        counts[person, f"now_{fate_of(lead)}"] += n
        return
    for stage in reached(furthest):
        counts[person, stage] += n
    if "routed" in furthest:
        counts[person, "handed_over"] += n
    counts[person, f"now_{fate_of(lead)}"] += n
    counts[FunnelCell(day, lead.source, first.team if first else "", 1, lead.is_test), "received"] += n


def _count_round(lead: Lead, number: int, stages: Set[str], counts: Counts, n: int) -> None:
    round_ = lead.rounds[number]
    # The first hand-off belongs to the day the lead came in, a later one to the day it was qualified again.
    begun = lead.received_at if number == 1 else round_.qualified_at
    if begun is not None and lead.merged_into is None:
        cell = FunnelCell(day_of(begun), lead.source, round_.team, number, lead.is_test)
        for stage in reached(stages)[1:]:
            counts[cell, stage] += n
        if "routed" in stages:
            counts[cell, "handed_over"] += n
    _count_promises(round_.promises, counts, n)


def _count_promises(promises: Iterable[Promise], counts: Counts, n: int) -> None:
    for promise in promises:
        what = (day_of(promise.started_at), promise.team, promise.policy, promise.promise)
        cell = PromiseCell(*what)
        counts[cell, "started"] += n
        counts[cell, promise.state] += n
        for clock, seconds in (("wall", promise.seconds), ("business", promise.business_seconds)):
            if seconds is not None:
                counts[SpanCell(*what, clock, bucket_of(seconds)), "n"] += n


_KEPT_BY_DEEDS = frozenset({"first_response", "first_contact", "minimum_touches"})


def _count_habits(lead: Lead, counts: Counts, n: int) -> None:
    """Count what follow-up brought: rounds, with a promise kept, and kept with nothing learned."""
    if lead.is_test or lead.merged_into is not None:
        return
    begun = sorted(round_.routed_at for round_ in lead.rounds.values() if round_.routed_at is not None)
    for round_ in lead.rounds.values():
        start = round_.routed_at
        if start is None or not round_.has_habits:
            continue
        end = next((at for at in begun if at > start), None)
        first = start.replace(microsecond=0)  # CRMs tell whole seconds
        cell = HabitCell(day_of(start), round_.team, round_.owner or "", lead.source)
        counts[cell, "handed_over"] += n
        counts[cell, "excessive"] += n * round_.excesses
        if any(promise.state == "met" and promise.promise in _KEPT_BY_DEEDS for promise in round_.promises):
            has_learned = any(first <= at and (end is None or at < end) for at in lead.learned)
            counts[cell, "kept"] += n
            counts[cell, "nothing_learned"] += n * (not has_learned)
