"""Choosing a rep: who may have the lead, who of them is owed most, and what the rotation owes them afterwards (H2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import fsum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from baton.calendars import Calendar, NeverOpens
from baton.contracts import Rep
from baton.playbook import Caps, RepTrait, match_key
from baton.routing.domain.books import Account, week_of
from baton.routing.domain.roster import Member, away_until

FindCalendar = Callable[[str], Calendar]
"""Gives the calendar with this id. Raises KeyError."""
Wants = Mapping[RepTrait, frozenset[str]]
"""Trait to what is wanted of it, in the form of `match_key`."""
_NEW = Account()


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions a rep may have this lead."""

    caps: Caps
    must_be_on_shift: bool = False
    excluded: Mapping[str, str] | None = None
    """Rep id to why not him: whoever had the lead in this round already."""
    must_have: Wants = field(default_factory=dict)
    """What a rep must have at least one of, of each kind."""
    best_fit: Wants = field(default_factory=dict)
    """What counts for a rep: those with most of it are in the running."""


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
    fit: int = 0
    """How much of what counts he has."""


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

    Of those without an objection who fit best and whose calendar is open (or opens soonest, when nobody's is) the most
    owed wins; ties go to whoever waited longest, then to the lowest id. So the same inputs give the same rep on any
    machine, however reps are listed.
    """
    shift = _shifts(terms, calendar, now)
    standings = [_standing(member, accounts.get(member.rep.id, _NEW), terms, shift, now) for member in members]
    able = [standing for standing in standings if standing.objection is None]
    if not able:
        return _nobody(standings, terms)
    running = in_the_running(able)
    weights = {member.rep.id: member.weight for member in members}
    total = fsum(weights[standing.rep] for standing in running)
    shares = {standing.rep: weights[standing.rep] / total for standing in running}
    ranked = _ranked(standings, shares)
    return Chosen(ranked[0].rep, shares, ranked)


def _turn(standing: Standing) -> tuple[float, int, str]:
    """Billionths are left over where shares do not come out even; they decide between nobody."""
    return (-round(standing.credit, 7), standing.last, standing.rep)


def in_the_running(standings: Iterable[Standing]) -> list[Standing]:
    """Of those without an objection the ones who fit best, and of these the ones who open first."""
    able = [standing for standing in standings if standing.objection is None]
    best = max((standing.fit for standing in able), default=0)
    fitting = [standing for standing in able if standing.fit == best]
    soonest = min(map(_opening, fitting), default=None)
    return [standing for standing in fitting if _opening(standing) == soonest]


def own_day(zone: str, now: datetime) -> str:
    """The date where the rep is, by which daily caps are counted."""
    return now.astimezone(zone_of(zone)).date().isoformat()


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The time zone with this name, looked up once."""
    return ZoneInfo(name)


def _nobody(standings: Sequence[Standing], terms: Terms) -> Nobody:
    ends = [s.objection.until for s in standings if s.objection is not None and s.objection.until is not None]
    excluded = terms.excluded or {}
    exhausted = bool(standings) and all(standing.rep in excluded for standing in standings)
    return Nobody(_ranked(standings, ()), min(ends, default=None), exhausted)


def _standing(member: Member, account: Account, terms: Terms, shift: FindShift, now: datetime) -> Standing:
    opens_at: datetime | None = None
    objection = _objection(member, account, terms, now)
    if objection is None:
        opens_at, objection = shift(member.rep.calendar)
    fit = 0
    if terms.best_fit:
        fit = sum(len(wanted & traits_of(member.rep, trait)) for trait, wanted in terms.best_fit.items())
    return Standing(member.rep.id, account.credit, account.last, opens_at, objection, fit)


def traits_of(rep: Rep, trait: RepTrait) -> frozenset[str]:
    """What the rep has of this kind, as rules compare it."""
    value = getattr(rep, trait)
    return frozenset(map(match_key, value if isinstance(value, list) else () if value is None else (value,)))


def _objection(member: Member, account: Account, terms: Terms, now: datetime) -> Objection | None:
    rep = member.rep
    if not rep.active:
        return Objection("inactive")
    if terms.excluded and rep.id in terms.excluded:
        return Objection(terms.excluded[rep.id])
    for trait, wanted in terms.must_have.items():
        if wanted.isdisjoint(traits_of(rep, trait)):
            return Objection(f"{trait}: not {' or '.join(sorted(wanted))}")
    if rep.time_off and (back := away_until(rep, now)):
        return Objection(f"time off until {_written(back)}", back)
    cap = rep.capacity if rep.capacity is not None else terms.caps.open_leads
    if cap is not None and account.load >= cap:
        return Objection(f"at capacity: {account.load} of {cap} open")
    return _capped(rep, account, terms.caps, now)


def _capped(rep: Rep, account: Account, caps: Caps, now: datetime) -> Objection | None:
    """The cap that ends last of those he has reached, each counted in his own zone."""
    if account.day is None or (caps.per_day, caps.per_week, caps.per_month) == (None, None, None):
        return None
    here = now.astimezone(zone_of(rep.zone)).date()
    day = here.isoformat()
    reached: list[Objection] = []
    if caps.per_day is not None and account.today >= caps.per_day and account.day == day:
        reached.append(_cap("daily", account.today, caps.per_day, "today", here + timedelta(days=1), rep, now))
    if caps.per_week is not None and account.week >= caps.per_week and week_of(account.day) == week_of(day):
        monday = here + timedelta(days=7 - here.weekday())
        reached.append(_cap("weekly", account.week, caps.per_week, "this week", monday, rep, now))
    if caps.per_month is not None and account.month >= caps.per_month and account.day[:7] == day[:7]:
        first = (here.replace(day=1) + timedelta(days=32)).replace(day=1)
        reached.append(_cap("monthly", account.month, caps.per_month, "this month", first, rep, now))
    return max(reached, key=lambda objection: objection.until or now, default=None)


def _cap(word: str, count: int, cap: int, when: str, ends: date, rep: Rep, now: datetime) -> Objection:
    until = datetime(ends.year, ends.month, ends.day, tzinfo=zone_of(rep.zone)).astimezone(now.tzinfo)
    return Objection(f"at the {word} cap: {count} of {cap} {when}", until)


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


def _ranked(standings: Sequence[Standing], running: Collection[str]) -> tuple[Standing, ...]:
    """Who was in the running by rank, then those who open later or fit less, then those with an objection."""

    def rank(standing: Standing) -> tuple[int, int, datetime, float, int, str]:
        if standing.objection is not None or standing.opens_at is None:
            return (2, 0, _LATEST, 0.0, 0, standing.rep)
        if standing.rep in running:
            return (0, 0, _LATEST, *_turn(standing))
        return (1, -standing.fit, standing.opens_at, *_turn(standing))

    return tuple(sorted(standings, key=rank))


_LATEST = datetime.fromisoformat("9999-12-30T00:00:00+00:00")


def _written(at: datetime) -> str:
    return at.isoformat(timespec="minutes").replace("+00:00", "Z")
