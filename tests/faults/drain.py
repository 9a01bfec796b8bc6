"""When all is quiet again, and how long before that Baton had caught up with what happened to it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException

from tests.faults.account import Stores, left_to_do
from tests.journeys.running import SERVICES

NORMAL = 2.0
"""Seconds a fact may be under way to everybody in a Baton that keeps up."""
OVERDUE = 6.0
"""Seconds a timer may be past its time: two of grace, one until the next look, and a transaction under full load."""
LOOK, TELL = 0.3, 15.0
STEADY = 3
"""So many looks in a row must find the same: facts are between two tables for a moment."""

Ends = Mapping[tuple[str, int], int]


@dataclass
class Moment:
    """What had been said by then."""

    at: float
    ends: Ends
    journaled: Mapping[str, int]


@dataclass
class Drain:
    """Seconds after the last fault; None where it did not happen in time. `left` is what was not done."""

    caught_up: float | None = None
    """Everything said is published and read by everybody within NORMAL, and no timer is overdue. From here on only
    the leads' own course is left: a hot lead changes its owner every two seconds and the grace, three times."""
    quiet: float | None = None
    """There is nothing to publish, to read or to fire."""
    left: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    idle: float | None = None
    """The share of the processors' time until it had caught up in which nobody ran, whoever it was: a drain that waits
    for something has much of it, one that is only long has none. None where the system does not say."""


def drain(
    stores: Stores, ends: Callable[[], Ends], patience: float, tell: Callable[[str], None] = lambda _: None
) -> Drain:
    """Wait until all is quiet, at most `patience` seconds; `tell` on the way what is behind."""
    begun, found, past = time.monotonic(), Drain(), deque[Moment]()
    steady = quiet = told = 0
    processors = _processors()
    while quiet < STEADY and (passed := time.monotonic() - begun) < patience:
        if passed > (told + 1) * TELL:
            told += 1
            tell(f"behind: {found.behind or 'nothing'}" if found.caught_up is None else f"left: {found.left}")
        try:
            now = ends()
            found.left = left_to_do(stores, now, SERVICES)
            if found.caught_up is None:
                found.behind = _behind(stores, now, past)
                steady = 0 if found.behind else steady + 1
        except (KafkaException, psycopg.OperationalError) as problem:
            found.left = found.behind = {f"cannot be read: {problem}": 1}
        quiet = 0 if found.left else quiet + 1
        if found.caught_up is None and max(steady, quiet) >= STEADY:
            found.caught_up = time.monotonic() - begun
            found.idle = _idle_since(processors)
        time.sleep(LOOK)
    if quiet == STEADY:
        found.quiet = time.monotonic() - begun
    return found


def _processors() -> tuple[float, float] | None:
    """How long, since the system's start, the processors were idle, and how long they were at all (proc(5))."""
    with contextlib.suppress(OSError):
        times = [float(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return times[3] + times[4], sum(times)
    return None


def _idle_since(before: tuple[float, float] | None) -> float | None:
    now = _processors()
    if before is None or now is None or now[1] == before[1]:
        return None
    return (now[0] - before[0]) / (now[1] - before[1])


def _behind(stores: Stores, ends: Ends, past: deque[Moment]) -> dict[str, int]:
    """What was said NORMAL seconds ago and is not yet published or read; and what should have fired."""
    journaled = {name: stores.rows(name, "SELECT coalesce(max(id), 0) FROM journal")[0][0] for name in SERVICES}
    past.append(Moment(time.monotonic(), ends, journaled))
    while len(past) > 1 and past[1].at <= time.monotonic() - NORMAL:
        past.popleft()
    then, behind = past[0], dict[str, int]()
    for service in SERVICES:
        old = f"SELECT coalesce(sum(size), 0) FROM page WHERE position IS NULL AND first <= {then.journaled[service]}"
        due = f"SELECT count(*) FROM timer WHERE due_at < {stores.instant(-OVERDUE)}"
        behind |= {f"{service}: unpublished": stores.rows(service, old)[0][0]}
        behind |= {f"{service}: overdue": stores.rows(service, due)[0][0]}
        for topic, lane, read in stores.rows(service, "SELECT topic, lane, next_off FROM place"):
            key = f"{service}: unread {topic}"
            behind[key] = behind.get(key, 0) + max(0, then.ends.get((topic, lane), 0) - read)
    return {what: number for what, number in behind.items() if number}
