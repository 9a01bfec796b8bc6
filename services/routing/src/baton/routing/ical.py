"""A calendar in iCalendar (RFC 5545), read as the absences of one rep. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event, vBroken

from baton.contracts import TimeOff
from baton.routing.domain.absences import AbsenceWords, Shown, no_absence

AHEAD = timedelta(days=400)
"""How far absences are looked for: a year and the next summer; a feed is imported again long before."""
MOST_EVENTS = 1_000
MOST_OCCURRENCES = 1_000
MOST_STEPS = 20_000
"""Occurrences walked through, those of the past included, in all series of a file: under five seconds at worst."""

_RULES = {
    "DAILY": {"BYDAY", "BYMONTH"},
    "WEEKLY": {"BYDAY", "BYMONTH"},
    "MONTHLY": {"BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"},
}
"""What absences recur by. The rest of RFC 5545 costs a search without end where a rule fits no day."""
_BOUNDARY = re.compile(r"^(BEGIN|END):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}


class CalendarRefused(Exception):
    """The file as a whole is of no use; the message says why."""


class _EventIgnored(Exception):
    """One event is of no use; the message says why."""


@dataclass(frozen=True)
class Ignored:
    """An event that brings no absence."""

    uid: str
    summary: str
    reason: str


@dataclass(frozen=True)
class CalendarRead:
    """The absences of a calendar from now on, and what in it is none."""

    absences: tuple[TimeOff, ...]
    ignored: tuple[Ignored, ...]


def read_calendar(text: str, zone: str, now: datetime, words: AbsenceWords, *, hand_over: bool) -> CalendarRead:
    """Return what is absence by `no_absence`, from now to `AHEAD`; whole days and floating times are in `zone`.

    Raises CalendarRefused if it is no calendar, or more than the bounds of this module.
    """
    events = _events(text)
    return _Reading(ZoneInfo(zone), now, words, hand_over).read(events)


def _events(text: str) -> list[Event]:
    text = text.lstrip("\ufeff \r\n")
    if not text.upper().startswith("BEGIN:VCALENDAR"):
        raise CalendarRefused("It does not begin with BEGIN:VCALENDAR.")
    lines = [(edge.upper(), name.strip().upper()) for edge, name in _BOUNDARY.findall(text)]
    if Counter(name for edge, name in lines if edge == "BEGIN") != Counter(
        name for edge, name in lines if edge == "END"
    ):
        # The parser takes what is left of a download that was cut off, and all later absences would be removed.
        raise CalendarRefused("It cannot be read: BEGIN and END do not match, so it is not whole.")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, LookupError, TypeError, AttributeError) as fault:  # what the parser lets through of bad lines
        raise CalendarRefused(f"It cannot be read: {str(fault)[:200]}") from fault
    events = [event for calendar in calendars for event in calendar.walk("VEVENT") if isinstance(event, Event)]
    if len(events) > MOST_EVENTS:
        raise CalendarRefused(f"It has {len(events)} events; at most {MOST_EVENTS} are taken.")
    return events


@dataclass
class _Reading:
    zone: ZoneInfo
    now: datetime
    words: AbsenceWords
    hand_over: bool
    found: dict[str, TimeOff] = field(default_factory=dict)
    steps: Iterator[int] = field(default_factory=lambda: iter(range(MOST_STEPS)))

    def read(self, events: list[Event]) -> CalendarRead:
        moved = {key for event in events if (key := self._moved(event)) is not None}
        ignored = [one for event in events if (one := self._take(event, moved)) is not None]
        absences = sorted(self.found.values(), key=lambda off: (off.starts_at, off.ends_at, off.calendar_key or ""))
        return CalendarRead(tuple(absences), tuple(ignored))

    def _moved(self, event: Event) -> str | None:
        """The key of the occurrence this event stands for, in place of the one its series would have."""
        try:
            return _key(_uid(event), self._moment(_value(event, "RECURRENCE-ID")))
        except (_EventIgnored, ValueError, OverflowError):
            return None

    def _take(self, event: Event, moved: set[str]) -> Ignored | None:
        """Add the absences of one event, or return why there are none."""
        try:
            self._add(event, moved)
        except _EventIgnored as fault:
            why = str(fault)
        except (ValueError, OverflowError, TypeError):  # a time before the year 1, a rule that dateutil refuses …
            why = "it cannot be read"
        else:
            return None
        return Ignored(_uid(event)[:300], str(event.get("SUMMARY", ""))[:300], why)

    def _add(self, event: Event, moved: set[str]) -> None:
        start = _value(event, "DTSTART")
        length = _length(event, start)
        is_whole_day = not isinstance(start, datetime)
        if why := no_absence(_shown(event, is_whole_day), self.words):
            raise _EventIgnored(why)
        if "RECURRENCE-ID" in event:
            original = self._moment(_value(event, "RECURRENCE-ID"))
            if _property(event, "RECURRENCE-ID").params.get("RANGE"):
                raise _EventIgnored("it changes a series from a day on (RANGE), which is not read")
            taken = self._enter([(_key(_uid(event), original), start)], length)
        elif "RRULE" in event or "RDATE" in event:
            dated = ((_key(_uid(event), self._moment(one)), one) for one in self._series(event, start, length))
            taken = self._enter(((key, one) for key, one in dated if key not in moved), length)
        else:
            taken = self._enter([(_key(_uid(event)), start)], length)
        if not taken:
            raise _EventIgnored(f"it is over, or not within {AHEAD.days} days")

    def _enter(self, occurrences: Any, length: timedelta) -> int:
        taken = 0
        for key, start in occurrences:
            begins, ends = self._moment(start), self._moment(start + length)
            if ends <= self.now or begins >= self.now + AHEAD or ends <= begins:
                continue
            self.found[key] = TimeOff(
                starts_at=begins, ends_at=ends, reason="calendar", hand_over=self.hand_over, calendar_key=key
            )
            taken += 1
            if len(self.found) > MOST_OCCURRENCES:
                raise CalendarRefused(f"It has more than {MOST_OCCURRENCES} absences within {AHEAD.days} days.")
        return taken

    def _series(self, event: Event, start: date, length: timedelta) -> Iterator[date]:
        """The starts of a series up to `AHEAD`, without those it leaves out; as `start` is, a date or a time."""
        days, moments = set[date](), set[datetime]()
        for one in _listed(event, "EXDATE"):
            if isinstance(one, datetime) and isinstance(start, datetime):
                moments.add(self._moment(one))
            else:
                days.add(one.date() if isinstance(one, datetime) else one)
        for one in (*self._by_rule(event, start), *_like(start, _listed(event, "RDATE"))):
            day = one.date() if isinstance(one, datetime) else one
            if day not in days and self._moment(one) not in moments:
                yield one

    def _by_rule(self, event: Event, start: date) -> Iterator[date]:
        if "RRULE" not in event:
            yield start
            return
        rule = _rule(event)
        # In the wall-clock time of the start: who is off at 9 is so in summer and in winter.
        local = start.replace(tzinfo=None) if isinstance(start, datetime) else datetime.combine(start, time())
        last = _until(rule, start)
        walk = iter(rrulestr(rule.to_ical().decode(), dtstart=local))
        is_empty = True
        for one in walk:
            is_empty = False
            if next(self.steps, None) is None:
                raise CalendarRefused(f"Its series have more than {MOST_STEPS} occurrences since they began.")
            occurrence = one.replace(tzinfo=start.tzinfo) if isinstance(start, datetime) else one.date()
            if (last is not None and one > last) or self._moment(occurrence) >= self.now + AHEAD:
                return
            yield occurrence
        if is_empty:  # looking for a day that never comes took a second; a file full of such must not
            raise CalendarRefused(f"A rule fits no day: {rule.to_ical().decode()[:200]}")

    def _moment(self, value: date) -> datetime:
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        return (value if value.tzinfo is not None else value.replace(tzinfo=self.zone)).astimezone(UTC)


def _uid(event: Event) -> str:
    return str(event.get("UID") or f"{event.get('SUMMARY', '')} {event.get('DTSTART', '')}")


def _key(uid: str, original: datetime | None = None) -> str:
    """UID and RECURRENCE-ID, hashed: they are of any length and may name people."""
    known = f"{uid}\n{original.isoformat() if original else ''}"
    return hashlib.sha256(known.encode("utf-8", "replace")).hexdigest()[:32]


def _property(event: Event, name: str) -> Any:
    """What the library made of it: one of thirty types, or a list of them where it stands more than once."""
    return event.get(name)


def _value(event: Event, name: str) -> date:
    """A date or a time. Raises _EventIgnored where there is none, or one in a zone nobody knows."""
    found = _property(event, name)
    if isinstance(found, vBroken) or not isinstance(value := getattr(found, "dt", None), date):
        raise _EventIgnored(f"its {name} is missing or cannot be read")
    if isinstance(value, datetime) and value.tzinfo is None and found.params.get("TZID"):
        raise _EventIgnored(f"its time zone {str(found.params['TZID'])[:100]!r} is not known")
    return value


def _length(event: Event, start: date) -> timedelta:
    """How long it is by the wall clock. Raises _EventIgnored where it has no length."""
    is_timed = isinstance(start, datetime)
    length = timedelta() if is_timed else timedelta(days=1)
    if "DTEND" in event:
        end = _value(event, "DTEND")
        if isinstance(end, datetime) is not is_timed:
            raise _EventIgnored("its start and its end are of different kinds")
        if isinstance(start, datetime) and isinstance(end, datetime) and start.tzinfo and end.tzinfo:
            end = end.astimezone(start.tzinfo).replace(tzinfo=None)
            start = start.replace(tzinfo=None)
        length = end - start
    elif "DURATION" in event:
        length = getattr(_property(event, "DURATION"), "dt", timedelta())
    if length <= timedelta():
        raise _EventIgnored("it has no length")
    return length


def _rule(event: Event) -> Any:
    rule = _property(event, "RRULE")
    if isinstance(rule, list):
        raise _EventIgnored("it has more than one RRULE")
    parts = {str(name).upper() for name in rule}
    often = str(next(iter(rule.get("FREQ", [])), "")).upper()
    if often not in _RULES or parts - _ALWAYS - _RULES[often]:
        raise _EventIgnored("it recurs by a rule that is not read")
    if any(number < 1 for name in ("INTERVAL", "COUNT") for number in rule.get(name, [])):
        raise _EventIgnored("its INTERVAL or COUNT is below 1")
    return rule


def _until(rule: Any, start: date) -> datetime | None:
    """Take UNTIL out of the rule: the last start there may be, by the wall clock of `start`."""
    ends = rule.pop("UNTIL", None)
    if not ends:
        return None
    last = ends[0]
    if not isinstance(last, datetime):
        return datetime.combine(last, time.max)
    if last.tzinfo is not None and isinstance(start, datetime) and start.tzinfo is not None:
        last = last.astimezone(start.tzinfo)
    return datetime.combine(last, time.max) if not isinstance(start, datetime) else last.replace(tzinfo=None)


def _listed(event: Event, name: str) -> list[date]:
    found = _property(event, name)
    lists = found if isinstance(found, list) else [found]
    return [one.dt for some in lists for one in getattr(some, "dts", ()) if isinstance(one.dt, date)]


def _like(start: date, values: list[date]) -> list[date]:
    return [one for one in values if isinstance(one, datetime) is isinstance(start, datetime)]


def _shown(event: Event, is_whole_day: bool) -> Shown:
    text = partial(_text, event)
    named = [str(event.get("SUMMARY", "")), *(str(one) for one in islice(event.categories, 50))]
    return Shown(text("STATUS"), text("TRANSP"), text("X-MICROSOFT-CDO-BUSYSTATUS"), is_whole_day, " \n".join(named))


def _text(event: Event, name: str) -> str:
    return str(event.get(name, "")).strip().upper()
