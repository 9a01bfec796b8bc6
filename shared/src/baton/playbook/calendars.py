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


class BusinessCalendar(Strict):
    """Opening hours: `week` maps a day or a range of days (`mon-thu`) to blocks; `22:00-06:00` runs overnight."""

    id: Id
    label: Label
    zone: str
    week: dict[str, tuple[BlockText, ...]] = Field(min_length=1)
    holidays: Holidays = Holidays()

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        self.spec()
        return self

    def spec(self) -> CalendarSpec:
        """What `baton.calendars` computes with. Raises ValueError with the reason if it cannot."""
        week: list[tuple[Block, ...]] = [()] * 7
        for key, blocks in self.week.items():
            for day in _days(key):
                if week[day]:
                    raise ValueError(f"week: {DAYS[day]} is given twice")
                week[day] = tuple(Block.parse(text) for text in blocks)
        given = self.holidays
        return CalendarSpec(
            zone=self.zone,
            week=tuple(week),
            country=given.country,
            subdivision=given.subdivision,
            categories=given.categories,
            added=tuple(sorted({day.date for day in given.added})),
            removed=tuple(sorted(set(given.removed))),
        )

    def build(self) -> Calendar:
        """A calendar to compute with. Costs some 20 ms; keep it (`Playbook.calendar` does)."""
        return Calendar(self.spec())


def _days(key: str) -> list[int]:
    first, _, last = key.partition("-")
    if not _DAY_KEY.match(key) or first not in DAYS or (last and last not in DAYS):
        raise ValueError(f"week: {key!r} is not a day (mon … sun) or a range of days (mon-fri)")
    start = DAYS.index(first)
    length = (DAYS.index(last) - start) % 7 if last else 0
    return [(start + step) % 7 for step in range(length + 1)]


class Calendars(Strict):
    """All named calendars."""

    calendars: tuple[BusinessCalendar, ...] = Field(min_length=1)
