"""Giving a lead to somebody, or holding it: the state afterwards, the books afterwards, and the fact that says so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from baton.contracts import ReassignReason
from baton.playbook.routing import ACCOUNT_OWNER, PREVIOUS_OWNER
from baton.routing.desk import Desk, Step
from baton.routing.domain.books import Books
from baton.routing.domain.consents import agreed
from baton.routing.domain.house import House
from baton.routing.domain.lead import Hold, Kept, Lead, Stint, Work
from baton.routing.domain.marks import WORKED, Mark, deciding
from baton.routing.domain.placement import Placed, Unplaced, place
from baton.routing.domain.rotation import own_day
from baton.routing.domain.searching import Asked
from baton.routing.domain.waiting import Stir, company
from baton.routing.saying import handed_over, held_fact, qualified, recycled_fact
from baton.runtime.handler import Decision, Refusal

_HOW_IT_ENDED = {
    "breach": "had it and did not answer in time",
    "reject": "had it and rejected it",
    "hand_on": "had it and handed it on",
}


def find_owner(
    lead: Lead, desk: Desk, after: ReassignReason | None = None, to: str | None = None, by: str | None = None
) -> Step:
    """Give the lead to whom rules and rotation choose (or to `to`), or hold it. Its last owner has lost it already."""
    seen = qualified(lead)
    view = desk.house.view(seen.fields, seen.contact, seen.score, seen.temperature, desk.now)
    asked = Asked(
        lead.lead_id,
        lead.round,
        desk.now,
        view,
        dict(lead.had),
        to,
        agreed(lead.consents, seen.consents),
        _prior(lead, desk),
        lead.is_handed_on,
    )
    answer = place(asked, desk.house, desk.books.roster, desk.books.accounts)
    if isinstance(answer, Placed):
        return _hand_over(lead, desk, answer, after, by, is_by_hand=to is not None)
    return _hold(lead, desk, answer, after)


def _prior(lead: Lead, desk: Desk) -> dict[str, str]:
    """Whose the lead, or its company, was before."""
    before = lead.stints[-1].owner if lead.stints else None
    owner = desk.account_owner(qualified(lead).contact.account_id)
    return {word: rep for word, rep in ((PREVIOUS_OWNER, before), (ACCOUNT_OWNER, owner)) if rep is not None}


def hold_for_manager(lead: Lead, desk: Desk, detail: str) -> Step:
    """Hold the lead until somebody claims or reassigns it."""
    work = lead.work
    hold = Hold(
        reason="manager",
        detail=detail,
        since=desk.now,
        pool=work.pool if work else None,
        rule=work.rule if work else None,
        after="breach",
    )
    return _held(take_away(lead, desk.now, "breach"), desk, hold)


def take_away(lead: Lead, now: datetime, why: str) -> Lead:
    """The lead without its owner, who will not be chosen again in this round."""
    if lead.work is None:
        return lead
    said = _HOW_IT_ENDED.get(why, "had it before")
    return lead.model_copy(
        update={
            "work": None,
            "had": {**lead.had, lead.work.owner.id: said},
            "stints": _ended(lead.stints, now, why),
        }
    )


def finish(before: Lead, step: Step, desk: Desk) -> Decision[Any]:
    """The decision: the load goes where the lead went, its wake-up ends with its waiting, a recycle is said."""
    lead, books = step.lead, step.books
    if before.fate in WORKED and lead.fate == "recycled":
        lead, books = credited(lead, books, desk)
    books = _settled(before.bearer, lead.bearer, books, desk)
    due = dict(step.due)
    if before.is_waiting and not lead.is_waiting:
        due["wake"] = None
    elif lead.is_waiting and not before.is_waiting:
        due.setdefault("wake", desk.now)  # a later mark has reopened it: its wake-up was cleared when it was closed
    facts = step.facts
    mark = deciding(lead.counting)
    if mark is not None and lead.fate == "recycled" and _before(before) != (lead.round, mark):
        # Also a later one: which statuses scoring counts depends on its time.
        facts = (*facts, recycled_fact(lead, mark))
    if before.fate in WORKED and lead.fate not in WORKED and (mark is not None or lead.fate == "merged"):
        ended = "merged" if lead.fate == "merged" or mark is None else mark.kind
        lead = lead.model_copy(update={"stints": _ended(lead.stints, desk.now, ended)})
    if (before.fate, before.round) != (lead.fate, lead.round):
        lead = counting(lead, "outcome", lead.fate)
    return Decision(lead, facts, due, books=books if books is not desk.books else None)


def credited(lead: Lead, books: Books, desk: Desk) -> tuple[Lead, Books]:
    """The lead leaves its owner through no doing of his: the turn he paid for it with is given back, once."""
    work = lead.work
    pool = desk.house.find_pool(work.pool) if work is not None else None
    if work is None or pool is None or not work.is_paid:
        return lead, books
    weights = {one.rep.id: one.weight for one in books.roster.members(pool) if one.rep.active}
    unpaid = lead.model_copy(update={"work": work.model_copy(update={"is_paid": False})})
    return unpaid, books.given_back(pool.id, work.owner.id, weights)


def forgotten(lead: Lead, desk: Desk) -> Decision[Any]:
    """The person is erased: nobody bears the lead any more, and whoever waited for room may have it."""
    books = _settled(lead.bearer, None, desk.books, desk)
    empty = Lead(lead_id=lead.lead_id, handoffs=lead.handoffs, counted=lead.counted)
    after = counting(empty, "outcome", "erased") if lead.qualified is not None else empty
    return Decision(after, books=books if books is not desk.books else None)


def _before(lead: Lead) -> tuple[int, Mark | None]:
    """What was last said of a lead by marks: of a merged one nothing was."""
    return lead.round, None if lead.merged_into is not None else deciding(lead.counting)


def _hand_over(
    lead: Lead, desk: Desk, placed: Placed, after: ReassignReason | None, by: str | None, *, is_by_hand: bool
) -> Step:
    rep = desk.books.roster.reps[placed.rep]
    owner = desk.books.roster.owner(rep.id)
    policy = desk.house.policy(placed.policy)
    clock = desk.house.clock(policy, owner, qualified(lead).contact)
    books = desk.books.assigned(
        placed.pool or "", rep.id, placed.shares, own_day(rep.zone, desk.now), by_hand=is_by_hand
    )
    work = Work(
        owner=owner,
        rule=placed.rule,
        pool=placed.pool,
        policy=policy.id,
        respond_by=clock.add(desk.now, policy.first_attempt),
        calendar_version=clock.version,
        trace=placed.trace,
        books_version=desk.books.version,
        is_paid=books.credits is not desk.books.credits,
    )
    attempt = lead.attempt + 1 if lead.was_routed else 0
    reason: ReassignReason = after or "reassign"
    kept = Kept(
        round=lead.round,
        number=lead.decisions,
        outcome="reassigned" if lead.was_routed else "routed",
        decided_at=desk.now,
        inputs=placed.inputs.document,
        inputs_hash=placed.inputs.hash,
        answer={"owner": owner.id, "trace": placed.trace.model_dump(mode="json")},
    )
    stint = Stint(
        round=lead.round,
        attempt=attempt,
        owner=owner.id,
        since=desk.now,
        why=reason if lead.was_routed or after in ("claim", "reassign") else "routed",
        by=by,
    )
    said = handed_over(lead, work, attempt, reason, desk.now)
    if lead.was_routed:
        lead = counting(lead, "reassigned", reason)
    changed = lead.model_copy(
        update={
            "work": work,
            "hold": None,
            "attempt": attempt,
            "was_routed": True,
            "stints": (*lead.stints, stint),
            "decisions": lead.decisions + 1,
            "fresh": (*lead.fresh, kept),
        }
    )
    if desk.house.follows_accounts and (account := qualified(lead).contact.account_id):
        if desk.account_owner(account) != rep.id:
            books = books.stir(Stir("", whose) for whose in _company(lead, desk))
        books = books.owned(account, rep.id, lead.lead_id)
    able = frozenset(one.rep for one in placed.standings if one.objection is None)
    return Step(changed, books, (said,), able=able | {rep.id})


def _hold(lead: Lead, desk: Desk, unplaced: Unplaced, after: ReassignReason | None) -> Step:
    hold = Hold(
        reason=unplaced.reason,
        detail=unplaced.detail,
        since=lead.hold.since if lead.hold else desk.now,
        pool=unplaced.pool,
        rule=unplaced.rule,
        objections=dict(unplaced.objections),
        next_try_at=unplaced.next_try_at,
        after=after,
        statuses_from=lead.statuses_from,
        needs=unplaced.needs,
        prefers=(*(one.rep for one in unplaced.trace.preferred), *_company(lead, desk)),
    )
    kept = Kept(
        round=lead.round,
        number=lead.decisions,
        outcome="held",
        decided_at=desk.now,
        inputs=unplaced.inputs.document,
        inputs_hash=unplaced.inputs.hash,
        answer={"reason": hold.reason, "trace": unplaced.trace.model_dump(mode="json")},
    )
    if lead.hold is None or _told(lead.hold) != _told(hold):
        lead = lead.model_copy(update={"decisions": lead.decisions + 1, "fresh": (*lead.fresh, kept)})
    return _held(lead, desk, hold)


def _company(lead: Lead, desk: Desk) -> tuple[str, ...]:
    account = qualified(lead).contact.account_id if desk.house.follows_accounts else None
    return (company(account),) if account is not None else ()


def _held(lead: Lead, desk: Desk, hold: Hold) -> Step:
    is_new = lead.hold is None or _told(lead.hold) != _told(hold)
    changed = lead.model_copy(update={"hold": hold, "work": None})
    return Step(changed, desk.books, (held_fact(lead, hold),) if is_new else (), {"wake": hold.next_try_at})


def _told(hold: Hold) -> tuple[str, str | None, str | None, datetime | None]:
    return hold.reason, hold.pool, hold.rule.id if hold.rule else None, hold.statuses_from


def _ended(stints: tuple[Stint, ...], now: datetime, why: str) -> tuple[Stint, ...]:
    if not stints or stints[-1].until is not None:
        return stints
    return (*stints[:-1], stints[-1].model_copy(update={"until": now, "ended": why}))


def _settled(before: str | None, after: str | None, books: Books, desk: Desk) -> Books:
    if before == after:
        return books
    if before is not None and _is_full(before, books, desk):
        books = stirred_by(before, books, desk.house)
    return books.carried(before, after)


def stirred_by(rep_id: str, books: Books, house: House) -> Books:
    """The books that remember to wake leads that are held where the rep can help: he has room, is back, or is new."""
    pools = house.playbook.routing.pools
    his = [pool.id for pool in pools if rep_id in {member.rep.id for member in books.roster.members(pool)}]
    # In no pool he may still be preferred.
    return books.stir(Stir(pool, rep_id) for pool in {"", *house.waiting_on(his)})


def _is_full(rep_id: str, books: Books, desk: Desk) -> bool:
    rep = books.roster.reps.get(rep_id)
    cap = rep.capacity if rep is not None and rep.capacity is not None else desk.house.playbook.routing.caps.open_leads
    return cap is not None and books.load.get(rep_id, 0) >= cap


def counting(lead: Lead, what: str, label: str) -> Lead:
    """The lead that remembers until commit what metrics shall count."""
    return lead.model_copy(update={"counted": (*lead.counted, (what, label))})


def unfit(rep_id: str, desk: Desk) -> Refusal | None:
    """By hand, absence and capacity are the asker's business; a rep who is gone or whose time cannot be told is not."""
    rep = desk.books.roster.reps.get(rep_id)
    if rep is None:
        return Refusal(422, "Unknown rep", f"There is no rep {rep_id!r} on the roster.")
    if not rep.active:
        return Refusal(409, "Inactive rep", f"{rep_id} is not active.")
    if rep.calendar not in desk.house.playbook.calendar_ids:
        return Refusal(409, "Unknown calendar", f"The calendar {rep.calendar!r} of {rep_id} is not in the playbook.")
    return None
