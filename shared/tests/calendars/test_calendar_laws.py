"""The closed form agrees with walking minute by minute and reading the wall clock."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.calendars import Block, Calendar, CalendarSpec

UTC = dt.UTC
MINUTE = dt.timedelta(minutes=1)

# Zone and a moment near something odd: half-hour DST, DST with changed rules, midnight that does not exist, a day
# skipped.
ODD_MOMENTS = {
    "Lord Howe goes forward half an hour": ("Australia/Lord_Howe", dt.datetime(2026, 10, 3, 15, 0, tzinfo=UTC)),
    "Lord Howe goes back half an hour": ("Australia/Lord_Howe", dt.datetime(2026, 4, 4, 15, 0, tzinfo=UTC)),
    "Cairo goes forward at midnight": ("Africa/Cairo", dt.datetime(2026, 4, 23, 22, 0, tzinfo=UTC)),
    "Cairo goes back at midnight": ("Africa/Cairo", dt.datetime(2026, 10, 29, 21, 0, tzinfo=UTC)),
    "New York goes forward": ("America/New_York", dt.datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
    "New York goes back": ("America/New_York", dt.datetime(2026, 11, 1, 6, 0, tzinfo=UTC)),
    "São Paulo had no midnight": ("America/Sao_Paulo", dt.datetime(2018, 11, 4, 3, 0, tzinfo=UTC)),
    "Samoa skipped a day": ("Pacific/Apia", dt.datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
}
WEEKS = {
    "office with lunch": ((Block(540, 720), Block(780, 1080)),) * 5 + ((), ()),
    "nights": ((Block(1320, 1800),),) * 7,
    "edges inside the change": ((Block(15, 75), Block(90, 150), Block(165, 400)),) * 7,
    "round the clock": ((Block(0, 1440),),) * 7,
}
# The days around some of the odd moments have hours of their own.
SPECIAL = tuple((dt.date(2026, *day), (Block(420, 600), Block(660, 900))) for day in ((4, 5), (10, 4), (11, 1), (3, 8)))
# Built once: a property test that builds a calendar per example would measure building.
CALENDARS = {
    (zone, week): Calendar(
        CalendarSpec(zone=zone, week=WEEKS[week], added=(dt.date(2026, 3, 9), dt.date(2026, 11, 2)), special=SPECIAL)
    )
    for zone in {zone for zone, _ in ODD_MOMENTS.values()}
    for week in WEEKS
}


def open_on_the_wall(calendar: Calendar, at: dt.datetime) -> bool:
    """Reads the wall clock and the days off, and nothing else."""
    local = at.astimezone(ZoneInfo(calendar.spec.zone))
    minute = local.hour * 60 + local.minute
    yesterday = local.date() - dt.timedelta(days=1)
    return _in_blocks(calendar, local.date(), minute) or _in_blocks(calendar, yesterday, minute + 1440)


def _in_blocks(calendar: Calendar, day: dt.date, minute: int) -> bool:
    if day in calendar.spec.days_off(day.year):
        return False
    return any(block.start <= minute < block.end for block in dict(SPECIAL).get(day, calendar.spec.week[day.weekday()]))


def minutes_open(calendar: Calendar, start: dt.datetime, minutes: int) -> int:
    return sum(open_on_the_wall(calendar, start + MINUTE * step) for step in range(minutes))


odd = st.sampled_from(sorted(ODD_MOMENTS))
weeks = st.sampled_from(sorted(WEEKS))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(odd=odd, week=weeks, before=st.integers(-2000, 2000), length=st.integers(0, 2500))
def test_between_counts_the_same_minutes_as_a_walk(odd: str, week: str, before: int, length: int) -> None:
    zone, near = ODD_MOMENTS[odd]
    calendar, start = CALENDARS[zone, week], near + MINUTE * before
    assert calendar.between(start, start + MINUTE * length) == 60 * minutes_open(calendar, start, length)


@settings(max_examples=150, deadline=None)
@given(odd=odd, week=weeks, before=st.integers(-3000, 3000))
def test_is_open_reads_the_wall_clock(odd: str, week: str, before: int) -> None:
    zone, near = ODD_MOMENTS[odd]
    calendar, at = CALENDARS[zone, week], near + MINUTE * before
    assert calendar.is_open(at) == open_on_the_wall(calendar, at)


@settings(max_examples=300, deadline=None)
@given(odd=odd, week=weeks, offset=st.integers(-400_000_000, 400_000_000), seconds=st.integers(0, 3_000_000))
def test_between_undoes_add(odd: str, week: str, offset: int, seconds: int) -> None:
    zone, near = ODD_MOMENTS[odd]
    calendar, start = CALENDARS[zone, week], near + dt.timedelta(microseconds=offset * 1000)
    end = calendar.add(start, seconds)
    assert calendar.between(start, end) == seconds
    assert calendar.between(end, start) == -seconds


@settings(max_examples=100, deadline=None)
@given(odd=odd, week=weeks, before=st.integers(-3000, 3000), seconds=st.integers(1, 100_000))
def test_add_gives_the_first_such_instant(odd: str, week: str, before: int, seconds: int) -> None:
    zone, near = ODD_MOMENTS[odd]
    calendar, start = CALENDARS[zone, week], near + MINUTE * before
    end = calendar.add(start, seconds)
    assert calendar.between(start, end - dt.timedelta(microseconds=1)) < seconds
    assert calendar.add(start, seconds + 1) > end


@settings(max_examples=100, deadline=None)
@given(odd=odd, week=weeks, before=st.integers(-3000, 3000))
def test_next_open_is_open_and_nothing_before_it_is(odd: str, week: str, before: int) -> None:
    zone, near = ODD_MOMENTS[odd]
    calendar, at = CALENDARS[zone, week], near + MINUTE * before
    opens = calendar.next_open(at)
    assert opens >= at
    assert calendar.is_open(opens)
    assert calendar.between(at, opens) == 0


@pytest.mark.parametrize("odd", sorted(ODD_MOMENTS))
def test_a_change_of_the_clocks_is_walked_minute_by_minute(odd: str) -> None:
    zone, near = ODD_MOMENTS[odd]
    for week in WEEKS:
        calendar, start = CALENDARS[zone, week], near - dt.timedelta(hours=8)
        for step in range(0, 16 * 60, 7):
            at = start + MINUTE * step
            assert calendar.is_open(at) == open_on_the_wall(calendar, at), (week, at)
