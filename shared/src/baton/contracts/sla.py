"""Facts published by sla-monitor on `leads.sla`: what was promised, and whether it was kept."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from baton.contracts.fact import SLA, Decided, Instant

Promise = Literal["first_response", "first_contact", "minimum_touches", "work_time"]


class _Promise(Decided):
    topic: ClassVar[str] = SLA
    promise: Promise = Field(description="Which promise of the policy (H6).")
    policy: str
    owner: str
    team: str | None = None
    attempt: int = Field(default=0, description="0 for the first owner of the round, then one more per reassignment.")
    started_at: Instant
    due_at: Instant


class SlaStarted(_Promise):
    """The clock of a promise runs."""

    type: ClassVar[str] = "sla.started"
    warn_at: Instant | None = None
    calendar_version: str


class SlaWarned(_Promise):
    """A share of the time is gone and nothing has happened. Once per promise and share."""

    type: ClassVar[str] = "sla.warned"
    warned_at: Instant
    per_cent: int | None = Field(default=None, description="Which of the policy's shares of the time is used up.")


class SlaMet(_Promise):
    """The promise was kept; `corrects` says that evidence arrived after a breach had been declared."""

    type: ClassVar[str] = "sla.met"
    met_at: Instant
    seconds: float = Field(description="From start to the deed, on the wall clock.")
    business_seconds: float = Field(description="From start to the deed, while the owner's calendar was open.")
    corrects: bool = False


class SlaBreached(_Promise):
    """The deadline passed without the deed. `late` when it was noticed long after (an outage)."""

    type: ClassVar[str] = "sla.breached"
    breached_at: Instant = Field(description="The deadline itself.")
    fired_at: Instant = Field(description="When Baton noticed.")
    late: bool = False


class SlaEscalated(_Promise):
    """A broken promise is still not kept: the next in the policy's chain is to know. Once per promise and step."""

    type: ClassVar[str] = "sla.escalated"
    step: int = Field(ge=1, description="Which step of the chain: 1, 2, 3 …")
    to: str = Field(description="owner, manager, team, or the id of a notice in targets.yaml.")
    escalated_at: Instant = Field(description="When the step was due.")
    fired_at: Instant = Field(description="When Baton noticed.")
    late: bool = False


class SlaPaused(_Promise):
    """The clock rests until a later date; `due_at` is the deadline that follows from it."""

    type: ClassVar[str] = "sla.paused"
    because: Literal["agreed"] = Field(description="agreed: both sides agreed on a later date.")
    paused_at: Instant
    until: Instant
    was: Instant = Field(description="The deadline before.")


class SlaResumed(_Promise):
    """The clock runs again."""

    type: ClassVar[str] = "sla.resumed"
    resumed_at: Instant


class SlaMoved(_Promise):
    """The deadline of a running clock is another: `due_at`, and `was` before."""

    type: ClassVar[str] = "sla.moved"
    was: Instant
    why: Literal["calendar"] = Field(description="calendar: the calendar it is counted by has changed.")
    calendar_version: str
    calendar_was: str = Field(description="The version by which it was counted before.")


class SlaWaived(_Promise):
    """The promise no longer binds (the person's wish, or the lead has left sales): never counted as a breach."""

    type: ClassVar[str] = "sla.waived"
    reason: str


class SlaStopped(_Promise):
    """A stop rule ended the follow-up (F2): names the rule and the count."""

    type: ClassVar[str] = "sla.stopped"
    rule: str
    reason: str
    touches: int
    then: Literal["recycle", "unreachable", "gone_dark"] = Field(
        default="unreachable",
        description="What the lead becomes: never in contact, in contact and silent, or worked long enough.",
    )
