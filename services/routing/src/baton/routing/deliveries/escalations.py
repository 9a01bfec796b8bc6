"""What people are told when a broken promise is still not kept: which one, whose it is, since when (H6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from baton.contracts import SlaEscalated
from baton.routing import store
from baton.routing.deliveries.letters import Letter
from baton.routing.domain.books import Books
from baton.routing.domain.briefing import name_of, title_of
from baton.routing.tables import Tables

_PROMISES = {
    "first_response": "first attempt",
    "first_contact": "first contact",
    "minimum_touches": "minimum of touches",
}


def is_escalation(letter: Letter) -> bool:
    """True if it is no hand-off, but a promise that was broken."""
    return letter.type == SlaEscalated.type


def with_names(tx: Connection, tables: Tables, books: Books, letter: Letter) -> Letter:
    """Return the letter with the owner as the roster has him, and the contact as it now is: the fact has ids only."""
    rep = str(letter.data["owner"])
    owner: dict[str, Any] = {"id": rep, "name": rep, "zone": "UTC"}
    if rep in books.roster.reps:
        owner = books.roster.owner(rep).model_dump(mode="json", exclude_none=True)
    seen = store.load_leads(tx, tables, [letter.lead_id])[letter.lead_id].qualified
    contact = seen.contact.model_dump(mode="json", exclude_none=True) if seen is not None else {}
    data = {**letter.data, "owner": owner, "contact": contact}
    return Letter(letter.id, letter.type, letter.lead_id, letter.time, letter.sequence, letter.source, data)


def subject_of_escalation(letter: Letter) -> str:
    """Return one line: what was not done, and with whom."""
    return f"Overdue: {_promise(letter)}, {title_of(letter.data)}"


def lines_of_escalation(letter: Letter) -> list[str]:
    """Return what is to know, a line each."""
    owner = letter.data["owner"]
    team = f" ({owner['team']})" if owner.get("team") else ""
    due = datetime.fromisoformat(letter.data["due_at"]).astimezone(ZoneInfo(owner["zone"]))
    return [
        f"The {_promise(letter)} of {name_of(letter.data)} was due {due:%a %d %b %Y %H:%M} ({owner['zone']}).",
        f"It was promised by {owner['name']}{team}, and is not done yet.",
        f"Policy {letter.data['policy']}, step {letter.data['step']}: {letter.data['to']}.",
    ]


def escalation_notice(letter: Letter) -> dict[str, Any]:
    """Return what a plain webhook is told."""
    named = ("promise", "policy", "step", "to", "due_at", "escalated_at", "owner", "contact")
    lines = "\n".join(lines_of_escalation(letter))
    return {**{name: letter.data[name] for name in named}, "name": name_of(letter.data), "text": lines}


def _promise(letter: Letter) -> str:
    return _PROMISES.get(letter.data["promise"], str(letter.data["promise"]).replace("_", " "))
