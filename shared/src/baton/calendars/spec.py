"""What a calendar is made from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from baton.calendars.public import public_holidays

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 1440


@dataclass(frozen=True, order=True)
class Block:
    """Opening time on one day in minutes of wall time. `end` past 1440 runs into the next day."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Block:
        """`09:00-12:30`; an end not after its start means the next day, `24:00` is midnight. Raises ValueError."""
        start, end = (_minutes(part) for part in text.split("-"))
        if start >= MINUTES_A_DAY:
            raise ValueError(f"{text}: a block cannot start at {text[:5]}")
        return cls(start, end if end > start else end + MINUTES_A_DAY)


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes > 59 or hours * 60 + minutes > MINUTES_A_DAY:
        raise ValueError(f"{text} is not a time of day")
    return hours * 60 + minutes


@dataclass(frozen=True)
class CalendarSpec:
    """Weekly blocks (Monday first) in a zone, minus holidays; special days have blocks of their own, holiday or not.

    A block belongs to the day on which it starts.

    Raises ValueError for an unknown zone, country, subdivision or category, for overlapping blocks and a week
    without any.
    """

    zone: str
    week: tuple[tuple[Block, ...], ...]
    country: str | None = None
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)
    added: tuple[dt.date, ...] = ()
    removed: tuple[dt.date, ...] = ()
    special: tuple[tuple[dt.date, tuple[Block, ...]], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        _require_zone(self.zone)
        if len(self.week) != len(DAYS) or not any(self.week):
            raise ValueError("a week has seven days and at least one block")
        _refuse_overlaps(self.week)
        if self.country is None and self.subdivision is not None:
            raise ValueError("holidays: subdivision needs country")
        self.days_off(2026)
        for day in self.specials:
            self._refuse_overlaps_around(day)

    def days_off(self, year: int) -> frozenset[dt.date]:
        """The dates of this year on which no block starts."""
        known = self.country
        public = public_holidays(known, self.subdivision, self.categories, year) if known else frozenset[dt.date]()
        off = (public - frozenset(self.removed)) | {day for day in self.added if day.year == year}
        return off - self.specials.keys()

    @cached_property
    def specials(self) -> dict[dt.date, tuple[Block, ...]]:
        """The blocks of days that are not like others of their week."""
        return dict(self.special)

    def blocks(self, day: dt.date) -> tuple[Block, ...]:
        """The blocks that start on this day unless it is off, sorted."""
        return tuple(sorted(self.specials.get(day, self.week[day.weekday()])))

    def _refuse_overlaps_around(self, day: dt.date) -> None:
        near = [(shift, self.blocks(day + dt.timedelta(days=shift))) for shift in (-1, 0, 1)]
        blocks = sorted(
            (shift * MINUTES_A_DAY + block.start, shift * MINUTES_A_DAY + block.end)
            for shift, of in near
            for block in of
        )
        if any(end > start for (_, end), (start, _) in pairwise(blocks)):
            raise ValueError(f"special: blocks overlap around {day}")


def _require_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as fault:
        raise ValueError(f"zone: there is no time zone {zone!r}") from fault


def _refuse_overlaps(week: tuple[tuple[Block, ...], ...]) -> None:
    blocks = sorted(
        (day * MINUTES_A_DAY + block.start, day * MINUTES_A_DAY + block.end)
        for day, blocks in enumerate(week)
        for block in blocks
    )
    first_again = (blocks[0][0] + 7 * MINUTES_A_DAY, 0)
    for (_, end), (start, _) in zip(blocks, [*blocks[1:], first_again], strict=True):
        if end > start:
            raise ValueError(f"week: blocks overlap on {DAYS[start // MINUTES_A_DAY % 7]}")
