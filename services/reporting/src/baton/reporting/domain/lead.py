"""One lead as reporting knows it: of each publisher what its own facts said last, never who was heard first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from baton.values import changed

PromiseState = Literal["open", "met", "breached", "waived"]


@dataclass(frozen=True)
class Status:
    """What the CRM said, with the place of the fact among intake's facts of this lead."""

    sequence: int
    at: datetime
    status: str


@dataclass(frozen=True)
class Promise:
    """One promise of the SLA to one owner, and what became of it."""

    attempt: int
    promise: str
    policy: str
    owner: str
    team: str
    started_at: datetime
    due_at: datetime
    state: PromiseState = "open"
    seconds: float | None = None
    """Wall clock from start to the deed, also where the deed came too late."""
    business_seconds: float | None = None


@dataclass(frozen=True)
class Round:
    """One hand-off of the person: from being qualified to what came of it."""

    number: int
    qualified_at: datetime | None = None
    intake_sequence: int = 0
    """Statuses up to this one belong to an earlier round."""
    opened_after: datetime | None = None
    """When the round before was closed, by `lead.qualified`."""
    counts_after: datetime | None = None
    """Marks up to then no longer decide: the round before was closed, or somebody claimed the lead by hand."""
    routing: str | None = None
    """What routing said last: held, routed or recycled."""
    held_reason: str | None = None
    owner: str | None = None
    team: str = ""
    routed_at: datetime | None = None
    owners: int = 0
    stopped: tuple[datetime, ...] = ()
    disqualified: tuple[datetime, ...] = ()
    promises: tuple[Promise, ...] = ()
    excesses: int = 0
    """Touches too many, as the SLA monitor has said."""
    has_habits: bool = False
    """What follow-up brought is counted: not of rounds that began before it was."""


@dataclass(frozen=True)
class Lead:
    """All that is kept of a lead; everything shown or counted follows from it."""

    lead_id: str
    received_at: datetime | None = None
    source: str = ""
    is_test: bool = False
    is_erased: bool = False
    """The person was erased: what is left is counted, and tells of nobody."""
    name: str | None = None
    company: str | None = None
    country: str | None = None
    statuses: tuple[Status, ...] = ()
    touches: int = 0
    learned: tuple[datetime, ...] = ()
    """When a touch taught something or moved the lead."""
    judged: str | None = None
    judged_because: str | None = None
    score: float | None = None
    temperature: str = "unknown"
    flags: tuple[str, ...] = ()
    last_at: datetime | None = None
    rounds: Mapping[int, Round] = field(default_factory=dict)
    merged_into: str | None = None
    """The lead it goes on as; its rounds are then in no funnel, its promises were made and count."""

    @property
    def round(self) -> Round | None:
        """The newest round, if the lead was ever qualified."""
        return self.rounds[max(self.rounds)] if self.rounds else None


_NOTHING_KNOWN = Lead("")
_NOTHING_SAID = Round(0)


def lead_of(kept: dict[str, Any]) -> Lead:
    """Return the lead that was kept as JSON."""
    rounds = {int(number): _round_of(value) for number, value in kept.pop("rounds").items()}
    statuses = tuple(Status(s["sequence"], _at(s["at"]), s["status"]) for s in kept.pop("statuses"))
    for name in ("received_at", "last_at"):
        kept[name] = _maybe_at(kept[name])
    kept["flags"] = tuple(kept["flags"])
    kept["learned"] = tuple(_at(value) for value in kept.get("learned", ()))
    return changed(_NOTHING_KNOWN, **kept, rounds=rounds, statuses=statuses)


def _round_of(kept: dict[str, Any]) -> Round:
    for name in ("qualified_at", "opened_after", "counts_after", "routed_at"):
        kept[name] = _maybe_at(kept[name])
    for name in ("stopped", "disqualified"):
        kept[name] = tuple(_at(value) for value in kept[name])
    promises = [{**p, "started_at": _at(p["started_at"]), "due_at": _at(p["due_at"])} for p in kept["promises"]]
    kept["promises"] = tuple(Promise(**promise) for promise in promises)
    return changed(_NOTHING_SAID, **kept)


def _at(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _maybe_at(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
