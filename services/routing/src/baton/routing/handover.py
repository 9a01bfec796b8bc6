"""Giving a lead to somebody, or holding it: the state afterwards, the books afterwards, and the fact that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from baton.routing.domain.books import Books
from baton.routing.domain.consents import agreed
from baton.routing.domain.house import House
from baton.routing.domain.lead import Hold, Kept, Lead, Stint, Work
from baton.routing.domain.marks import WORKED, Mark, deciding
from baton.routing.domain.placement import Asked, Placed, Unplaced, place
from baton.routing.domain.rotation import own_day
from baton.runtime.handler import Decision, Draft, Refusal

EVERY_POOL = "*"
"""Stirred when any held lead may have become free, whatever its pool."""

MOST_HISTORY = 50
ROOM_FOR_HISTORY = 24 * 1024
"""Bytes. A record may have 64 KiB; the trace takes up to 16, contact, reasons and must-know what remains."""


@dataclass(frozen=True)
class Desk:
    """What a decision is made with, beside the lead: playbook, books, the present."""

    house: House
    books: Books
    now: datetime


@dataclass(frozen=True)
class Step:
    """Where a decision has got to: the lead and the books by now, and what was said."""

    lead: Lead
    books: Books
    facts: tuple[Draft, ...] = ()
    due: Mapping[str, datetime | None] = field(default_factory=dict)


def find_owner(
    lead: Lead, desk: Desk, after: ReassignReason | None = None, to: str | None = None, by: str | None = None
) -> Step:
    """Give the lead to whom rules and rotation choose (or to `to`), or hold it. Its last owner has lost it already."""
    seen = _qualified(lead)
    view = desk.house.view(seen.fields, seen.contact, seen.score, seen.temperature, desk.now)
    asked = Asked(lead.lead_id, lead.round, desk.now, view, dict(lead.had), to, agreed(lead.consents, seen.consents))
    answer = place(asked, desk.house, desk.books.roster, desk.books.accounts)
    if isinstance(answer, Placed):
        return _hand_over(lead, desk, answer, after, by)
    return _hold(lead, desk, answer, after)


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
    said = {"breach": "had it and did not answer in time", "reject": "had it and rejected it"}.get(why, "had it before")
    return lead.model_copy(
        update={
            "work": None,
            "had": {**lead.had, lead.work.owner.id: said},
            "stints": _ended(lead.stints, now, why),
        }
    )


def finish(before: Lead, step: Step, desk: Desk) -> Decision[Any]:
    """The decision: the load goes where the lead went, its wake-up ends with its waiting, a recycle is said."""
    lead = step.lead
    books = _settled(before.bearer, lead.bearer, step.books, desk)
    due = dict(step.due)
    if before.is_waiting and not lead.is_waiting:
        due["wake"] = None
    elif lead.is_waiting and not before.is_waiting:
        due.setdefault("wake", desk.now)  # a later mark has reopened it: its wake-up was cleared when it was closed
    facts = step.facts
    mark = deciding(lead.counting)
    if mark is not None and lead.fate == "recycled" and _before(before) != (lead.round, mark):
        facts = (*facts, _recycled(lead, mark))  # also a later one: which statuses scoring counts depends on its time
    if before.fate in WORKED and lead.fate not in WORKED and (mark is not None or lead.fate == "merged"):
        ended = "merged" if lead.fate == "merged" or mark is None else mark.kind
        lead = lead.model_copy(update={"stints": _ended(lead.stints, desk.now, ended)})
    if (before.fate, before.round) != (lead.fate, lead.round):
        lead = counting(lead, "outcome", lead.fate)
    return Decision(lead, facts, due, books=books if books is not desk.books else None)


def forgotten(lead: Lead, desk: Desk) -> Decision[Any]:
    """The person is erased: nobody bears the lead any more, and whoever waited for room may have it."""
    books = _settled(lead.bearer, None, desk.books, desk)
    empty = Lead(lead_id=lead.lead_id, handoff_seconds=lead.handoff_seconds, counted=lead.counted)
    after = counting(empty, "outcome", "erased") if lead.qualified is not None else empty
    return Decision(after, books=books if books is not desk.books else None)


def _before(lead: Lead) -> tuple[int, Mark | None]:
    """What was last said of a lead by marks: of a merged one nothing was."""
    return lead.round, None if lead.merged_into is not None else deciding(lead.counting)


def _hand_over(lead: Lead, desk: Desk, placed: Placed, after: ReassignReason | None, by: str | None) -> Step:
    rep = desk.books.roster.reps[placed.rep]
    owner = desk.books.roster.owner(rep.id)
    policy = desk.house.policy(placed.policy)
    clock = desk.house.clock(policy, owner)
    work = Work(
        owner=owner,
        rule=placed.rule,
        pool=placed.pool,
        policy=policy.id,
        respond_by=clock.add(desk.now, policy.first_attempt),
        calendar_version=clock.version,
        trace=placed.trace,
        books_version=desk.books.version,
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
    fact = _handed_over(lead, work, attempt, reason, desk.now)
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
    books = desk.books.assigned(placed.pool or "", rep.id, placed.shares, own_day(rep.zone, desk.now))
    return Step(changed, books, (Draft(fact),))


def _handed_over(
    lead: Lead, work: Work, attempt: int, reason: ReassignReason, now: datetime
) -> LeadRouted | LeadReassigned:
    seen = _qualified(lead)
    shared: dict[str, Any] = {
        **{name: getattr(work, name) for name in Work.model_fields},
        **{name: getattr(seen, name) for name in ("caused_at", "contact", "why", "must_know", "score", "temperature")},
        "history": fitting(seen.history),
        "source": seen.source,
        "round": lead.round,
        "decided_at": now,
        "intake_sequence": seen.intake_sequence,
        "statuses_from": lead.statuses_from,
        "restored_sequence": lead.restored_sequence,
    }
    del shared["pool"]
    if not lead.was_routed:
        return LeadRouted(**shared)
    return LeadReassigned(**shared, previous_owner=lead.stints[-1].owner, reason=reason, attempt=attempt)


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


def _held(lead: Lead, desk: Desk, hold: Hold) -> Step:
    fact = LeadHeld(
        round=lead.round,
        caused_at=_qualified(lead).caused_at,
        reason=hold.reason,
        detail=hold.detail,
        rule=hold.rule,
        pool=hold.pool,
        objections=hold.objections,
        next_try_at=hold.next_try_at,
        previous_owner=lead.stints[-1].owner if lead.was_routed and lead.stints else None,
        statuses_from=hold.statuses_from,
    )
    is_new = lead.hold is None or _told(lead.hold) != _told(hold)
    changed = lead.model_copy(update={"hold": hold, "work": None})
    return Step(changed, desk.books, (Draft(fact),) if is_new else (), {"wake": hold.next_try_at})


def _told(hold: Hold) -> tuple[str, str | None, str | None, datetime | None]:
    return hold.reason, hold.pool, hold.rule.id if hold.rule else None, hold.statuses_from


def _qualified(lead: Lead) -> LeadQualified:
    assert lead.qualified is not None  # only leads of a round are placed
    return lead.qualified


def _ended(stints: tuple[Stint, ...], now: datetime, why: str) -> tuple[Stint, ...]:
    if not stints or stints[-1].until is not None:
        return stints
    return (*stints[:-1], stints[-1].model_copy(update={"until": now, "ended": why}))


def _settled(before: str | None, after: str | None, books: Books, desk: Desk) -> Books:
    if before == after:
        return books
    if before is not None and _is_full(before, books, desk):
        pools = desk.house.playbook.routing.pools
        members = {pool.id: {member.rep.id for member in books.roster.members(pool)} for pool in pools}
        books = books.stir(pool for pool, reps in members.items() if before in reps)
    return books.carried(before, after)


def _is_full(rep_id: str, books: Books, desk: Desk) -> bool:
    rep = books.roster.reps.get(rep_id)
    cap = rep.capacity if rep is not None and rep.capacity is not None else desk.house.playbook.routing.caps.open_leads
    return cap is not None and books.load.get(rep_id, 0) >= cap


def _recycled(lead: Lead, mark: Mark) -> Draft:
    by_default = {"recycle": "unknown", "unreachable": "never_reached"}
    status = mark.then or ("unreachable" if mark.kind == "unreachable" else "recycle")
    fact = LeadRecycled(
        round=lead.round,
        caused_at=_qualified(lead).caused_at,
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
