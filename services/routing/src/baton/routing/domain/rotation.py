"""Choosing a rep: who may have the lead, who of them is owed most, and what the rotation owes them afterwards (H2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from baton.calendars import Calendar, NeverOpens
from baton.playbook import Caps
from baton.routing.domain.books import Account
from baton.routing.domain.roster import Member, away_until

FindCalendar = Callable[[str], Calendar]
"""Gives the calendar with this id. Raises KeyError."""
_NEW = Account()


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions a rep may have this lead."""

    caps: Caps
    must_be_on_shift: bool = False
    excluded: Mapping[str, str] | None = None
    """Rep id to why not him: whoever had the lead in this round already."""


class Objection(NamedTuple):
    """Why a rep cannot have the lead, and when that ends by itself (None: not by itself)."""

    why: str
    until: datetime | None = None


class Standing(NamedTuple):
    """How a rep that was looked at stands: an objection, or his credit and when he opens."""

    rep: str
    credit: float
    last: int
    opens_at: datetime | None = None
    objection: Objection | None = None


Shift = tuple[datetime | None, Objection | None]
"""When a calendar opens, and why that is no use."""
FindShift = Callable[[str], Shift]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rep who should work the lead. `shares` is what the assignment owes every rep who could have had it."""

    rep: str
    shares: Mapping[str, float]
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nobody can have the lead now. `next_try_at` is when the first objection ends by itself."""

    standings: tuple[Standing, ...]
    next_try_at: datetime | None = None
    is_exhausted: bool = False
    """True if every member has had the lead in this round: waiting will not help."""


def choose_rep(
    members: Sequence[Member], accounts: Mapping[str, Account], terms: Terms, calendar: FindCalendar, now: datetime
) -> Chosen | Nobody:
    """Pick the rep who should work the lead, or say why nobody can.

    Of those without an objection whose calendar is open (or opens soonest, when nobody's is) the most owed wins; ties
    go to whoever waited longest, then to the lowest id. So the same inputs give the same rep on any machine, however
    reps are listed.
    """
    shift = _shifts(terms, calendar, now)
    standings = [_standing(member, accounts.get(member.rep.id, _NEW), terms, shift, now) for member in members]
    able = [standing for standing in standings if standing.objection is None]
    if not able:
        return _nobody(standings, terms)
    soonest = min(_opening(standing) for standing in able)
    running = [standing for standing in able if _opening(standing) == soonest]
    winner = min(running, key=lambda s: (-s.credit, s.last, s.rep))
    weights = {member.rep.id: member.weight for member in members}
    total = fsum(weights[standing.rep] for standing in running)
    shares = {standing.rep: weights[standing.rep] / total for standing in running}
    return Chosen(winner.rep, shares, _ranked(standings, soonest))


def own_day(zone: str, now: datetime) -> str:
    """The date where the rep is, by which daily caps are counted."""
    return now.astimezone(ZoneInfo(zone)).date().isoformat()


def _nobody(standings: Sequence[Standing], terms: Terms) -> Nobody:
    ends = [s.objection.until for s in standings if s.objection is not None and s.objection.until is not None]
    excluded = terms.excluded or {}
    exhausted = bool(standings) and all(standing.rep in excluded for standing in standings)
    return Nobody(_ranked(standings, None), min(ends, default=None), exhausted)


def _standing(member: Member, account: Account, terms: Terms, shift: FindShift, now: datetime) -> Standing:
    opens_at: datetime | None = None
    objection = _objection(member, account, terms, now)
    if objection is None:
        opens_at, objection = shift(member.rep.calendar)
    return Standing(member.rep.id, account.credit, account.last, opens_at, objection)


def _objection(member: Member, account: Account, terms: Terms, now: datetime) -> Objection | None:
    rep = member.rep
    if not rep.active:
        return Objection("inactive")
    if rep.id in (terms.excluded or {}):
        return Objection((terms.excluded or {})[rep.id])
    if back := away_until(rep, now):
        return Objection(f"time off until {_written(back)}", back)
    cap = rep.capacity if rep.capacity is not None else terms.caps.open_leads
    if cap is not None and account.load >= cap:
        return Objection(f"at capacity: {account.load} of {cap} open")
    per_day = terms.caps.per_day
    if per_day is not None and account.today >= per_day and account.day == own_day(rep.zone, now):
        return Objection(f"at the daily cap: {account.today} of {per_day} today", _next_day(rep.zone, now))
    return None


def _shifts(terms: Terms, calendar: FindCalendar, now: datetime) -> FindShift:
    """Look every calendar up once: the members of a pool mostly share one."""
    found: dict[str, Shift] = {}

    def shift(name: str) -> Shift:
        if name not in found:
            found[name] = _shift(name, terms, calendar, now)
        return found[name]

    return shift


def _shift(name: str, terms: Terms, calendar: FindCalendar, now: datetime) -> Shift:
    try:
        opens_at = calendar(name).next_open(now)
    except KeyError:
        return None, Objection(f"his calendar {name} is not in the playbook")
    except NeverOpens:
        return None, Objection(f"his calendar {name} never opens again")
    if terms.must_be_on_shift and opens_at > now:
        return opens_at, Objection(f"off shift until {_written(opens_at)}", opens_at)
    return opens_at, None


def _opening(standing: Standing) -> datetime:
    assert standing.opens_at is not None  # able reps have an opening, or they would have an objection
    return standing.opens_at


def _ranked(standings: Sequence[Standing], soonest: datetime | None) -> tuple[Standing, ...]:
    """Who was in the running by rank, then those who open later, then those with an objection."""

    def rank(standing: Standing) -> tuple[int, datetime, float, int, str]:
        if standing.objection is not None or standing.opens_at is None:
            return (1, _LATEST, 0.0, 0, standing.rep)
        opens = standing.opens_at if soonest is None or standing.opens_at != soonest else _EARLIEST
        return (0, opens, -standing.credit, standing.last, standing.rep)

    return tuple(sorted(standings, key=rank))


_EARLIEST = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
_LATEST = datetime.fromisoformat("9999-12-30T00:00:00+00:00")


def _next_day(zone: str, now: datetime) -> datetime:
    here = ZoneInfo(zone)
    tomorrow = now.astimezone(here).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=here).astimezone(now.tzinfo)


def _written(at: datetime) -> str:
    return at.isoformat(timespec="minutes").replace("+00:00", "Z")
