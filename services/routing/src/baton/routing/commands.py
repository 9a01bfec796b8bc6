"""What people ask of routing: claim, reassign, reject a lead; change a rep; and what a start asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from baton.contracts import LeadDelivered, Rep, RepChanged, TimeOff
from baton.routing.domain.books import Books
from baton.routing.domain.lead import Lead
from baton.routing.domain.marks import OPEN, WORKED
from baton.routing.handover import EVERY_POOL, Desk, find_owner, finish, take_away, unfit
from baton.runtime.handler import Command, Decision, Draft, Refusal, Reply

PLAYBOOK = "playbook"
"""The subject of the command that says that another playbook is in force. No rep can have this id."""


MOST_TIME_OFF = 200
"""Absences of one rep: what a record can hold beside the rest of him, and far more than anybody takes."""


@dataclass(frozen=True)
class RepCard:
    """State of one rep. He himself stands in the roster of the books; `changed` is set when he must be written."""

    rep_id: str
    changed: Rep | None = None


def decide_lead_command(lead: Lead, desk: Desk, command: Command) -> Decision[Any]:
    """Claim `{rep}`, reassign `{to, reason}` or reject `{rep, reason}` a lead (docs/lifecycle.md)."""
    if command.name == "delivered":
        return _delivered(lead, desk, command)
    if no := _closed_to_people(lead):
        return Decision(lead, reply=no)
    match command.name:
        case "claim":
            return _by_hand(lead, desk, command, "claim", command.body["rep"])
        case "reassign" if command.body.get("to") is not None:
            return _by_hand(lead, desk, command, "reassign", command.body["to"])
        case "reassign":
            return _replied(lead, reopened(lead, desk, "reassign"), desk, "reassign", None, command.actor)
        case "reject":
            return _reject(lead, desk, command)
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
    return _replied(lead, reopened(lead, desk, "reject"), desk, "reject", None, command.actor)


def _replied(
    before: Lead, lead: Lead, desk: Desk, why: Literal["claim", "reassign", "reject"], to: str | None, by: str | None
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
        "held": lead.hold.model_dump(mode="json") if lead.hold else None,
    }


def decide_rep_command(card: RepCard, desk: Desk, command: Command) -> Decision[Any]:
    """Put, seed or send on leave a rep; or, on the subject `playbook`, try all held leads by the playbook in force."""
    if card.rep_id == PLAYBOOK:
        return _playbook(card, desk)
    known = desk.books.roster.reps.get(card.rep_id)
    match command.name:
        case "seed":
            return Decision(card) if known else changed_rep(card, desk, command.body, "seeded", 201)
        case "put":
            return _put(card, desk, known, command.body)
        case "time_off":
            return _time_off(card, desk, known, command.body)
        case _:
            raise ValueError(f"no such command: {command.name}")


def _playbook(card: RepCard, desk: Desk) -> Decision[Any]:
    digest = desk.house.playbook.hash
    if desk.books.playbook == digest:
        return Decision(card)
    return Decision(card, books=desk.books.for_playbook(digest).stir([EVERY_POOL]))


def _put(card: RepCard, desk: Desk, known: Rep | None, rep: Rep) -> Decision[Any]:
    if rep.calendar not in desk.house.playbook.calendar_ids:
        calendars = ", ".join(desk.house.playbook.calendar_ids)
        no = Refusal(
            422, "Unknown calendar", f"The playbook has {calendars}.", {"errors": [_at("calendar", rep.calendar)]}
        )
        return Decision(card, reply=no)
    if known == rep:
        return Decision(card, reply=Reply(rep.model_dump(mode="json")))
    return changed_rep(card, desk, rep, "put", 200 if known else 201)


def _at(field: str, value: str) -> dict[str, str]:
    return {"detail": f"there is no {field} {value!r}", "pointer": f"#/{field}"}


def _time_off(card: RepCard, desk: Desk, known: Rep | None, off: TimeOff) -> Decision[Any]:
    if known is None:
        return Decision(card, reply=Refusal(404, "Unknown rep", f"There is no rep {card.rep_id!r} on the roster."))
    if off in known.time_off:
        return Decision(card, reply=Reply(known.model_dump(mode="json")))
    if len(known.time_off) >= MOST_TIME_OFF:
        detail = f"{card.rep_id} has {MOST_TIME_OFF} absences; put the rep anew without those that are over."
        return Decision(card, reply=Refusal(409, "Too many absences", detail))
    times = sorted([*known.time_off, off], key=lambda one: (one.starts_at, one.ends_at))
    return changed_rep(card, desk, known.model_copy(update={"time_off": times}), "time_off", 200)


def changed_rep(
    card: RepCard, desk: Desk, rep: Rep, change: Literal["seeded", "put", "time_off"], status: int
) -> Decision[Any]:
    """The rep is from now on as `rep` says, and whoever is held where he can help is tried again."""
    books = desk.books.with_roster(desk.books.roster.changed(rep))
    return Decision(
        replace(card, changed=rep),
        facts=(Draft(RepChanged(rep=rep, change=change)),),
        books=_stirred_by(rep.id, desk, books),
        reply=Reply(rep.model_dump(mode="json"), status),
    )


def _stirred_by(rep_id: str, desk: Desk, books: Books) -> Books:
    """Who joins a pool, comes back or may have more can free leads held there."""
    pools = desk.house.playbook.routing.pools
    return books.stir(pool.id for pool in pools if rep_id in {member.rep.id for member in books.roster.members(pool)})
