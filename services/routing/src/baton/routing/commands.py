"""What people ask of routing: claim, reassign, reject a lead; change a rep; and what a start asks for. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from baton.contracts import LeadDelivered, ReassignReason
from baton.routing.desk import Desk
from baton.routing.domain.lead import Lead
from baton.routing.domain.marks import OPEN, WORKED
from baton.routing.domain.rotation import Terms, choose_rep
from baton.routing.handover import credited, find_owner, finish, take_away, unfit
from baton.runtime.handler import Command, Decision, Draft, Refusal, Reply


def decide_lead_command(lead: Lead, desk: Desk, command: Command) -> Decision[Any]:
    """What a person asks about a lead: claim, reassign, reject, hand on, take from a queue (docs/lifecycle.md)."""
    if command.name == "delivered":
        return _delivered(lead, desk, command)
    if no := _closed_to_people(lead):
        return Decision(lead, reply=no)
    known = {"reject": _reject, "hand_on": _hand_on, "take": _take}
    if command.name in known:
        return known[command.name](lead, desk, command)
    match command.name:
        case "claim":
            return _by_hand(lead, desk, command, "claim", command.body["rep"])
        case "reassign" if command.body.get("to") is not None:
            return _by_hand(lead, desk, command, "reassign", command.body["to"])
        case "reassign":
            return _replied(lead, reopened(lead, desk, "reassign"), desk, "reassign", None, command.actor)
        case _:
            raise ValueError(f"no such command: {command.name}")


def _delivered(lead: Lead, desk: Desk, command: Command) -> Decision[Any]:
    """A system outside took a hand-over: said once for the round and the endpoint, however often it was delivered."""
    endpoint, round_ = command.body["endpoint"], command.body["round"]
    if lead.qualified is None or lead.delivered.get(endpoint, 0) >= round_:
        return Decision(lead, reply=Reply())
    fact = LeadDelivered.model_validate({**command.body, "delivered_at": desk.now})
    return Decision(remembering(lead, fact), (Draft(fact),), reply=Reply())


def remembering(lead: Lead, fact: LeadDelivered) -> Lead:
    """The lead that knows that this was said."""
    return lead.model_copy(update={"delivered": {**lead.delivered, fact.endpoint: fact.round}})


def _closed_to_people(lead: Lead) -> Refusal | None:
    if lead.qualified is None:
        if not lead.marks:
            return Refusal(404, "Unknown lead", "Routing has not heard of this lead.")
        return Refusal(409, "Not a lead", "Scoring has not qualified it, so it can have no owner.")
    if lead.fate == "merged":
        detail = f"It turned out to be {lead.merged_into} and goes on as that lead."
        return Refusal(409, "Merged", detail, {"merged_into": lead.merged_into})
    if lead.fate == "test":
        return Refusal(409, "Test lead", "Test leads are scored and never routed.")
    return None


def _by_hand(lead: Lead, desk: Desk, command: Command, why: Literal["claim", "reassign"], to: str) -> Decision[Any]:
    if no := unfit(to, desk):
        return Decision(lead, reply=no)
    if lead.work is not None and lead.work.owner.id == to and lead.fate in WORKED:
        return Decision(lead, reply=Refusal(409, "Already the owner", f"{to} has this lead."))
    return _replied(lead, reopened(lead, desk, why), desk, why, to, command.actor)


def reopened(lead: Lead, desk: Desk, why: str) -> Lead:
    """Return the lead without owner, with all marks so far put away: whatever was said of it, somebody starts anew."""
    free = take_away(lead, desk.now, why)
    breaches = lead.breaches if why == "reject" else 0
    # A status may be dated after the present, where a clock was put back: it is put away all the same.
    from_then = max(desk.now, *(mark.at for mark in lead.counting)) if lead.counting else desk.now
    return free.model_copy(update={"statuses_from": from_then, "breaches": breaches})


def _reject(lead: Lead, desk: Desk, command: Command) -> Decision[Any]:
    owner = lead.work.owner.id if lead.work is not None and lead.fate in WORKED else None
    if owner is None:
        return Decision(lead, reply=Refusal(409, "No owner", "Nobody has this lead, so nobody can reject it."))
    if command.body.get("rep") not in (None, owner):
        return Decision(lead, reply=Refusal(409, "Not the owner", f"{owner} has this lead."))
    lead_then, books = credited(lead, desk.books, desk)
    paid_back = replace(desk, books=books)
    free = reopened(lead_then, paid_back, "reject")
    decision = _replied(lead, free, paid_back, "reject", None, command.actor)
    return decision if decision.books is not None or books is desk.books else replace(decision, books=books)


def _hand_on(lead: Lead, desk: Desk, command: Command) -> Decision[Any]:
    """Those who qualify by phone are done with it: the other rules say who gets it, or it goes to `to`."""
    if lead.work is None or lead.fate not in WORKED:
        return Decision(lead, reply=Refusal(409, "No owner", "Nobody has this lead, so nobody can hand it on."))
    if lead.work.rule.id not in desk.house.qualifying:
        detail = f"The rule {lead.work.rule.id} gave it to be worked: only one with `qualifies` has a next step."
        return Decision(lead, reply=Refusal(409, "Nothing to hand on", detail))
    to = command.body.get("to")
    if to is not None and (no := unfit(to, desk)):
        return Decision(lead, reply=no)
    free = reopened(lead, desk, "hand_on").model_copy(update={"is_handed_on": True})
    return _replied(lead, free, desk, "hand_on", to, command.actor)


def _take(lead: Lead, desk: Desk, command: Command) -> Decision[Any]:
    """A rep takes a lead that waits in a queue of his; once it is taken, nobody else can."""
    rep_id, pool_id = command.body["rep"], command.body["pool"]
    hold, pool = lead.hold, desk.house.find_pool(pool_id)
    if hold is None or not lead.is_waiting or (hold.reason, hold.pool) != ("queued", pool_id) or pool is None:
        return Decision(lead, reply=Refusal(409, "Taken", "It does not wait in this queue any more."))
    if no := unfit(rep_id, desk):
        return Decision(lead, reply=no)
    mine = [member for member in desk.books.roster.members(pool) if member.rep.id == rep_id]
    if not mine:
        return Decision(lead, reply=Refusal(409, "Not in this queue", f"{rep_id} is not in {pool.label}."))
    if rep_id in lead.had:
        return Decision(lead, reply=Refusal(409, "Had it", f"{rep_id} {lead.had[rep_id]}."))
    terms = Terms(desk.house.playbook.routing.caps)
    accounts = desk.books.accounts(pool_id, [rep_id])
    objection = choose_rep(mine, accounts, terms, desk.house.playbook.calendar, desk.now).standings[0].objection
    if objection is not None:
        return Decision(lead, reply=Refusal(409, "Cannot have it", f"{rep_id}: {objection.why}"))
    return _replied(lead, lead, desk, hold.after, rep_id, command.actor)


def _replied(
    before: Lead, lead: Lead, desk: Desk, why: ReassignReason | None, to: str | None, by: str | None
) -> Decision[Any]:
    decision = finish(before, find_owner(lead, desk, why, to=to, by=by), desk)
    return replace(decision, reply=Reply(receipt(decision.state)))


def receipt(lead: Lead) -> dict[str, Any]:
    """What a person is told of a lead he has just moved."""
    return {
        "lead_id": lead.lead_id,
        "state": lead.fate,
        "round": lead.round,
        "attempt": lead.attempt,
        "owner": lead.owner.model_dump(mode="json") if lead.owner and lead.fate in OPEN else None,
        "respond_by": lead.work.respond_by if lead.work else None,
        "held": lead.hold.shown() if lead.hold else None,
    }
