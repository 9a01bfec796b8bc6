"""One year of opening hours as windows in UTC, exact to the second across every change of the clocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from baton.calendars.spec import CalendarSpec

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECONDS = 1_000_000
Window = tuple[int, int]
"""Start and end in microseconds since 1970."""


def windows_of_year(spec: CalendarSpec, year: int) -> tuple[Window, ...]:
    """Windows of the blocks that start on a day of this local year, sorted."""
    zone = ZoneInfo(spec.zone)
    off = spec.days_off(year)
    day = dt.date(year, 1, 1)
    found: list[Window] = []
    while day.year == year:
        if day not in off:
            for block in spec.blocks(day):
                found.extend(_windows(zone, _seconds(day, block.start), _seconds(day, block.end)))
        day += dt.timedelta(days=1)
    return tuple((start * MICROSECONDS, end * MICROSECONDS) for start, end in sorted(found))


def _seconds(day: dt.date, minutes: int) -> int:
    """Wall time as if the zone were UTC, in seconds."""
    return (day.toordinal() - EPOCH.toordinal()) * 86_400 + minutes * 60


def _windows(zone: ZoneInfo, start: int, end: int) -> Iterator[Window]:
    """When the wall clock reads [start, end): usually one window, two where clocks go back over one of its edges."""
    offsets = {offset for wall in (start, end) for fold in (0, 1) for offset in (_wall_offset(zone, wall, fold),)}
    if len(offsets) == 1:
        offset = offsets.pop()
        yield start - offset, end - offset
        return
    at, stop = start - max(offsets), end - min(offsets)
    while at < stop:
        offset = _offset(zone, at)
        change = _next_change(zone, at, stop)
        open_from, open_to = max(at, start - offset), min(change, end - offset)
        if open_from < open_to:
            yield open_from, open_to
        at = change


def _next_change(zone: ZoneInfo, at: int, stop: int) -> int:
    """The first second after `at` with another offset, or `stop`. Takes for granted that changes are hours apart."""
    offset = _offset(zone, at)
    if _offset(zone, stop) == offset:
        return stop
    low, high = at, stop
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high


def _wall_offset(zone: ZoneInfo, wall: int, fold: int) -> int:
    local = (EPOCH + dt.timedelta(seconds=wall)).replace(tzinfo=zone, fold=fold)
    return _whole(local.utcoffset())


def _offset(zone: ZoneInfo, at: int) -> int:
    return _whole((EPOCH + dt.timedelta(seconds=at)).astimezone(zone).utcoffset())


def _whole(offset: dt.timedelta | None) -> int:
    return round(offset.total_seconds()) if offset is not None else 0
