"""Whose hours count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Hours(Protocol):
    """Business time: what `baton.calendars.Calendar` does."""

    def add(self, start: datetime, business_seconds: float) -> datetime:
        """Return the first instant by which it was open for that long."""
        ...

    def between(self, a: datetime, b: datetime) -> float:
        """Return the open seconds from `a` to `b`."""
        ...


class AroundTheClock:
    """Always open: what counts where the playbook no longer has the owner's calendar."""

    def add(self, start: datetime, business_seconds: float) -> datetime:
        return start + timedelta(seconds=business_seconds)

    def between(self, a: datetime, b: datetime) -> float:
        return (b - a).total_seconds()


AROUND_THE_CLOCK = AroundTheClock()


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which no clock runs."""

    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Rested:
    """The same hours without the pauses, which follow each other and do not overlap."""

    hours: Hours
    pauses: Sequence[Pause]

    def add(self, start: datetime, business_seconds: float) -> datetime:
        if business_seconds <= 0:
            return start
        at, left = start, business_seconds
        for pause in self.pauses:
            if pause.until <= at:
                continue
            if pause.at > at:
                run = self.hours.between(at, pause.at)
                if run >= left:
                    break
                left -= run
            at = pause.until
        return self.hours.add(at, left)

    def between(self, a: datetime, b: datetime) -> float:
        if b < a:
            return -self.between(b, a)
        inside = [(max(a, pause.at), min(b, pause.until)) for pause in self.pauses]
        return self.hours.between(a, b) - sum(self.hours.between(c, d) for c, d in inside if c < d)

    def postponed(self, start: datetime, due: datetime) -> datetime:
        """Return a deadline later by what the pauses before it took; the same if they took nothing."""
        for pause in self.pauses:
            if pause.at < due and (lost := self.hours.between(max(pause.at, start), pause.until)) > 0:
                due = self.hours.add(due, lost)
        return due


def share(hours: Hours, start: datetime, due: datetime, per_cent: int) -> datetime:
    """Return when `per_cent` of the business time from `start` to `due` is used up; of the wall's if there is none."""
    business = hours.between(start, due)
    if business <= 0:
        return start + (due - start) * per_cent / 100
    return min(hours.add(start, business * per_cent / 100), due)
