"""What people ask about a rep: change him, send him on leave, let him go; and what a start asks for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from baton.contracts import Rep, RepChanged, TimeOff
from baton.routing.desk import Desk
from baton.routing.domain.absences import imported
from baton.routing.domain.books import Books
from baton.routing.domain.roster import absence_handed_over, next_hand_over
from baton.routing.domain.waiting import EVERY_POOL, Stir
from baton.routing.handover import stirred_by
from baton.runtime.handler import Cause, Command, Decision, Draft, Due, Refusal, Reply

PLAYBOOK = "playbook"
"""The subject of the command that says that another playbook is in force. No rep can have this id."""

ABSENCE = "absence"
"""The timer of a rep that fires when an absence begins for which his leads go to others."""

MOST_TIME_OFF = 200
"""Absences of one rep: what a record can hold beside the rest of him, and far more than anybody takes."""

Change = Literal["seeded", "put", "time_off", "departed"]


@dataclass(frozen=True)
class RepCard:
    """State of one rep. He himself stands in the roster of the books; `changed` is set when he must be written."""

    rep_id: str
    changed: Rep | None = None


def decide_rep(card: RepCard, desk: Desk, cause: Cause) -> Decision[Any]:
    """What follows for a rep from a command, or from the beginning of an absence."""
    match cause:
        case Command() as command:
            return decide_rep_command(card, desk, command)
        case Due(kind="absence"):
            return _absent(card, desk)
        case _:
            return Decision(card)


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
        case "calendar":
            return _calendar(card, desk, known, command.body)
        case "departure":
            return _departure(card, desk, known)
        case _:
            raise ValueError(f"no such command: {command.name}")


def _playbook(card: RepCard, desk: Desk) -> Decision[Any]:
    digest = desk.house.playbook.hash
    if desk.books.playbook == digest:
        return Decision(card)
    return Decision(card, books=desk.books.for_playbook(digest).stir([Stir(EVERY_POOL, "")]))


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
        return Decision(card, reply=_unknown(card))
    if off in known.time_off:
        return Decision(card, reply=Reply(known.model_dump(mode="json")))
    if len(known.time_off) >= MOST_TIME_OFF:
        detail = f"{card.rep_id} has {MOST_TIME_OFF} absences; put the rep anew without those that are over."
        return Decision(card, reply=Refusal(409, "Too many absences", detail))
    return _with_absences(card, desk, known, [*known.time_off, off])


def _calendar(card: RepCard, desk: Desk, known: Rep | None, calendar: Sequence[TimeOff]) -> Decision[Any]:
    """All absences that came from his calendar are those it shows now; the others stay."""
    if known is None:
        return Decision(card, reply=_unknown(card))
    after = imported(known.time_off, calendar)
    if len(after.time_off) > MOST_TIME_OFF:
        detail = f"{len(calendar)} absences in the calendar; a rep can have {MOST_TIME_OFF} in all."
        return Decision(card, reply=Refusal(409, "Too many absences", detail))
    return replace(_with_absences(card, desk, known, after.time_off), reply=Reply(after.shown()))


def _with_absences(card: RepCard, desk: Desk, known: Rep, absences: Sequence[TimeOff]) -> Decision[Any]:
    times = sorted(absences, key=lambda one: (one.starts_at, one.ends_at, one.calendar_key or ""))
    if times == known.time_off:
        return Decision(card, reply=Reply(known.model_dump(mode="json")))
    return changed_rep(card, desk, known.model_copy(update={"time_off": times}), "time_off", 200)


def _departure(card: RepCard, desk: Desk, known: Rep | None) -> Decision[Any]:
    """He leaves the house: he gets nothing any more, and all his open leads go to others, a few at a time."""
    if known is None:
        return Decision(card, reply=_unknown(card))
    decision = changed_rep(card, desk, known.model_copy(update={"active": False}), "departed", 200)
    handed = {"rep": known.id, "open_leads": desk.books.load.get(known.id, 0)}
    books: Books = decision.books
    return replace(decision, books=books.leaving(known.id), reply=Reply(handed, 202))


def _absent(card: RepCard, desk: Desk) -> Decision[Any]:
    """An absence has begun for which the leads he has not answered yet go to others."""
    rep = desk.books.roster.reps.get(card.rep_id)
    if rep is None:
        return Decision(card)
    following: dict[str, datetime | None] = {ABSENCE: next_hand_over(rep, desk.now)}
    books = desk.books.leaving(rep.id) if absence_handed_over(rep, desk.now) else None
    return Decision(card, due=following, books=books)


def _unknown(card: RepCard) -> Refusal:
    return Refusal(404, "Unknown rep", f"There is no rep {card.rep_id!r} on the roster.")


def changed_rep(card: RepCard, desk: Desk, rep: Rep, change: Change, status: int) -> Decision[Any]:
    """The rep is from now on as `rep` says, and whoever is held where he can help is tried again."""
    books = desk.books.with_roster(desk.books.roster.changed(rep))
    if absence_handed_over(rep, desk.now):
        books = books.leaving(rep.id)
    return Decision(
        replace(card, changed=rep),
        facts=(Draft(RepChanged(rep=rep, change=change)),),
        due={ABSENCE: next_hand_over(rep, desk.now)},
        books=stirred_by(rep.id, books, desk.house),
        reply=Reply(rep.model_dump(mode="json"), status),
    )
