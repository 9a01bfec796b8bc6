"""The calendars of the playbook in force, by the names that clocks keep of them."""

from __future__ import annotations

from collections.abc import Iterable

from baton.calendars import Calendar
from baton.playbook import Playbook
from baton.sla_monitor.domain.hours import AROUND_THE_CLOCK, Hours
from baton.sla_monitor.domain.obligation import Obligation


def hours_of_all(clocks: Iterable[Obligation], playbook: Playbook) -> dict[str | None, Hours]:
    """Return the hours of every calendar these clocks name, and of none."""
    named = {clock.calendar for clock in clocks} | {None}
    return {calendar: hours_of(calendar, playbook) for calendar in named}


def known_calendars(clocks: Iterable[Obligation], playbook: Playbook) -> dict[str, Calendar]:
    """Return the calendars of these clocks that the playbook has."""
    found = {clock.calendar: hours_of(clock.calendar, playbook) for clock in clocks if clock.calendar}
    return {name: hours for name, hours in found.items() if isinstance(hours, Calendar)}


def hours_of(calendar: str | None, playbook: Playbook) -> Hours:
    """Return the calendar of that name; around the clock where the playbook does not know it (any more)."""
    if calendar is None:
        return AROUND_THE_CLOCK
    try:
        return playbook.calendar(calendar)
    except KeyError:
        return AROUND_THE_CLOCK
