"""What follows from each fact and timer: the routing column of docs/lifecycle.md. Pure."""

from __future__ import annotations

from typing import Any

from baton.contracts import (
    LeadDisqualified,
    LeadErased,
    LeadMerged,
    LeadQualified,
    LeadScored,
    LeadStatusReported,
    LeadUpdated,
    ReassignReason,
    SlaBreached,
    SlaStopped,
)
from baton.routing.desk import Desk, Step
from baton.routing.domain import consents
from baton.routing.domain.lead import MOST_MARKS, Handoff, Lead
from baton.routing.domain.marks import Mark, deciding, fate_of
from baton.routing.domain.roster import absence_handed_over
from baton.routing.domain.waiting import Stir
from baton.routing.handover import find_owner, finish, forgotten, hold_for_manager, take_away, unfit
from baton.runtime.handler import Cause, Decision, Due, Heard
from baton.values import changed


def decide_lead(lead: Lead, desk: Desk, cause: Cause) -> Decision[Any]:
    """The decision on a lead that a fact or a timer causes. Anything that changes nothing leaves the state as it is."""
    match cause:
        case Heard(body=LeadQualified() as body):
            return _qualified(lead, desk, body, cause.trace)
        case Heard(body=LeadScored() as body):
            return _tried_with(_rescored(lead, body), lead, desk)
        case Heard(body=LeadMerged() | LeadUpdated()):
            return _who_it_is(lead, desk, cause)
        case Heard(body=LeadStatusReported() | LeadDisqualified() | SlaStopped()):
            mark = _mark_of(lead, cause)
            return Decision(lead) if mark is None else _marked(lead, desk, mark)
        case Heard(body=SlaBreached() as body):
            return _breached(lead, desk, body)
        case Heard(body=LeadErased()):
            return forgotten(lead, desk)
        case Due(kind="wake"):
            return _woken(lead, desk)
        case _:
            return Decision(lead)


def taught(lead: Lead, cause: Heard) -> Lead:
    """Return the lead with what the fact says in it, before anything is decided on it."""
    match cause.body:
        case LeadQualified() as body if body.round > lead.round:
            return _opened(lead, body)
        case LeadScored() as body:
            return _rescored(lead, body)
        case LeadMerged() as body:
            return _merged(lead, body)
        case LeadUpdated(restored=str()) as body:
            return _parted(_with_consent(lead, body), body, cause.sequence)
        case LeadUpdated(contact=contact) as body:
            knowing = _with_consent(lead, body)
            seen = lead.qualified and lead.qualified.model_copy(update={"contact": contact})
            return knowing.model_copy(update={"qualified": seen})
        case _:
            mark = _mark_of(lead, cause)
            return lead if mark is None else _with(lead, mark)


def _mark_of(lead: Lead, cause: Heard) -> Mark | None:
    """The mark a fact makes; None if it makes none, or speaks of another round."""
    match cause.body:
        case LeadStatusReported() as body:
            return _status(body, cause.sequence)
        case LeadDisqualified() as body if _is_current(lead, body.round):
            return Mark(kind="disqualified", at=cause.at, reason=body.reason)
        case SlaStopped() as body if _is_current(lead, body.round):
            return Mark(kind="stopped", at=cause.at, reason=body.reason, then=body.then, detail=_stop(body))
        case _:
            return None


def _is_current(lead: Lead, round_: int) -> bool:
    return lead.qualified is not None and lead.round == round_


def _qualified(lead: Lead, desk: Desk, body: LeadQualified, trace: str | None) -> Decision[Any]:
    """A newer round is opened; the statuses that crossed it on the way are judged with it."""
    if body.round <= lead.round:
        return Decision(lead)
    opened = _opened(lead, body)
    if not opened.is_open:
        return finish(lead, Step(opened, desk.books), desk)
    step = find_owner(opened, desk)
    if step.lead.work is not None and body.caused_at is not None:
        taken = (desk.now - body.caused_at).total_seconds()
        routed = step.lead.model_copy(update={"handoffs": (*opened.handoffs, Handoff(taken, trace))})
        step = changed(step, lead=routed)
    return finish(lead, step, desk)


def _opened(lead: Lead, body: LeadQualified) -> Lead:
    return Lead(
        lead_id=lead.lead_id,
        round=body.round,
        qualified=body,
        stints=lead.stints,
        marks=tuple(mark for mark in lead.marks if mark.sequence is not None),
        statuses_from=body.statuses_from,
        consents=lead.consents,
        merged_into=lead.merged_into,
        restored_sequence=lead.restored_sequence,
        delivered=lead.delivered,
        parcels=lead.parcels,
        fresh=lead.fresh,
        handoffs=lead.handoffs,
        counted=lead.counted,
    )


def _updated(lead: Lead, desk: Desk, body: LeadUpdated) -> Decision[Any]:
    """The contact is kept as it now is, and consent; a lead that waits for rules or rotation is tried again with it."""
    changed = _with_consent(lead, body)
    seen = changed.qualified
    if seen is None or (seen.contact == body.contact and changed is lead):
        return Decision(changed)
    return _tried_with(
        changed.model_copy(update={"qualified": seen.model_copy(update={"contact": body.contact})}), lead, desk
    )


def _tried_with(knowing: Lead, lead: Lead, desk: Desk) -> Decision[Any]:
    """What is known is kept, if it is new; a lead that waits for rules or rotation is tried again with it."""
    if knowing is lead:
        return Decision(lead)
    if knowing.hold is not None and knowing.hold.reason != "manager" and knowing.is_waiting:
        return finish(lead, find_owner(knowing, desk, knowing.hold.after), desk)
    return Decision(knowing)


def _rescored(lead: Lead, body: LeadScored) -> Lead:
    """The lead with what it is worth now: its place in lists and queues (U4). Of another round it says nothing here."""
    seen = lead.qualified
    if seen is None or body.round != lead.round:
        return lead
    worth = {"score": body.score, "temperature": body.temperature, "why": body.why}
    if all(getattr(seen, name) == value for name, value in worth.items()):
        return lead
    return lead.model_copy(update={"qualified": seen.model_copy(update=worth)})


def _with_consent(lead: Lead, body: LeadUpdated) -> Lead:
    if body.restored is not None:
        rest = consents.parted(lead.consents, body.restored)
        return lead if rest == lead.consents else lead.model_copy(update={"consents": rest})
    if body.consent is None:
        return lead
    return lead.model_copy(update={"consents": consents.heard(lead.consents, body.consent, body.absorbed or "")})


def _who_it_is(lead: Lead, desk: Desk, cause: Heard) -> Decision[Any]:
    match cause.body:
        case LeadMerged() as body:
            return finish(lead, Step(_merged(lead, body), desk.books), desk)
        case LeadUpdated(restored=str()) as body:
            return _restored(lead, desk, body, cause.sequence)
        case body:
            return _updated(lead, desk, body)


def _merged(lead: Lead, body: LeadMerged) -> Lead:
    return lead.model_copy(update={"merged_into": body.into})


def _parted(lead: Lead, body: LeadUpdated, sequence: int) -> Lead:
    """The lead after a merge was undone; the one that had absorbed it only has its own contact again."""
    seen = lead.qualified and lead.qualified.model_copy(update={"contact": body.contact})
    if lead.merged_into != body.restored:
        return lead.model_copy(update={"qualified": seen})
    return lead.model_copy(update={"qualified": seen, "merged_into": None, "restored_sequence": sequence})


def _restored(lead: Lead, desk: Desk, body: LeadUpdated, sequence: int) -> Decision[Any]:
    """It goes on where it was. An open round gets its last owner again, if he can have it: with a new clock."""
    if lead.merged_into != body.restored:
        return _updated(lead, desk, body)
    back = _parted(lead, body, sequence)
    if not back.is_open or (back.hold is not None and back.hold.reason == "manager"):
        return finish(lead, Step(back, desk.books), desk)
    if back.work is None:
        return finish(lead, find_owner(back, desk, back.hold.after if back.hold else None), desk)
    owner = back.work.owner.id
    free = back.model_copy(update={"work": None})
    if unfit(owner, desk) is not None:
        return finish(lead, find_owner(free, desk, "restored"), desk)
    step = find_owner(free, desk, "restored", to=owner)
    # He has paid for it when he first got it.
    work = step.lead.work and step.lead.work.model_copy(update={"is_paid": back.work.is_paid})
    return finish(lead, changed(step, lead=step.lead.model_copy(update={"work": work}), books=desk.books), desk)


def _status(body: LeadStatusReported, sequence: int) -> Mark:
    return Mark(
        kind=body.status,
        at=body.occurred_at,
        sequence=sequence,
        reason=body.reason,
        then=body.status if body.status in ("recycle", "unreachable") else None,
        look_again_at=body.look_again_at,
        detail=body.raw,
    )


def _stop(body: SlaStopped) -> dict[str, Any]:
    return {"rule": body.rule, "touches": body.touches}


def _marked(lead: Lead, desk: Desk, mark: Mark) -> Decision[Any]:
    """The mark takes its place by event time; the lead is in the state the latest one says."""
    marked = _with(lead, mark)
    if lead.qualified is None or marked.fate == "test":
        return Decision(marked)
    if deciding(marked.counting) == mark and _answers_after_all(marked, mark, desk):
        # Nobody else could take it, and now the last owner says that he has it: so be it.
        return finish(lead, find_owner(marked, desk, "claim", to=marked.stints[-1].owner), desk)
    return finish(lead, Step(marked, desk.books), desk)


def _with(lead: Lead, mark: Mark) -> Lead:
    """The lead with the mark, also where it does not count now: it may in a round that was not heard of yet."""
    return lead.model_copy(update={"marks": (*lead.marks, mark)[-MOST_MARKS:]})


def _answers_after_all(lead: Lead, mark: Mark, desk: Desk) -> bool:
    if not (lead.is_waiting and lead.was_routed and fate_of(mark) in ("accepted", "opportunity")):
        return False
    return unfit(lead.stints[-1].owner, desk) is None


def _breached(lead: Lead, desk: Desk, body: SlaBreached) -> Decision[Any]:
    """The first response was missed: somebody else gets it, at most `max_reassigns` times, then a manager must look."""
    if not is_breach_of_ours(lead, body) or lead.fate != "routed" or not desk.house.reassigns_on_breach(body.policy):
        return Decision(lead)
    most = desk.house.playbook.routing.max_reassigns
    counted = lead.model_copy(update={"breaches": lead.breaches + 1})
    if counted.breaches > most:
        detail = f"Missed by {counted.breaches} owners; at most {most} reassignments are allowed."
        return finish(lead, hold_for_manager(counted, desk, detail), desk)
    return finish(lead, find_owner(take_away(counted, desk.now, "breach"), desk, "breach"), desk)


def is_breach_of_ours(lead: Lead, body: SlaBreached) -> bool:
    """True if the owner of now is who missed the first response."""
    return _is_current(lead, body.round) and body.attempt == lead.attempt and body.promise == "first_response"


def _woken(lead: Lead, desk: Desk) -> Decision[Any]:
    """A held lead is tried again. One that got an owner wakes its neighbours: where one found room, more may."""
    if lead.work is not None:
        return _left_behind(lead, desk)
    if lead.hold is None or not lead.is_waiting or lead.hold.reason == "manager":
        return Decision(lead)
    step = find_owner(lead, desk, lead.hold.after)
    if step.lead.work is not None and lead.hold.pool is not None:
        others = {Stir(lead.hold.pool, rep) for rep in step.able} | {Stir("", one) for one in lead.hold.prefers}
        step = changed(step, books=step.books.stir(others))
    return finish(lead, step, desk)


def _left_behind(lead: Lead, desk: Desk) -> Decision[Any]:
    """Its owner has left the house, or is off and not to be waited for: somebody else gets it, with a new clock.

    What sales has said of it stands, and whoever is off keeps what he has accepted. Each lead that goes wakes others.
    """
    rep = desk.books.roster.reps.get(lead.bearer or "")
    if rep is None:
        return Decision(lead)
    if not rep.active:
        why: ReassignReason = "departure"
    elif lead.fate == "routed" and absence_handed_over(rep, desk.now):
        why = "absence"
    else:
        return Decision(lead)
    step = find_owner(take_away(lead, desk.now, why), desk, why)
    return finish(lead, changed(step, books=step.books.leaving(rep.id)), desk)
