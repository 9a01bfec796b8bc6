"""How routing shows what it knows: plain data for the API and for pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from baton.contracts import Rep, Score
from baton.playbook import Pool, lead_view
from baton.routing.bodies import PreviewIn
from baton.routing.domain.books import Books
from baton.routing.domain.consents import agreed as agreed_to
from baton.routing.domain.house import House
from baton.routing.domain.lead import Lead
from baton.routing.domain.placement import Placed, place
from baton.routing.domain.rotation import Standing, Terms, choose_rep
from baton.routing.domain.searching import Asked

NEVER_STORED = "00000000-0000-0000-0000-000000000000"


def lead_shown(lead: Lead) -> dict[str, Any]:
    """One lead: its state, its owner and why, and everybody who had it."""
    work, seen = lead.work, lead.qualified
    return {
        "lead_id": lead.lead_id,
        "state": lead.fate,
        "round": lead.round,
        "attempt": lead.attempt,
        "owner": work.owner.model_dump(mode="json") if work else None,
        "rule": work.rule.model_dump(mode="json") if work else None,
        "policy": work.policy if work else None,
        "respond_by": work.respond_by if work else None,
        "calendar_version": work.calendar_version if work else None,
        "trace": work.trace.model_dump(mode="json") if work else None,
        "inputs_hash": work.trace.inputs_hash if work else None,
        "books_version": work.books_version if work else None,
        "held": held_shown(lead) if lead.is_waiting else None,
        "score": seen.score.model_dump(mode="json") if seen else None,
        "temperature": seen.temperature if seen else None,
        "owners": [stint.model_dump(mode="json") for stint in lead.stints],
        "misroutes": sum(1 for stint in lead.stints if stint.ended == "reject"),
        "statuses": [mark.model_dump(mode="json", exclude={"sequence"}) for mark in lead.counting],
    }


def held_shown(lead: Lead) -> dict[str, Any]:
    """One held lead: why, since when, and when it will be tried again by itself."""
    hold = lead.hold
    assert hold is not None  # only held leads are shown so
    return {
        "lead_id": lead.lead_id,
        "round": lead.round,
        **hold.shown(),
        "last_owner": lead.stints[-1].owner if lead.was_routed and lead.stints else None,
        **_person(lead),
    }


def queue_shown(leads: Sequence[Lead], first_rank: int) -> list[dict[str, Any]]:
    """A rep's leads by rank, each with the reason for its rank (H5)."""
    return [_queued(lead, first_rank + number) for number, lead in enumerate(leads)]


def list_shown(leads: Sequence[Lead], house: House) -> list[dict[str, Any]]:
    """The same for the rep's page, which has a button for those that can be handed on."""
    shown = queue_shown(leads, 1)
    for lead, one in zip(leads, shown, strict=True):
        one["may_hand_on"] = lead.work is not None and lead.work.rule.id in house.qualifying
    return shown


def queues_shown(rep_id: str, books: Books, house: House, waiting: Mapping[str, int]) -> list[dict[str, Any]]:
    """The queues a rep may take leads from, and how many wait in each."""
    pools = [pool for pool in house.playbook.routing.pools if pool.rotation == "pull"]
    his = [pool for pool in pools if rep_id in {member.rep.id for member in books.roster.members(pool)}]
    return [{"id": pool.id, "label": pool.label, "waiting": waiting.get(pool.id, 0)} for pool in his]


def _queued(lead: Lead, rank: int) -> dict[str, Any]:
    seen, work = lead.qualified, lead.work
    assert seen is not None  # who has an owner was qualified
    assert work is not None
    return {
        "rank": rank,
        "lead_id": lead.lead_id,
        "state": lead.fate,
        "score": seen.score.model_dump(mode="json"),
        "temperature": seen.temperature,
        "because": _because(lead),
        "respond_by": work.respond_by,
        "missing": [item.label or item.item for item in seen.must_know if item.missing],
        **_person(lead),
    }


def _because(lead: Lead) -> str:
    seen = lead.qualified
    assert seen is not None
    score = seen.score
    energy = "unknown" if score.energy is None else f"{score.energy:g}"
    best = sorted((why for why in seen.why if why.points > 0), key=lambda why: (-why.points, why.criterion))[:3]
    reasons = "".join(f"; {why.label or why.criterion} +{why.points:g}" for why in best)
    return (
        f"{score.total:g} points (fit {score.fit:g}, interest {score.interest:g}, energy {energy}), {seen.temperature}"
        f"{reasons}"
    )


def _person(lead: Lead) -> dict[str, Any]:
    contact = lead.qualified.contact if lead.qualified else None
    if contact is None:
        return {"name": None, "company": None, "country": None, "account_id": None}
    parts = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    return {
        "name": contact.full_name or parts or contact.email or contact.phone,
        "company": contact.company,
        "country": contact.country,
        "account_id": contact.account_id,
    }


def rep_shown(rep: Rep, books: Books, house: House) -> dict[str, Any]:
    """A rep with his load, and his credit in each pool he is in."""
    pools = house.playbook.routing.pools
    mine = [pool.id for pool in pools if rep.id in {member.rep.id for member in books.roster.members(pool)}]
    cap = rep.capacity if rep.capacity is not None else house.playbook.routing.caps.open_leads
    return {
        **rep.model_dump(mode="json"),
        "open_leads": books.load.get(rep.id, 0),
        "most_open_leads": cap,
        "pools": {pool: {"credit": books.account(pool, rep.id).credit} for pool in mine},
    }


def pool_shown(pool: Pool, books: Books, house: House, now: datetime) -> dict[str, Any]:
    """A pool: each member with credit and load, and whether he could have a lead now, in the order of who is next."""
    members = books.roster.members(pool)
    accounts = books.accounts(pool.id, [member.rep.id for member in members])
    strict = any(rule.pool == pool.id and rule.hours == "must_be_on_shift" for rule in house.playbook.routing.rules)
    terms = Terms(house.playbook.routing.caps, strict)
    answer = choose_rep(members, accounts, terms, house.playbook.calendar, now)
    weights = {member.rep.id: member.weight for member in members}
    names = {member.rep.id: member.rep.name for member in members}
    shown = [
        {
            "rep": s.rep,
            "name": names[s.rep],
            "weight": weights[s.rep],
            "load": accounts[s.rep].load,
            **_standing(s),
            **_due(pool, s, books),
        }
        for s in answer.standings
    ]
    return {
        "id": pool.id,
        "label": pool.label,
        "members": shown,
        "next": getattr(answer, "rep", None) if pool.rotation != "pull" else None,
        "rotation": pool.rotation,
        "fallback": pool.fallback,
        "furthest": books.furthest.get(pool.id, 0.0),
        "books_version": books.version,
        "playbook": house.playbook.version,
    }


def _due(pool: Pool, standing: Standing, books: Books) -> dict[str, Any]:
    """How his credit came about."""
    offered, got, back = books.turns_of(pool.id, standing.rep)
    due = round(standing.credit + got - back, 2)
    words = f"his share of {offered} leads he was in the running for is {due:g}; he got {got}"
    returned = f", {back} of them given back" if back else ""
    return {"offered": offered, "due": due, "got": got, "given_back": back, "because": words + returned}


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "credit": standing.credit,
        "eligible": standing.objection is None,
        "objection": standing.objection.why if standing.objection else None,
        "opens_at": standing.opens_at,
    }


def preview_shown(
    body: PreviewIn, books: Books, house: House, now: datetime, known: Lead | None = None
) -> dict[str, Any]:
    """What would be decided about this lead now. Nothing is written and nobody's credit moves.

    `known` is a lead whose values stand where the body has none.
    """
    seen = known.qualified if known is not None else None
    posted = {**lead_view(house.playbook.definition, body.lead(now), now), **body.fields}
    contact = body.contact
    if seen is None:
        view = house.view(posted, body.contact, body.score or Score(total=0), body.temperature or "unknown", now)
    else:
        told = lead_view(house.playbook.definition, body.lead(now) if body.properties or body.answers else {}, now)
        contact = seen.contact.model_copy(update=body.contact.model_dump(exclude_unset=True))
        fields = {**seen.fields, **told, **body.fields}
        view = house.view(fields, contact, body.score or seen.score, body.temperature or seen.temperature, now)
    said: dict[str, Any] = {"playbook": house.playbook.version, "books_version": books.version, "fields": view}
    if body.is_test:
        return {**said, "decision": "test", "owner": None, "detail": "Test leads are never routed."}
    purpose = str(body.consent.get("purpose") or "").strip().casefold()
    said_now = (purpose,) if body.consent and not body.consent.get("withdrawn_at") else ()
    agreed = said_now or (() if known is None or seen is None else agreed_to(known.consents, seen.consents))
    asked = Asked(NEVER_STORED, 1, now, view, agreed=agreed)
    answer = place(asked, house, books.roster, books.accounts)
    said |= {"trace": answer.trace.model_dump(mode="json"), "pool": answer.pool}
    if not isinstance(answer, Placed):
        return {
            **said,
            "decision": "held",
            "owner": None,
            "reason": answer.reason,
            "detail": answer.detail,
            "objections": dict(answer.objections),
            "next_try_at": answer.next_try_at,
        }
    owner, policy = books.roster.owner(answer.rep), house.policy(answer.policy)
    return {
        **said,
        "decision": "routed",
        "owner": owner.model_dump(mode="json"),
        "rule": answer.rule.model_dump(mode="json"),
        "policy": policy.id,
        "respond_by": house.clock(policy, owner, contact).add(now, policy.first_attempt),
    }
