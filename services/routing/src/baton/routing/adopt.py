"""What routing must have decided, from what it said: for a store that is rolled forward (ADR 0008). Pure.

Owner, promise and trace are those that were published, whoever the books of today would choose. What the rotation owes
for it is counted by these books, and the inputs of the decision are not kept: they were another store's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from baton.contracts import LeadDelivered, LeadHeld, LeadReassigned, LeadRecycled, LeadRouted, RepChanged, SlaBreached
from baton.routing.commands import remembering, reopened
from baton.routing.decide import is_breach_of_ours, taught
from baton.routing.desk import Desk, Step
from baton.routing.domain.lead import Hold, Lead, Work
from baton.routing.domain.marks import WORKED, Mark, MarkKind
from baton.routing.handover import find_owner, finish, take_away
from baton.routing.rep_commands import RepCard, changed_rep
from baton.routing.saying import OURS
from baton.runtime.handler import Decision, Heard


def adopt_rep(card: RepCard, desk: Desk, said: Sequence[Heard]) -> Decision[Any]:
    """Return the rep as he was said to be."""
    decision: Decision[Any] = Decision(card)
    for fact in said:
        if isinstance(fact.body, RepChanged):
            decision = changed_rep(card, desk, fact.body.rep, fact.body.change, 200)
    return decision


def adopt_lead(lead: Lead, desk: Desk, cause: Heard | None, said: Sequence[Heard]) -> Decision[Any]:
    """Return the lead as the cause and the facts that were said of it leave it."""
    step = Step(taught(lead, cause) if cause is not None else lead, desk.books)
    if said and cause is not None and isinstance(cause.body, SlaBreached) and is_breach_of_ours(lead, cause.body):
        step = replace(step, lead=step.lead.model_copy(update={"breaches": lead.breaches + 1}))
    by_hand = cause is None
    for fact in said:
        match fact.body:
            case LeadRouted() | LeadReassigned() as handed:
                step = _handed_over(step, replace(desk, books=step.books), handed, by_hand=by_hand)
            case LeadHeld() as held:
                step = _held(step, desk, held, by_hand=by_hand)
            case LeadDelivered() as taken:
                step = replace(step, lead=remembering(step.lead, taken))
            case LeadRecycled() as given_back if step.lead.fate != "recycled":
                step = replace(step, lead=_recycled(step.lead, given_back, fact.at))
    return finish(lead, step, desk)


def _starts_anew(handed: LeadRouted | LeadReassigned) -> bool:
    """True if it put all marks so far away, which only people do."""
    return handed.statuses_from is not None and handed.statuses_from >= handed.decided_at


def _handed_over(step: Step, desk: Desk, handed: LeadRouted | LeadReassigned, *, by_hand: bool) -> Step:
    lead, now = step.lead, desk.now
    reason = handed.reason if isinstance(handed, LeadReassigned) else None
    if by_hand and (reason in ("claim", "reassign", "reject", "hand_on") or _starts_anew(handed)):
        lead = reopened(lead, desk, reason or "claim")
        reason = reason or "claim"
        lead = lead.model_copy(update={"is_handed_on": lead.is_handed_on or reason == "hand_on"})
    elif lead.work is not None and reason == "restored":
        lead = lead.model_copy(update={"work": None})
    elif lead.work is not None:
        lead = take_away(lead, now, reason or "breach")
    books, is_paid = desk.books, False
    given = lead
    if handed.owner.id in books.roster.reps:
        found = find_owner(lead, desk, reason, to=handed.owner.id)
        given, books = found.lead, found.books
        is_paid = given.work is not None and given.work.is_paid
    attempt = handed.attempt if isinstance(handed, LeadReassigned) else 0
    changed = {
        "work": _work(handed, is_paid),
        "hold": None,
        "attempt": attempt,
        "was_routed": True,
        "statuses_from": handed.statuses_from,
        "fresh": lead.fresh,
    }
    return Step(given.model_copy(update=changed), books, due=step.due)


def _work(handed: LeadRouted | LeadReassigned, is_paid: bool) -> Work:
    said = {name: getattr(handed, name) for name in Work.model_fields if name not in OURS}
    return Work(**said, pool=handed.trace.pool, is_paid=is_paid)


def _held(step: Step, desk: Desk, held: LeadHeld, *, by_hand: bool) -> Step:
    lead, after = step.lead, step.lead.hold.after if step.lead.hold else None
    if by_hand and lead.work is not None and lead.fate in WORKED and held.statuses_from != lead.statuses_from:
        lead, after = reopened(lead, desk, "reject"), "reject"  # a reassignment looks the same from outside
    elif lead.work is not None:
        after = "departure" if by_hand else "breach"  # an absence looks the same from outside
        lead = take_away(lead, desk.now, after)
    hold = Hold(
        reason=held.reason,
        detail=held.detail or "",
        since=lead.hold.since if lead.hold else desk.now,
        pool=held.pool,
        rule=held.rule,
        objections=held.objections,
        next_try_at=held.next_try_at,
        after=after,
        statuses_from=held.statuses_from,
    )
    from_then = held.statuses_from or lead.statuses_from
    update = {"hold": hold, "work": None, "decisions": lead.decisions + 1, "statuses_from": from_then}
    changed = lead.model_copy(update=update)
    return Step(changed, step.books, due={"wake": held.next_try_at})


def _recycled(lead: Lead, said: LeadRecycled, at: datetime) -> Lead:
    kind: MarkKind = "unreachable" if said.status == "unreachable" else "recycle"
    mark = Mark(kind=kind, at=at, reason=said.reason, then=said.status, look_again_at=said.look_again_at)
    return lead.model_copy(update={"marks": (*lead.marks, mark)})
