"""Whose hours count."""

from __future__ import annotations

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


def share(hours: Hours, start: datetime, due: datetime, per_cent: int) -> datetime:
    """Return when `per_cent` of the business time from `start` to `due` is used up; of the wall's if there is none."""
    business = hours.between(start, due)
    if business <= 0:
        return start + (due - start) * per_cent / 100
    return min(hours.add(start, business * per_cent / 100), due)
