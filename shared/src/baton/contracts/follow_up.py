"""Facts published by sla-monitor on `leads.sla` beside the promises: what was too much, and homework that is out."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from baton.contracts.fact import PERSONAL, SLA, Decided, Instant


class _FollowUp(Decided):
    topic: ClassVar[str] = SLA
    owner: str | None = Field(default=None, description="Who has the lead; null before it was handed to sales.")
    team: str | None = None
    attempt: int = Field(default=0, description="0 for the first owner of the round, then one more per reassignment.")


class FollowUpExcessive(_FollowUp):
    """A touch above the plan or against the person's wish (F4). Said once, when it is heard; it blocks nothing."""

    type: ClassVar[str] = "follow_up.excessive"
    reason: Literal["no_contact", "channel", "agreed_date", "interval", "not_ready", "unanswered"] = Field(
        description="The weightiest: the person's wish, the date or interval agreed on, back with marketing, no answer."
    )
    rep: str = Field(description="Who made the touch.")
    channel: str
    touched_at: Instant
    unanswered: int = Field(ge=0, description="Attempts in a row without an answer, this one included.")


class _Homework(_FollowUp):
    set_at: Instant
    due_at: Instant | None = None
    meeting_at: Instant | None = None
    task: str | None = Field(default=None, json_schema_extra=PERSONAL)


class HomeworkReminded(_Homework):
    """The meeting is near and the homework is still out: the person is reminded now, by whoever writes to him (Q4)."""

    type: ClassVar[str] = "homework.reminded"


class HomeworkOverdue(_Homework):
    """Homework is not back: `late` once its time is over, `not_returned` once the meeting has come (Q4)."""

    type: ClassVar[str] = "homework.overdue"
    state: Literal["late", "not_returned"]
