"""What reporting makes of a fact: it takes it in, tells it, and never answers with one of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from baton.contracts import Fact, Rep, RepChanged
from baton.reporting.domain.hearing import heard
from baton.reporting.domain.lead import Lead
from baton.reporting.domain.phrases import Line
from baton.reporting.domain.words import line_of
from baton.runtime.handler import Cause, Decision, Heard


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journey with its place: by time, then by publisher and sequence."""

    lead_id: str
    at: datetime
    publisher: str
    sequence: int
    event_id: str
    type: str
    recorded_at: datetime
    round: int | None
    line: Line


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the store keeps under a subject: a lead as it was kept and as it now is, with new entries; or a rep."""

    kept: Lead
    lead: Lead
    entries: tuple[Entry, ...] = field(default=())
    rep: Rep | None = None


def decide(dossier: Dossier, cause: Cause) -> Decision[Dossier]:
    """Return the dossier with the fact in it. Facts of different publishers may come in any order."""
    if not isinstance(cause, Heard):
        return Decision(dossier)
    if isinstance(cause.body, RepChanged):
        return Decision(replace(dossier, rep=cause.body.rep))
    fact: Fact = cause.body
    entry = Entry(
        lead_id=cause.subject,
        at=cause.at,
        publisher=cause.source,
        sequence=cause.sequence,
        event_id=cause.id,
        type=cause.type,
        recorded_at=cause.recorded_at,
        round=getattr(fact, "round", None),
        line=line_of(fact),
    )
    lead = heard(dossier.lead, fact, cause.at, cause.sequence)
    return Decision(replace(dossier, lead=lead, entries=(*dossier.entries, entry)))
