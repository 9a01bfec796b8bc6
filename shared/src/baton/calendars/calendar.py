"""Windows of open time in UTC with the open time accumulated before each."""

from __future__ import annotations

import datetime as dt
import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from baton.calendars.spec import CalendarSpec
from baton.calendars.windows import EPOCH, MICROSECONDS, Window, windows_of_year

# The years whose windows are hashed into the version, and which are built first: what open deadlines can fall in.
# A fixed span, so that the version says nothing about when or how far a process happened to look.
VERSION_YEARS = (2024, 2034)
FURTHEST = 9998


class NeverOpens(ValueError):
    """The calendar has no open time left within what dates can express."""


@dataclass(frozen=True, slots=True)
class _Table:
    first_year: int
    last_year: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    opened: tuple[int, ...]
    """Open microseconds before each window, and at the end the sum of all."""
    covers_from: int
    covers_to: int


class Calendar:
    """Business time. All instants are aware datetimes; results are in UTC.

    Tables are built for whole years, on demand and in both directions; two threads that extend at once both get
    right answers.
    """

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec = spec
        self._years: dict[int, tuple[Window, ...]] = {}
        self._table = self._build(*VERSION_YEARS)

    @cached_property
    def version(self) -> str:
        """Changes when any window of `VERSION_YEARS` changes:

        by the playbook, the holiday rules or the zone data. Stored with deadlines.
        """
        first, last = VERSION_YEARS
        table = self._build(first, last)
        said = (
            self.spec,
            table.starts,
            table.ends,
            *self.spec.special,
        )  # without special days as before there were any
        digest = hashlib.sha256(repr(said).encode())
        return digest.hexdigest()[:16]

    def add(self, start: dt.datetime, business_seconds: float) -> dt.datetime:
        """The first instant by which the calendar was open for this long since `start`. Zero gives `start` back.

        Raises ValueError for a negative length, NeverOpens when dates run out first.
        """
        wanted = round(business_seconds * MICROSECONDS)
        if wanted <= 0:
            if wanted < 0:
                raise ValueError("business time runs forward only")
            return start.astimezone(dt.UTC)
        begin = _micros(start)
        table = self._reaching(begin)
        while (target := _open_before(table, begin) + wanted) > table.opened[-1] or not table.starts:
            table = self._extended(table.first_year, table.last_year + 1 + (wanted // (MICROSECONDS * 4_000_000)))
        window = bisect_left(table.opened, target) - 1
        return _instant(table.starts[window] + target - table.opened[window])

    def between(self, a: dt.datetime, b: dt.datetime) -> float:
        """Open seconds from `a` to `b`; negative when `b` is earlier."""
        begin, end = _micros(a), _micros(b)
        table = self._reaching(min(begin, end))
        table = self._reaching(max(begin, end))
        return (_open_before(table, end) - _open_before(table, begin)) / MICROSECONDS

    def is_open(self, at: dt.datetime) -> bool:
        """Whether `at` lies in a window; a window's end does not."""
        moment = _micros(at)
        table = self._reaching(moment)
        window = bisect_right(table.starts, moment) - 1
        return window >= 0 and moment < table.ends[window]

    def next_open(self, at: dt.datetime) -> dt.datetime:
        """`at` itself when open, else the start of the next window. Raises NeverOpens."""
        moment = _micros(at)
        table = self._reaching(moment)
        while (window := bisect_right(table.ends, moment)) >= len(table.ends):
            table = self._extended(table.first_year, table.last_year + 1)
        opening = table.starts[window]
        return at.astimezone(dt.UTC) if opening <= moment else _instant(opening)

    def windows(self, a: dt.datetime, b: dt.datetime, at_most: int) -> list[tuple[dt.datetime, dt.datetime]]:
        """The first `at_most` windows that are open between `a` and `b`, cut to them, earliest first."""
        begin, end = _micros(a), _micros(b)
        table = self._reaching(begin)
        table = self._reaching(max(begin, end))
        first = bisect_right(table.ends, begin)
        last = min(bisect_left(table.starts, end), first + at_most)
        return [(_instant(max(table.starts[i], begin)), _instant(min(table.ends[i], end))) for i in range(first, last)]

    def _reaching(self, moment: int) -> _Table:
        table = self._table
        if table.covers_from <= moment < table.covers_to:
            return table
        year = _instant(moment).year
        return self._extended(min(table.first_year, year - 1), max(table.last_year, year + 1))

    def _extended(self, first: int, last: int) -> _Table:
        if first < 2 or last > FURTHEST:
            raise NeverOpens(f"no open time is left between the years {max(first, 2)} and {FURTHEST}")
        self._table = self._build(first, last)
        return self._table

    def _build(self, first: int, last: int) -> _Table:
        windows: list[Window] = []
        for year in range(first, last + 1):
            if year not in self._years:
                self._years[year] = windows_of_year(self.spec, year)
            windows.extend(self._years[year])
        starts = tuple(start for start, _ in windows)
        ends = tuple(end for _, end in windows)
        opened = tuple(accumulate((end - start for start, end in windows), initial=0))
        covers = _micros(dt.datetime(first, 1, 2, tzinfo=dt.UTC)), _micros(dt.datetime(last, 12, 30, tzinfo=dt.UTC))
        return _Table(first, last, starts, ends, opened, *covers)


def _open_before(table: _Table, moment: int) -> int:
    window = bisect_right(table.starts, moment) - 1
    if window < 0:
        return 0
    return table.opened[window] + min(moment, table.ends[window]) - table.starts[window]


def _micros(at: dt.datetime) -> int:
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


def _instant(micros: int) -> dt.datetime:
    return EPOCH + dt.timedelta(microseconds=micros)
