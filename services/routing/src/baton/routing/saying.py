"""The facts that say who has a lead, that nobody has, or that it went back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from baton.contracts import (
    HistoryItem,
    LeadHeld,
    LeadQualified,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    ReassignReason,
)
from baton.routing.domain.lead import Hold, Lead, Work
from baton.routing.domain.marks import Mark
from baton.runtime.handler import Draft

OURS = ("pool", "is_paid")
"""What routing knows of a hand-over beside what it says."""

MOST_HISTORY = 50
ROOM_FOR_HISTORY = 24 * 1024
"""Bytes. A record may have 64 KiB; the trace takes up to 16, contact, reasons and must-know what remains."""


def handed_over(lead: Lead, work: Work, attempt: int, reason: ReassignReason, now: datetime) -> Draft:
    """The fact that the lead has this owner: the first of the round, or another."""
    seen = qualified(lead)
    shared: dict[str, Any] = {
        **{name: getattr(work, name) for name in Work.model_fields if name not in OURS},
        **{name: getattr(seen, name) for name in ("caused_at", "contact", "why", "must_know", "score", "temperature")},
        "history": fitting(seen.history),
        "source": seen.source,
        "round": lead.round,
        "decided_at": now,
        "intake_sequence": seen.intake_sequence,
        "statuses_from": lead.statuses_from,
        "restored_sequence": lead.restored_sequence,
    }
    if not lead.was_routed:
        return Draft(LeadRouted(**shared))
    return Draft(LeadReassigned(**shared, previous_owner=lead.stints[-1].owner, reason=reason, attempt=attempt))


def held_fact(lead: Lead, hold: Hold) -> Draft:
    """The fact that nobody has the lead."""
    fact = LeadHeld(
        round=lead.round,
        caused_at=qualified(lead).caused_at,
        reason=hold.reason,
        detail=hold.detail,
        rule=hold.rule,
        pool=hold.pool,
        objections=hold.objections,
        next_try_at=hold.next_try_at,
        previous_owner=lead.stints[-1].owner if lead.was_routed and lead.stints else None,
        statuses_from=hold.statuses_from,
    )
    return Draft(fact)


def recycled_fact(lead: Lead, mark: Mark) -> Draft:
    """The fact that the lead goes back to marketing, at the time of the mark that says so."""
    by_default = {"recycle": "unknown", "unreachable": "never_reached"}
    status = mark.then or ("unreachable" if mark.kind == "unreachable" else "recycle")
    fact = LeadRecycled(
        round=lead.round,
        caused_at=qualified(lead).caused_at,
        reason=mark.reason or by_default.get(status, "unknown"),
        status=status,
        owner=lead.owner.id if lead.owner else None,
        look_again_at=mark.look_again_at,
        detail=mark.detail,
    )
    return Draft(fact, at=mark.at)


def fitting(history: list[HistoryItem]) -> list[HistoryItem]:
    """The newest lines of a history that fit into a record."""
    room, kept = ROOM_FOR_HISTORY, []
    for item in history[:MOST_HISTORY]:
        room -= 120 + len(item.what.encode()) + (0 if item.detail is None else 2 * len(str(item.detail)))
        if room < 0:
            break
        kept.append(item)
    return kept


def qualified(lead: Lead) -> LeadQualified:
    """As scoring sent it. Only for leads of a round."""
    assert lead.qualified is not None
    return lead.qualified
