"""Whose hours a promise is counted in: the owner's, his team's, the person's own, or every hour."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import lru_cache
from importlib.resources import files
from typing import Protocol
from zoneinfo import ZoneInfo

from baton.calendars import Block, Calendar, CalendarSpec
from baton.playbook.calendars import Calendars, Prospects, blocks_of

WORDS = ("owner", "team", "prospect", "always")
"""What a policy may count by, beside the id of a calendar; a calendar with such an id is meant by it."""
ALWAYS = "always"
PROSPECT = "prospect"
EVERY_HOUR = CalendarSpec(zone="UTC", week=((Block(0, 1440),),) * 7)


class Whereabouts(Protocol):
    """What a contact says of where the person is."""

    @property
    def country(self) -> str | None: ...

    @property
    def region(self) -> str | None: ...

    @property
    def timezone(self) -> str | None: ...


def calendar_for(calendars: Calendars, wanted: str, owner: str, team: str | None, person: Whereabouts) -> str:
    """Return the id of the calendar that a policy's `calendar` means for a lead; `owner` is that of its owner.

    Those of prospects are called `prospect/<country>/<zone>`: no calendar of the playbook can be.
    """
    if wanted in {calendar.id for calendar in calendars.calendars}:
        return wanted
    match wanted:
        case "team":
            return calendars.teams.get(team or "", owner)
        case "prospect" if calendars.prospects is not None:
            zone = _zone_of(calendars.prospects, person)
            if zone is None:
                return calendar_for(calendars, calendars.prospects.otherwise, owner, team, person)
            return f"{PROSPECT}/{(person.country or '').upper()}/{zone}"
        case "owner" | "prospect":
            return owner
        case _:
            return wanted


def build_calendar(calendars: Calendars, calendar_id: str) -> Calendar:
    """Return the calendar of that id. Raises KeyError for one that there is not."""
    named = {calendar.id: calendar for calendar in calendars.calendars}
    if calendar_id in named:
        return named[calendar_id].build()
    if calendar_id == ALWAYS:
        return Calendar(EVERY_HOUR)
    kind, _, place = calendar_id.partition("/")
    if kind != PROSPECT or calendars.prospects is None:
        raise KeyError(calendar_id)
    country, _, zone = place.partition("/")
    return _of_prospects(calendars.prospects, country, zone)


def _of_prospects(hours: Prospects, country: str, zone: str) -> Calendar:
    week = blocks_of(hours.week)
    if hours.holidays and country:
        try:
            return Calendar(CalendarSpec(zone=zone, week=week, country=country))
        except ValueError:  # a country whose holidays nobody has listed
            pass
    try:
        return Calendar(CalendarSpec(zone=zone, week=week))
    except ValueError as fault:
        raise KeyError(zone) from fault


def _zone_of(hours: Prospects, person: Whereabouts) -> str | None:
    if person.timezone and _is_zone(person.timezone):
        return person.timezone
    country = (person.country or "").upper()
    by_place = {place.upper(): zone for place, zone in hours.zones.items()}
    region = f"{country}-{(person.region or '').upper()}"
    return by_place.get(region) or by_place.get(country) or only_zone(country)


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=256)
def only_zone(country: str) -> str | None:
    """Return the zone of a country where all clocks show the same; None where they do not, or nobody knows it."""
    zones = _zones().get(country, [])
    return zones[0] if len({_year_of(zone) for zone in zones}) == 1 else None


def _year_of(zone: str) -> tuple[dt.timedelta | None, ...]:
    """The offsets of a zone through a year: Büsingen's are Berlin's."""
    days = (dt.datetime(2026, month, 15, tzinfo=ZoneInfo(zone)) for month in range(1, 13))
    return tuple(day.utcoffset() for day in days)


@lru_cache(maxsize=1)
def _zones() -> dict[str, list[str]]:
    """The zones of each country by the time zone database's own table, the greatest first."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            columns = line.split("\t")
            found[columns[0]].append(columns[2])
    return dict(found)
