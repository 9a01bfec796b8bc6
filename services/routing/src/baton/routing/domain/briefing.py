"""What a salesperson is told of a lead in words: who, why, what is known, what to talk about (H3, H4, Q10). Pure.

Talking points ask for challenges, initiatives and what holds them back, cite what the person did, and end with the
homework. They never say "problem", and never open with an offer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NOT_PROVIDED = "[not provided]"
"""What a CRM gets where it insists on a name nobody has given."""

MOST_LINES = 6
_CITED = {
    "download": "downloaded {what}",
    "form": "filled in {what}",
    "page_view": "looked at {what}",
    "email_click": "followed the link {what}",
    "event": "attended {what}",
    "webinar": "attended {what}",
    "demo_request": "asked for a demonstration",
}
Data = Mapping[str, Any]


def crm_names(data: Data) -> dict[str, Any]:
    """Return what templates know as `crm`: the values CRMs insist on, with the usual fallbacks, and texts to read."""
    contact = data.get("contact") or {}
    mailbox = str(contact.get("email") or "").partition("@")[0]
    return {
        "last_name": contact.get("last_name") or contact.get("full_name") or mailbox or NOT_PROVIDED,
        "company": contact.get("company") or contact.get("company_domain") or NOT_PROVIDED,
        "name": name_of(data),
        "title": title_of(data),
        "reasons": "\n".join(reasons(data)),
        "talking_points": "\n".join(talking_points(data)),
        "notes": notes(data),
    }


def name_of(data: Data) -> str:
    """Return what to call the person."""
    contact = data.get("contact") or {}
    parts = " ".join(part for part in (contact.get("first_name"), contact.get("last_name")) if part)
    return contact.get("full_name") or parts or contact.get("email") or contact.get("phone") or NOT_PROVIDED


def title_of(data: Data) -> str:
    """Return one line for a list: the person, and the company if known."""
    company = (data.get("contact") or {}).get("company")
    return f"{name_of(data)} – {company}" if company else name_of(data)


def reasons(data: Data) -> list[str]:
    """Return why the lead is held sales-ready, the heaviest reason first."""
    met = [why for why in data.get("why") or () if why.get("value") not in (False, None)]
    met.sort(key=lambda why: (-(why.get("points") or 0), why["criterion"]))
    return [why.get("label") or why["criterion"] for why in met[:MOST_LINES]]


def talking_points(data: Data) -> list[str]:
    """Return three to five lines for the first call."""
    company = (data.get("contact") or {}).get("company") or "your company"
    lines = []
    if did := last_deed(data.get("history") or ()):
        lines.append(f"You {did}: what made you look at it now?")
    else:
        lines.append("What has changed lately that made you look at this now?")
    lines.append(f"Which challenges is {company} working on this year, and which matters most to you?")
    lines.append("Which initiatives have you started on it, and what holds them back?")
    if missing := [item.get("label") or item["item"] for item in data.get("must_know") or () if item.get("missing")]:
        lines.append(f"Still to be learned: {'; '.join(missing[:3])}.")
    lines.append("Homework: ask them to pick the two or three points of the agenda that matter most before you meet.")
    return lines


def last_deed(history: Iterable[Data]) -> str | None:
    """Return the newest thing the person did, in words that follow "you"."""
    for item in history:
        if item.get("kind") == "activity":
            kind, _, what = str(item.get("what") or "").partition(" ")
            if kind in _CITED:
                return _CITED[kind].format(what=what or "something of ours")
            return f"showed interest ({item['what']})" if item.get("what") else None
    return None


def known(data: Data) -> list[str]:
    """Return the must-know list: each item with its value, or that it is missing (U8)."""
    lines = []
    for item in data.get("must_know") or ():
        value = item.get("value")
        lines.append(f"{item.get('label') or item['item']}: {'missing' if value is None else _said(value)}")
    return lines


def contact_lines(data: Data) -> list[str]:
    """Return how to reach the person (H3)."""
    contact = data.get("contact") or {}
    place = ", ".join(str(contact[part]) for part in ("city", "country") if contact.get(part))
    lines = [name_of(data), contact.get("job_title"), contact.get("company"), contact.get("phone")]
    return [str(line) for line in [*lines, contact.get("email"), place] if line]


def blocks(data: Data) -> list[tuple[str, Sequence[str]]]:
    """Return the whole briefing as headed lists; those with nothing in them are left out."""
    history = [f"{str(item['at'])[:10]} {item['what']}" for item in (data.get("history") or ())[:MOST_LINES]]
    score = data.get("score") or {}
    rank = [f"{score['total']:g} points, {data.get('temperature', 'unknown')}"] if "total" in score else []
    found = [
        ("Contact", contact_lines(data)),
        ("Why now", [*rank, *reasons(data)]),
        ("Known", known(data)),
        ("Talk about", talking_points(data)),
        ("Lately", history),
    ]
    return [(head, lines) for head, lines in found if lines]


def notes(data: Data) -> str:
    """Return the briefing as plain text."""
    return "\n\n".join("\n".join([f"{head}:", *(f"- {line}" for line in lines)]) for head, lines in blocks(data))


def _said(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)
