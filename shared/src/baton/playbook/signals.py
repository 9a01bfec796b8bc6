"""Interest from what a person did (F7): each signal weighs less with age."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baton.playbook.activities import matches
from baton.playbook.moments import moment
from baton.playbook.scoring import Scoring, Signal

SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class SignalReading:
    """How often a signal was seen and what it still weighs."""

    signal: Signal
    events: int
    value: float


def signals_of(scoring: Scoring, activity: list[Mapping[str, Any]], now: dt.datetime) -> list[SignalReading]:
    """Every signal seen at least once, in the playbook's order.

    An activity counts for the first signal that takes it. Pure.
    """
    ages: dict[str, list[float]] = {}
    for item in activity:
        signal = next((signal for signal in scoring.signals if matches(signal.event, item, now)), None)
        if signal is not None:
            ages.setdefault(signal.id, []).append(_age_in_days(item, now))
    return [
        SignalReading(signal, len(ages[signal.id]), _weight(signal, ages[signal.id]))
        for signal in scoring.signals
        if signal.id in ages
    ]


def interest_of(scoring: Scoring, readings: list[SignalReading]) -> float:
    """Their sum, between 0 and `interest_at_most`."""
    return round(min(max(sum(reading.value for reading in readings), 0.0), scoring.interest_at_most), 4)


def _age_in_days(item: Mapping[str, Any], now: dt.datetime) -> float:
    at = moment(item.get("occurred_at"))
    return 0.0 if at is None else max(0.0, (now - at).total_seconds() / SECONDS_A_DAY)


def _weight(signal: Signal, ages: list[float]) -> float:
    # Sorted before adding and rounded after: the same facts in another order give the same sum to the last digit (D4).
    total: float = sum(signal.weight * 0.5 ** (age / signal.half_life_days) for age in sorted(ages))
    if signal.at_most is not None:
        total = min(max(total, -signal.at_most), signal.at_most)
    return round(total, 4)
