"""Figures of what the services said: every number follows from their facts, none from the lines of the log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from baton.calendars import Calendar
from bench.replay.log import NOT_NAMED
from bench.replay.record import Promised, Record

HOUR = 3600.0
RESPONSES = ("first_response", "minimum_touches")
"""The promises that the first call meets: in time, or at all."""
STATES = ("met", "breached", "waived", "open")


@dataclass(frozen=True)
class Response:
    """How long somebody waited for the first call. Seconds."""

    lead: str
    began: datetime
    at: datetime
    wall: float
    business: float


@dataclass(frozen=True)
class Waits:
    """A distribution of waits. Shares from 0 to 1, hours."""

    count: int
    median: float
    p90: float
    within_1h: float
    within_8h: float
    within_24h: float


def responses(record: Record) -> list[Response]:
    """The first call of each lead, as the first `sla.met` about it tells."""
    first: dict[str, Promised] = {}
    for promise in record.promises.values():
        if promise.promise in RESPONSES and promise.state == "met" and promise.at is not None:
            known = first.get(promise.lead)
            if known is None or known.at is None or promise.at < known.at:
                first[promise.lead] = promise
    return [
        Response(lead, promise.started_at, promise.at, promise.seconds, promise.business_seconds)
        for lead, promise in first.items()
        if promise.at is not None
    ]


def named_responses(record: Record, hours: Calendar) -> list[Response]:
    """From `lead.routed` to the first `lead.touched` that names its rep, of each lead that has one."""
    found = []
    for lead, (began, _) in record.routed.items():
        calls = [at for at, rep in record.calls.get(lead, ()) if rep != NOT_NAMED and at >= began]
        if calls:
            at = min(calls)
            found.append(Response(lead, began, at, (at - began).total_seconds(), hours.between(began, at)))
    return found


def waits(seconds: Iterable[float]) -> Waits:
    """The distribution of these waits; zeros where there is none."""
    hours = sorted(one / HOUR for one in seconds)
    if not hours:
        return Waits(0, 0, 0, 0, 0, 0)

    def within(limit: float) -> float:
        return sum(one <= limit for one in hours) / len(hours)

    p90 = hours[min(len(hours) - 1, int(len(hours) * 0.9))]
    return Waits(len(hours), median(hours), p90, within(1), within(8), within(24))


def first_responses(record: Record) -> list[Promised]:
    """The promise of a first response to every lead that was handed over."""
    return [promise for promise in record.promises.values() if promise.promise == "first_response"]


def states_by(promises: Iterable[Promised], key: Callable[[Promised], str]) -> dict[str, Counter[str]]:
    """How many promises are in which state, by `key`, sorted."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for promise in promises:
        found[key(promise)][promise.state] += 1
    return dict(sorted(found.items()))


def week_of(at: datetime, zone: ZoneInfo) -> str:
    """The ISO week in which it was there."""
    year, week, _ = at.astimezone(zone).isocalendar()
    return f"{year}-W{week:02}"


def kept_rate(states: Mapping[str, int]) -> float | None:
    """The share of met ones among those that were met or breached; None if there were none."""
    judged = states["met"] + states["breached"]
    return states["met"] / judged if judged else None


def callers(record: Record, found: Sequence[Response]) -> dict[str, Counter[str]]:
    """Who made the first calls, in time or late: the reps that `lead.touched` names at the times `sla.met` tells."""
    kept = {promise.lead: promise.state == "met" for promise in first_responses(record)}
    made: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for response in found:
        rep = next(rep for at, rep in record.calls[response.lead] if max(at, response.began) == response.at)
        made[rep]["in time" if kept[response.lead] else "late"] += 1
    return dict(made)


@dataclass(frozen=True)
class Change:
    """Waits that began before the clocks were changed and ended after."""

    at: datetime
    count: int
    naive: int
    """How many of them the difference of the times on the wall would have told wrongly."""


def changes_of_clock(found: Sequence[Response], zone: ZoneInfo) -> list[Change]:
    """Where the offset from UTC differs between the beginning and the end of a wait, by the day it changed on."""
    across: defaultdict[datetime, list[Response]] = defaultdict(list)
    for response in found:
        if _offset(response.began, zone) != _offset(response.at, zone):
            across[_change_between(response.began, response.at, zone)].append(response)
    return [
        Change(at, len(some), sum(_naive(one, zone) != one.wall for one in some)) for at, some in sorted(across.items())
    ]


def _offset(at: datetime, zone: ZoneInfo) -> float:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None  # a zone always has one
    return offset.total_seconds()


def _naive(response: Response, zone: ZoneInfo) -> float:
    began, ended = (at.astimezone(zone).replace(tzinfo=None) for at in (response.began, response.at))
    return (ended - began).total_seconds()


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The moment of the change, to the second."""
    while (late - early).total_seconds() > 1:
        middle = early + (late - early) / 2
        if _offset(middle, zone) == _offset(early, zone):
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
