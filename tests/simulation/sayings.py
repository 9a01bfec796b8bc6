"""What people may say, and the words by which it is found again."""

from __future__ import annotations

from typing import Any

ANSWERS: tuple[dict[str, Any], ...] = (
    {"product": "planning", "cause": "told", "problem": "none", "horizon": "3_months", "will_talk": True},
    {"product": "planning", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True},
    {"product": "slotting", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True},
    {"product": "labour", "cause": "told", "horizon": "6_months"},
    {},
)
QUESTIONS: tuple[tuple[str, Any], ...] = (
    ("horizon", "now"),
    ("will_talk", True),
    ("cause", "event"),
    ("wish.channel", "email"),
    ("justification.cause", "They told me."),
)
FORMS = ("demo", "contact", "newsletter")
COUNTRIES = ("DE", "DE", "US", "GB", "SE", "JP")
REPS = ("anna", "jonas", "maja", "lukas", "olivia", "callum", "niamh", "grace", "diego", "tyler")
STATUSES: tuple[dict[str, Any], ...] = (
    {"status": "accepted"},
    {"status": "opportunity", "stage": "demo"},
    {"status": "recycle", "reason": "no_cause"},
    {"status": "unreachable", "reason": "never_reached"},
    {"status": "junk", "reason": "never_fits"},
    {"status": "lost", "reason": "unknown"},
    {"status": "won", "value": 12000.0, "currency": "EUR"},
)


def word_of(number: int) -> str:
    """A word that stands nowhere by chance."""
    return f"qzx{number:015x}"


def named(lead: dict[str, Any]) -> dict[str, str]:
    """A reference to the lead by its id at its source."""
    return {"system": str(lead["source"]), "id": str(lead["external_id"])}
