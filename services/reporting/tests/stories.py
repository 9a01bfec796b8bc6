"""Facts for the tests of reporting: short to write, whole enough to be true."""

# ruff: noqa: A002  (round and id are the facts' own words)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from baton.contracts import (
    Activity,
    Contact,
    DefinitionRef,
    Fact,
    LeadDisqualified,
    LeadHeld,
    LeadMerged,
    LeadNurtured,
    LeadQualified,
    LeadReassigned,
    LeadReceived,
    LeadRecycled,
    LeadRouted,
    LeadScored,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    Owner,
    Reason,
    Rep,
    RepChanged,
    RuleRef,
    Score,
    SlaBreached,
    SlaMet,
    SlaStarted,
    SlaStopped,
    SlaWaived,
    Trace,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLAYBOOK = "abc123"
WHY = [
    Reason(criterion="fits", label="Fits", value=True, points=10),
    Reason(criterion="budget", label="Has a budget", value=None, missing=["budget"]),
]
TEAMS = {"anna": "north", "bo": "south"}


def after(minutes: float) -> datetime:
    """Return noon and `minutes`."""
    return NOON + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Told:
    """A fact with the time it happened."""

    fact: Fact
    at: datetime


def received(minutes: float = 0, *, source: str = "web", is_test: bool = False, name: str = "Ida Berg") -> Told:
    at = after(minutes)
    contact = Contact(full_name=name, company="Berg AB", country="SE", email="ida@berg.example")
    activity = [Activity(kind="form", what="contact", occurred_at=at)]
    fact = LeadReceived(source=source, occurred_at=at, is_test=is_test, contact=contact, activity=activity)
    return Told(fact, at)


def merged(minutes: float, into: str = "other") -> Told:
    return Told(LeadMerged(into=into, because="email", occurred_at=after(minutes)), after(minutes))


def restored(minutes: float, other: str = "other") -> Told:
    contact = Contact(full_name="Ida Berg", company="Berg AB", country="SE")
    return Told(LeadUpdated(source="web", occurred_at=NOON, contact=contact, restored=other), after(minutes))


def status(minutes: float, word: str, **more: Any) -> Told:
    at = after(minutes)
    return Told(LeadStatusReported(status=word, occurred_at=at, **more), at)  # type: ignore[arg-type]


def touched(minutes: float, *, rep: str = "anna", outcome: str | None = "reached") -> Told:
    at = after(minutes)
    return Told(LeadTouched(rep=rep, channel="call", direction="out", outcome=outcome, occurred_at=at), at)


def _judged(round: int) -> dict[str, Any]:
    definition = DefinitionRef(label="2026.1", playbook=PLAYBOOK)
    return {
        "round": round,
        "score": Score(total=42.0),
        "temperature": "warm",
        "definition": definition,
        "why": WHY,
    }


def scored(minutes: float, outcome: str = "open", round: int = 0, flags: Sequence[str] = ()) -> Told:
    return Told(LeadScored(**_judged(round), outcome=outcome, flags=list(flags)), after(minutes))  # type: ignore[arg-type]


def qualified(
    minutes: float,
    round: int = 1,
    *,
    heard: int = 1,
    statuses_from: datetime | None = None,
) -> Told:
    at = after(minutes)
    fact = LeadQualified(
        **_judged(round),
        source="web",
        contact=Contact(),
        qualified_at=at,
        intake_sequence=heard,
        statuses_from=statuses_from,
    )
    return Told(fact, at)


def nurtured(minutes: float, round: int = 0) -> Told:
    return Told(LeadNurtured(**_judged(round), track="newsletter", unknown=["budget"]), after(minutes))


def disqualified(minutes: float, round: int = 0) -> Told:
    return Told(LeadDisqualified(**_judged(round), reason="cannot_serve", final=True), after(minutes))


def _handed(minutes: float, owner: str, round: int, heard: int, since: datetime | None) -> dict[str, Any]:
    return {
        "round": round,
        "decided_at": after(minutes),
        "owner": Owner(id=owner, name=owner.title(), team=TEAMS[owner], zone="UTC", calendar="always"),
        "rule": RuleRef(id="all", label="Everything", playbook=PLAYBOOK),
        "policy": "standard",
        "respond_by": after(minutes + 60),
        "calendar_version": "1",
        "contact": Contact(),
        "score": Score(total=42.0),
        "temperature": "warm",
        "trace": Trace(rule="all", pool="all", inputs_hash="0" * 64),
        "books_version": 1,
        "intake_sequence": heard,
        "statuses_from": since,
    }


def routed(
    minutes: float, owner: str = "anna", round: int = 1, *, heard: int = 1, since: datetime | None = None
) -> Told:
    return Told(LeadRouted(**_handed(minutes, owner, round, heard, since)), after(minutes))


def reassigned(
    minutes: float,
    owner: str = "bo",
    round: int = 1,
    *,
    reason: str = "breach",
    heard: int = 1,
    since: datetime | None = None,
) -> Told:
    handed = _handed(minutes, owner, round, heard, since)
    fact = LeadReassigned(**handed, previous_owner="anna", reason=reason, attempt=1)  # type: ignore[arg-type]
    return Told(fact, after(minutes))


def held(minutes: float, round: int = 1, reason: str = "nobody_eligible", since: datetime | None = None) -> Told:
    fact = LeadHeld(round=round, reason=reason, objections={"anna": "away"}, statuses_from=since)  # type: ignore[arg-type]
    return Told(fact, after(minutes))


def recycled(minutes: float, round: int = 1) -> Told:
    return Told(LeadRecycled(round=round, reason="wrong time", status="recycle", owner="anna"), after(minutes))


def _promise(start: float, attempt: int, owner: str, round: int) -> dict[str, Any]:
    return {
        "round": round,
        "promise": "first_response",
        "policy": "standard",
        "owner": owner,
        "team": TEAMS[owner],
        "attempt": attempt,
        "started_at": after(start),
        "due_at": after(start + 60),
    }


def started(start: float, attempt: int = 0, owner: str = "anna", round: int = 1) -> Told:
    return Told(SlaStarted(**_promise(start, attempt, owner, round), calendar_version="1"), after(start))


def met(start: float, minutes: float, attempt: int = 0, owner: str = "anna", round: int = 1, **more: Any) -> Told:
    seconds = (minutes - start) * 60
    fact = SlaMet(
        **_promise(start, attempt, owner, round),
        met_at=after(minutes),
        seconds=seconds,
        business_seconds=seconds / 2,
        **more,
    )
    return Told(fact, after(minutes))


def breached(start: float, attempt: int = 0, owner: str = "anna", round: int = 1) -> Told:
    due = after(start + 60)
    return Told(SlaBreached(**_promise(start, attempt, owner, round), breached_at=due, fired_at=due), due)


def waived(start: float, minutes: float, attempt: int = 0, owner: str = "anna", round: int = 1) -> Told:
    return Told(SlaWaived(**_promise(start, attempt, owner, round), reason="opportunity"), after(minutes))


def stopped(start: float, minutes: float, round: int = 1) -> Told:
    fact = SlaStopped(**_promise(start, 0, "anna", round), rule="touches", reason="never_reached", touches=6)
    return Told(fact, after(minutes))


def rep(id: str, name: str) -> RepChanged:
    return RepChanged(rep=Rep(id=id, name=name, team=TEAMS.get(id), zone="UTC", calendar="always"))
