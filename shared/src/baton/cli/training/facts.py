"""Cases from a running Baton: what scoring saw when it qualified a lead, and what sales made of that round. Pure.

`lead.qualified` carries the fields, criteria and score of the moment: nothing that came later can leak into a case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from baton.cli.training.cases import Case
from baton.cli.training.tables import Deal

Event = Mapping[str, Any]
Goal = Literal["accepted", "won"]

GOOD: Final[Mapping[str, frozenset[str]]] = {
    "accepted": frozenset({"accepted", "opportunity", "won"}),
    "won": frozenset({"won"}),
}
BAD: Final = frozenset({"recycle", "junk", "unreachable", "lost"})
IN_WORDS: Final[Mapping[str, str]] = {"accepted": "sales accepts the lead", "won": "the deal is won"}


@dataclass
class _Told:
    """What was said of one lead."""

    rounds: list[Event] = field(default_factory=list)
    statuses: list[Event] = field(default_factory=list)
    recycled: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Histories:
    """What was said of leads that were qualified, by lead."""

    leads: Mapping[str, _Told]

    @classmethod
    def of(cls, scoring: Iterable[Event], intake: Iterable[Event], routing: Iterable[Event]) -> Histories:
        """From the facts of three publishers, each in its order. Test leads and erased people are left out."""
        leads: dict[str, _Told] = defaultdict(_Told)
        for event in scoring:
            if event["type"] == "lead.qualified" and not event["data"].get("is_test") and event["data"].get("fields"):
                leads[event["subject"]].rounds.append(event)
        for event in intake:
            if event["type"] == "lead.status_reported" and event["subject"] in leads:
                leads[event["subject"]].statuses.append(event)
        for event in routing:
            if event["type"] == "lead.recycled" and event["subject"] in leads:
                leads[event["subject"]].recycled.add(event["data"]["round"])
        return cls(dict(leads))

    def cases(self, goal: Goal, seen: frozenset[str]) -> tuple[list[Case], int]:
        """Every round that has ended, and how many have not. `seen`: the fields that a decision can be made by."""
        cases, undecided = [], 0
        for lead in self.leads.values():
            for round_ in lead.rounds:
                well = _ended_well(goal, lead, round_)
                if well is None:
                    undecided += 1
                else:
                    cases.append(_case(round_["data"], seen, well))
        return cases, undecided

    def deals(self) -> list[Deal]:
        """Every lead that was won or lost, with the details that were known by the time it came to each stage."""
        found = (_deal(sorted(lead.statuses, key=_happened)) for lead in self.leads.values())
        return [deal for deal in found if deal is not None]


def _happened(event: Event) -> str:
    return str(event["data"]["occurred_at"])


def _ended_well(goal: Goal, lead: _Told, round_: Event) -> bool | None:
    """The first word that decides it, of those that intake took in during the round."""
    start = int(round_["data"].get("intake_sequence", 0))
    later = [int(one["data"].get("intake_sequence", 0)) for one in lead.rounds]
    end = min((sequence for sequence in later if sequence > start), default=None)
    for event in lead.statuses:
        if int(event["sequence"]) <= start or (end is not None and int(event["sequence"]) > end):
            continue
        if event["data"]["status"] in GOOD[goal]:
            return True
        if event["data"]["status"] in BAD:
            return False
    return False if round_["data"]["round"] in lead.recycled else None


def _case(data: Mapping[str, Any], seen: frozenset[str], well: bool) -> Case:
    view = {name: value for name, value in data["fields"].items() if name in seen and value is not None}
    criteria = {reason["criterion"]: _truth(reason.get("value")) for reason in data.get("why") or ()}
    return Case(str(data["qualified_at"]), view, criteria, float(data["score"]["total"]), well)


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _deal(statuses: list[Event]) -> Deal | None:
    ends = [event["data"]["status"] for event in statuses if event["data"]["status"] in ("won", "lost")]
    if not ends:
        return None
    known: set[str] = set()
    known_at: dict[str, frozenset[str]] = {}
    for event in statuses:
        details = event["data"].get("details") or {}
        known |= {name for name, value in details.items() if value not in (None, "", [], {})}
        stage = event["data"].get("stage")
        if stage:
            known_at[str(stage)] = frozenset(known)  # the last time it stood there: what was known by then
    return Deal(ends[-1] == "won", known_at)
