"""`manners:` in sla.yaml: what keeps follow-up from being a pest (F1, F4, F5, F9, F10, Q4)."""

from __future__ import annotations

from pydantic import Field

from baton.playbook.terms import Label, Span, Strict


class Manners(Strict):
    """Where follow-up becomes too much, and what is done for the person. All of it advises; nothing blocks."""

    self_service: tuple[Label, ...] = Field(
        default=(), description="Sources whose people get e-mail only until they wish otherwise."
    )
    offers: tuple[Label, ...] = Field(
        default=("offer", "proposal", "quote"),
        description="Purposes of touches, and stages, that mean an offer is out.",
    )
    answer_within: Span = Field(
        default=5 * 86_400, gt=0, description="How long it is the person's turn after an offer."
    )
    most_unanswered: int = Field(
        default=6, ge=1, description="Attempts in a row without an answer; each further one is excess."
    )
    gatekeeper_after: int = Field(default=4, ge=1, description="Touches after which authority should be confirmed.")
    most_reminders: int = Field(
        default=2, ge=1, description="Touches with nothing new after which stopping is proposed."
    )
    remind_homework: Span = Field(
        default=15 * 60, gt=0, description="How long before the meeting the person is reminded."
    )
