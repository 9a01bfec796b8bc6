"""calendars.yaml: named business hours."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from baton.calendars import DAYS, Block, Calendar, CalendarSpec
from baton.playbook.terms import Id, Label, Strict

BlockText = Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}-\d{2}:\d{2}$")]
_DAY_KEY = re.compile(r"^[a-z]{3}(-[a-z]{3})?$")


class AddedHoliday(Strict):
    """A day off the list of public holidays does not know."""

    date: dt.date
    name: Label


class Holidays(Strict):
    """Country and subdivision as in the `holidays` library, plus and minus explicit dates."""

    country: str | None = None
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)
    added: tuple[AddedHoliday, ...] = ()
    removed: tuple[dt.date, ...] = ()


class SpecialDay(Strict):
    """A day with hours of its own, also where it is a holiday."""

    date: dt.date
    hours: tuple[BlockText, ...] = Field(min_length=1)
    name: Label | None = None


Week = Annotated[dict[str, tuple[BlockText, ...]], Field(min_length=1)]
"""A day or a range of days (`mon-thu`) to blocks; `22:00-06:00` runs overnight."""


class BusinessCalendar(Strict):
    """Opening hours by week, without holidays, and days that are not like others of their week."""

    id: Id
    label: Label
    zone: str
    week: Week
    holidays: Holidays = Holidays()
    special: tuple[SpecialDay, ...] = ()

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        self.spec()
        return self

    def spec(self) -> CalendarSpec:
        """What `baton.calendars` computes with. Raises ValueError with the reason if it cannot."""
        given = self.holidays
        special = {day.date: tuple(Block.parse(text) for text in day.hours) for day in self.special}
        if len(special) != len(self.special):
            raise ValueError("special: a day is given twice")
        return CalendarSpec(
            zone=self.zone,
            week=blocks_of(self.week),
            country=given.country,
            subdivision=given.subdivision,
            categories=given.categories,
            added=tuple(sorted({day.date for day in given.added})),
            removed=tuple(sorted(set(given.removed))),
            special=tuple(sorted(special.items())),
        )

    def build(self) -> Calendar:
        """A calendar to compute with. Costs some 20 ms; keep it (`Playbook.calendar` does)."""
        return Calendar(self.spec())


def blocks_of(week: dict[str, tuple[BlockText, ...]]) -> tuple[tuple[Block, ...], ...]:
    """Return the blocks of each day, Monday first. Raises ValueError with the reason if it cannot."""
    found: list[tuple[Block, ...]] = [()] * 7
    for key, blocks in week.items():
        for day in _days(key):
            if found[day]:
                raise ValueError(f"week: {DAYS[day]} is given twice")
            found[day] = tuple(Block.parse(text) for text in blocks)
    return tuple(found)


def _days(key: str) -> list[int]:
    first, _, last = key.partition("-")
    if not _DAY_KEY.match(key) or first not in DAYS or (last and last not in DAYS):
        raise ValueError(f"week: {key!r} is not a day (mon … sun) or a range of days (mon-fri)")
    start = DAYS.index(first)
    length = (DAYS.index(last) - start) % 7 if last else 0
    return [(start + step) % 7 for step in range(length + 1)]


class Prospects(Strict):
    """When people may be reached, each in his own time zone: what `calendar: prospect` of a policy counts.

    The zone is that of the contact; else by country and region (`US-CA`) or country from `zones`; else that of a
    country where all clocks show the same. Where none of these tells, the hours of `otherwise` count.
    """

    week: Week
    holidays: bool = Field(default=True, description="Public holidays of the person's country are off.")
    zones: dict[str, str] = Field(default_factory=dict)
    otherwise: Id = "owner"

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        for zone in {"UTC", *self.zones.values()}:
            CalendarSpec(zone=zone, week=blocks_of(self.week))
        return self


class Calendars(Strict):
    """All named calendars, the one of each team that has its own, and the hours of those who are called."""

    calendars: tuple[BusinessCalendar, ...] = Field(min_length=1)
    teams: dict[Id, Id] = Field(default_factory=dict)
    prospects: Prospects | None = None
