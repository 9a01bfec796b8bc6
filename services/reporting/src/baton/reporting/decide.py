"""What reporting makes of a fact: it takes it in, tells it, and never answers with one of its own."""

from __future__ import annotations

from dataclasses import dataclass

from baton.contracts import Fact, Rep, RepChanged
from baton.reporting.domain.hearing import heard
from baton.reporting.domain.journey import Entry
from baton.reporting.domain.lead import Lead
from baton.reporting.domain.words import line_of
from baton.runtime.handler import Cause, Decision, Heard
from baton.values import changed


@dataclass(frozen=True)
class Dossier:
    """What the store keeps under a subject: a lead as it was kept and as it now is, with new entries; or a rep."""

    kept: Lead
    lead: Lead
    entries: tuple[Entry, ...] = ()
    rep: Rep | None = None


def decide(dossier: Dossier, cause: Cause) -> Decision[Dossier]:
    """Return the dossier with the fact in it. Facts of different publishers may come in any order."""
    if not isinstance(cause, Heard):
        return Decision(dossier)
    if isinstance(cause.body, RepChanged):
        return Decision(changed(dossier, rep=cause.body.rep))
    fact: Fact = cause.body
    lead = heard(dossier.lead, fact, cause.at, cause.sequence)
    if lead.is_erased:
        return Decision(changed(dossier, lead=lead, entries=()))
    # Without the fact itself: until the end of the batch it would weigh on the garbage collector.
    entry = Entry(
        cause.at,
        cause.source,
        cause.sequence,
        cause.id,
        cause.type,
        cause.recorded_at,
        getattr(fact, "round", None),
        *line_of(fact),
    )
    return Decision(changed(dossier, lead=lead, entries=(*dossier.entries, entry)))
