"""Whose hours a policy counts: the owner's, his team's, the person's, or all."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import pytest

from baton.contracts import Contact
from baton.playbook.calendars import Calendars
from baton.playbook.whose import build_calendar, calendar_for, only_zone

BERLIN = {"id": "berlin", "label": "Berlin", "zone": "Europe/Berlin", "week": {"mon-fri": ["09:00-17:00"]}}
LATE = {"id": "late", "label": "Late", "zone": "Europe/Berlin", "week": {"mon-fri": ["12:00-20:00"]}}
PROSPECTS = {"week": {"mon-fri": ["09:00-17:00"]}, "zones": {"US-CA": "America/Los_Angeles", "us": "America/New_York"}}
MONDAY = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)


def calendars(**more: Any) -> Calendars:
    return Calendars.model_validate_json(orjson.dumps({"calendars": [BERLIN, LATE], **more}))


def meant(wanted: str, team: str | None = None, known: Calendars | None = None, **contact: Any) -> str:
    known = known or calendars(teams={"evening": "late"}, prospects=PROSPECTS)
    return calendar_for(known, wanted, "berlin", team, Contact(**contact))


@pytest.mark.parametrize(
    ("wanted", "team", "found"),
    [
        ("owner", "evening", "berlin"),
        ("team", "evening", "late"),
        ("team", "morning", "berlin"),
        ("team", None, "berlin"),
        ("late", None, "late"),
        ("always", None, "always"),
    ],
)
def test_a_policy_counts_the_hours_it_names(wanted: str, team: str | None, found: str) -> None:
    assert meant(wanted, team) == found


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        ({"country": "US", "region": "CA", "timezone": "America/Denver"}, "prospect/US/America/Denver"),
        ({"country": "US", "region": "ca"}, "prospect/US/America/Los_Angeles"),
        ({"country": "US", "region": "TX"}, "prospect/US/America/New_York"),
        ({"country": "JP"}, "prospect/JP/Asia/Tokyo"),
        ({"country": "JP", "timezone": "../../etc/passwd"}, "prospect/JP/Asia/Tokyo"),
        ({"timezone": "Asia/Kolkata"}, "prospect//Asia/Kolkata"),
        ({"country": "BR"}, "berlin"),
        ({}, "berlin"),
    ],
)
def test_a_prospects_zone_is_his_own_else_his_regions_else_his_countrys_else_nobodys(
    contact: dict[str, str], found: str
) -> None:
    assert meant("prospect", **contact) == found


def test_where_the_zone_is_unknown_the_playbook_says_whose_hours_count() -> None:
    known = calendars(prospects={**PROSPECTS, "otherwise": "late"})
    assert meant("prospect", known=known, country="BR") == "late"


def test_a_calendar_called_by_the_word_is_meant_by_it() -> None:
    known = calendars(prospects=PROSPECTS)
    own = known.model_copy(update={"calendars": (known.calendars[0].model_copy(update={"id": "always"}),)})
    assert build_calendar(own, meant("always", known=own)).is_open(MONDAY - dt.timedelta(days=1)) is False


def test_prospects_are_reached_in_their_own_working_day_and_not_on_their_holidays() -> None:
    known = calendars(prospects=PROSPECTS)
    tokyo = build_calendar(known, "prospect/JP/Asia/Tokyo")
    # 17:00 in Tokyo is 08:00 UTC, and Tuesday 3 November is Culture Day.
    assert tokyo.add(MONDAY, 3600) == dt.datetime(2026, 11, 4, 1, 0, tzinfo=dt.UTC)
    working = calendars(prospects={**PROSPECTS, "holidays": False})
    assert build_calendar(working, "prospect/JP/Asia/Tokyo").add(MONDAY, 3600) == dt.datetime(
        2026, 11, 3, 1, 0, tzinfo=dt.UTC
    )
    assert build_calendar(known, "prospect/AQ/Antarctica/Troll").is_open(MONDAY + dt.timedelta(hours=2))


def test_every_hour_counts_always() -> None:
    assert build_calendar(calendars(), "always").add(MONDAY, 90_000) == MONDAY + dt.timedelta(seconds=90_000)


@pytest.mark.parametrize("name", ["bonn", "prospect/JP/Asia/Tokyo", "prospect/JP/Nowhere"])
def test_what_the_playbook_does_not_have_is_not_found(name: str) -> None:
    known = calendars() if "Nowhere" not in name else calendars(prospects=PROSPECTS)
    with pytest.raises(KeyError):
        build_calendar(known, name)


def test_countries_where_all_clocks_show_the_same_are_known_by_the_zone_database() -> None:
    found = {country: only_zone(country) for country in ("CH", "DE", "US", "BR", "AU", "CN", "XX", "")}
    assert found.pop("CH") == "Europe/Zurich"
    assert found.pop("DE") == "Europe/Berlin"
    assert set(found.values()) == {None}
