"""Business time as people would say it."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from baton.calendars import Block, Calendar, CalendarSpec

UTC = dt.UTC
OFFICE = ((Block.parse("09:00-12:00"), Block.parse("13:00-18:00")),) * 5 + ((), ())
NIGHTS = ((Block.parse("22:00-06:00"),),) * 7


def local(zone: str, *parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=ZoneInfo(zone))  # type: ignore[misc, arg-type]


def test_four_hours_from_thursday_evening_in_sao_paulo_end_on_monday_noon() -> None:
    calendar = Calendar(CalendarSpec(zone="America/Sao_Paulo", week=OFFICE, country="BR"))
    due = calendar.add(local("America/Sao_Paulo", 2026, 11, 19, 17, 0), 4 * 3600)
    assert due == local("America/Sao_Paulo", 2026, 11, 23, 12, 0)


def test_a_night_shift_is_an_hour_short_in_spring_and_long_in_autumn() -> None:
    calendar = Calendar(CalendarSpec(zone="America/New_York", week=NIGHTS))
    spring = local("America/New_York", 2026, 3, 7, 12), local("America/New_York", 2026, 3, 8, 12)
    autumn = local("America/New_York", 2026, 10, 31, 12), local("America/New_York", 2026, 11, 1, 12)
    assert calendar.between(*spring) == 7 * 3600
    assert calendar.between(*autumn) == 9 * 3600


def test_a_shift_that_starts_the_evening_before_a_holiday_is_worked_to_its_end() -> None:
    calendar = Calendar(CalendarSpec(zone="Europe/Berlin", week=NIGHTS, country="DE"))
    assert calendar.is_open(local("Europe/Berlin", 2026, 1, 1, 5))
    assert not calendar.is_open(local("Europe/Berlin", 2026, 1, 1, 23))


def test_added_and_removed_dates_win_over_public_holidays() -> None:
    spec = {"zone": "Europe/Berlin", "week": OFFICE, "country": "DE", "subdivision": "BE"}
    may_day, christmas_eve = local("Europe/Berlin", 2026, 5, 1, 10), local("Europe/Berlin", 2026, 12, 24, 10)
    public = Calendar(CalendarSpec(**spec))
    own = Calendar(CalendarSpec(**spec, added=(dt.date(2026, 12, 24),), removed=(dt.date(2026, 5, 1),)))
    assert (public.is_open(may_day), public.is_open(christmas_eve)) == (False, True)
    assert (own.is_open(may_day), own.is_open(christmas_eve)) == (True, False)


def test_a_special_day_has_hours_of_its_own_also_where_it_is_a_holiday_or_a_sunday() -> None:
    spec = {"zone": "Europe/Berlin", "week": OFFICE, "country": "DE"}
    short, open_day = (Block.parse("09:00-12:00"),), (Block.parse("10:00-16:00"), Block.parse("22:00-02:00"))
    special = ((dt.date(2026, 12, 23), short), (dt.date(2026, 12, 25), open_day), (dt.date(2026, 12, 27), short))
    calendar = Calendar(CalendarSpec(**spec, special=special))
    noon = local("Europe/Berlin", 2026, 12, 23, 11, 0)
    assert calendar.add(noon, 2 * 3600) == local("Europe/Berlin", 2026, 12, 24, 10, 0)
    christmas = local("Europe/Berlin", 2026, 12, 25, 0, 0)
    assert calendar.between(christmas, christmas + dt.timedelta(days=1)) == 8 * 3600
    assert calendar.is_open(local("Europe/Berlin", 2026, 12, 26, 1, 0)), "a shift past midnight into a holiday"
    assert calendar.is_open(local("Europe/Berlin", 2026, 12, 27, 9, 30)), "a Sunday"
    assert calendar.version != Calendar(CalendarSpec(**spec)).version


def test_a_calendar_without_special_days_has_the_version_it_had_before_there_were_any() -> None:
    assert Calendar(CalendarSpec(zone="UTC", week=OFFICE)).version == "c81415c4cf656153"


def test_hours_of_a_special_day_that_run_into_the_next_are_refused() -> None:
    night = ((dt.date(2026, 12, 23), (Block.parse("20:00-10:00"),)),)
    with pytest.raises(ValueError, match="overlap around 2026-12-23"):
        CalendarSpec(zone="UTC", week=OFFICE, special=night)


def test_a_window_opens_at_its_start_and_has_closed_at_its_end() -> None:
    calendar = Calendar(CalendarSpec(zone="UTC", week=OFFICE))
    assert calendar.is_open(dt.datetime(2026, 11, 23, 9, tzinfo=UTC))
    assert not calendar.is_open(dt.datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert calendar.next_open(dt.datetime(2026, 11, 23, 12, tzinfo=UTC)) == dt.datetime(2026, 11, 23, 13, tzinfo=UTC)


def test_no_business_time_is_no_time_and_it_never_runs_backwards() -> None:
    calendar = Calendar(CalendarSpec(zone="UTC", week=OFFICE))
    night = dt.datetime(2026, 11, 23, 3, tzinfo=UTC)
    assert calendar.add(night, 0) == night
    with pytest.raises(ValueError, match="forward"):
        calendar.add(night, -1)


@pytest.mark.parametrize("year", [1999, 2061])
def test_years_nobody_built_are_built_when_asked_for(year: int) -> None:
    calendar = Calendar(CalendarSpec(zone="Europe/Berlin", week=OFFICE))
    start = local("Europe/Berlin", year, 6, 1, 0)
    end = calendar.add(start, 8 * 3600 * 600)
    assert calendar.between(start, end) == 8 * 3600 * 600
    assert end.year > year + 1


def test_extending_changes_no_answer_and_no_version() -> None:
    one, other = (Calendar(CalendarSpec(zone="Europe/Berlin", week=OFFICE, country="DE")) for _ in range(2))
    start = local("Europe/Berlin", 2026, 6, 1, 0)
    before, version = one.add(start, 100_000), one.version
    one.is_open(dt.datetime(2050, 1, 1, tzinfo=UTC))
    one.is_open(dt.datetime(1990, 1, 1, tzinfo=UTC))
    assert one.add(start, 100_000) == before == other.add(start, 100_000)
    assert one.version == version == other.version


def test_the_version_changes_with_anything_that_moves_a_window() -> None:
    base = {"zone": "Europe/Berlin", "week": OFFICE, "country": "DE"}
    variants = [
        CalendarSpec(**base),
        CalendarSpec(**{**base, "zone": "Europe/London"}),
        CalendarSpec(**base, subdivision="BY"),
        CalendarSpec(**base, added=(dt.date(2026, 12, 24),)),
        CalendarSpec(**{**base, "week": NIGHTS}),
    ]
    assert len({Calendar(spec).version for spec in variants}) == len(variants)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"zone": "Europe/Berln"}, "no time zone"),
        ({"country": "ZZ"}, "holidays"),
        ({"country": "DE", "subdivision": "QQ"}, "holidays"),
        ({"country": "DE", "categories": ("bank-ish",)}, "holidays"),
        ({"subdivision": "BE"}, "needs country"),
        ({"week": ((),) * 7}, "at least one block"),
        ({"week": ((Block(540, 720), Block(700, 800)),) + ((),) * 6}, "overlap on mon"),
        ({"week": ((Block(0, 60),),) + ((),) * 5 + ((Block(1320, 1800),),)}, "overlap on mon"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_with_the_reason(change: dict[str, object], says: str) -> None:
    given: dict[str, object] = {"zone": "Europe/Berlin", "week": OFFICE, **change}
    with pytest.raises(ValueError, match=says):
        CalendarSpec(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["25:00-26:00", "09:60-10:00", "24:00-02:00"])
def test_a_block_outside_the_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Block.parse(text)
