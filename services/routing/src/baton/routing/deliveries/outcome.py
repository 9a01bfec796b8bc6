"""What became of one try. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from baton.runtime.outbound.client import Answer

Verdict = Literal["delivered", "rejected", "throttled", "unreachable", "gone", "broken"]
VERDICTS: tuple[Verdict, ...] = ("delivered", "rejected", "throttled", "unreachable", "gone", "broken")
THROTTLING = frozenset({429, 502, 504})
"""Standard Webhooks: the receiver is overwhelmed, leave it alone for a while."""

GONE = 410
_OWN_FAULT = frozenset({401, 403})
MOST_SAID = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended. `broken`: it could not be made at all, for a reason on our side."""

    verdict: Verdict
    status: int | None = None
    error: str | None = None
    wish: timedelta | None = None
    """How long the other side asks to be left alone."""
    concerns_all: bool = False
    """True if another delivery would most likely fare no better: the whole endpoint rests for a while."""
    is_final: bool = False
    """True if trying again cannot help."""


DELIVERED = Outcome("delivered")


def of_answer(answer: Answer, wish: timedelta | None) -> Outcome:
    """Return what an answer means. Only 2xx is success; a redirect is none."""
    status = answer.status
    if answer.is_success:
        return Outcome("delivered", status)
    error = said(answer)
    if status == GONE:
        return Outcome("gone", status, error)
    if status in THROTTLING or (status == 503 and wish is not None):
        return Outcome("throttled", status, error, wish, concerns_all=True)
    return Outcome("rejected", status, error, wish, concerns_all=not 400 <= status < 500 or status in _OWN_FAULT)


def said(answer: Answer) -> str:
    """Return the beginning of what was answered, for whoever looks why. It is wiped with the lead."""
    text = answer.body[: MOST_SAID * 4].decode("utf-8", "replace")
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MOST_SAID]
    return f"{answer.status} {shown}".strip()
