"""sla.yaml: what sales promises to do with a lead, and by when (H6), and when to stop (F2)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from baton.playbook.manners import Manners
from baton.playbook.terms import BusinessTime, Id, Label, Span, Strict

PerCent = Annotated[int, Field(ge=1, le=99)]
Warnings = Annotated[
    tuple[PerCent, ...],
    Field(min_length=1, max_length=9),
    BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else (given,)),
    PlainSerializer(lambda shares: shares[0] if len(shares) == 1 else list(shares), return_type=Any),
]
"""Per cent of the time used when a warning is given: one number, or several that rise."""


class MinimumTouches(Strict):
    """The guaranteed minimum of attempts by channel, counted from the hand-off."""

    call: int = Field(default=0, ge=0)
    email: int = Field(default=0, ge=0)
    within: Span


class StopRule(Strict):
    """Declares a lead dead after so many unanswered touches or so long without contact, whichever is first."""

    touches: int | None = Field(default=None, ge=1)
    after: Span | None = None
    reason: Id


class AfterWork(Strict):
    """How long a lead is worked and what happens then: it goes back to marketing under `reason`."""

    work_for: Span
    then: Literal["recycle", "unreachable"]
    reason: Id


class EscalationStep(Strict):
    """Who is told of a broken promise that stays broken: `owner`, `manager`, `team`, or a notice by its id."""

    to: Id
    after: BusinessTime = Field(default=0, description="Business time since the deadline.")


class Pause(Strict):
    """Whether clocks rest until the date on which both sides agreed to speak again, and how long at most."""

    agreed: bool = True
    at_most: Span = Field(default=90 * 86_400, gt=0)


class Policy(Strict):
    """One service level. Business time runs in the owner's calendar unless `calendar` names one."""

    id: Id
    label: Label
    calendar: Id = "owner"
    first_attempt: BusinessTime = Field(gt=0)
    warn_at: Warnings = (80,)
    first_contact: BusinessTime | None = Field(default=None, gt=0)
    touches: MinimumTouches | None = None
    stop: StopRule | None = None
    after_work: AfterWork | None = None
    on_breach: Literal["reassign", "keep"] = "reassign"
    escalate: tuple[EscalationStep, ...] = Field(default=(), max_length=10)
    pause: Pause = Pause()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(later <= sooner for sooner, later in pairwise(self.warn_at)):
            raise ValueError("warn_at: each share of the time is greater than the one before")
        if any(later.after < sooner.after for sooner, later in pairwise(self.escalate)):
            raise ValueError("escalate: no step comes before the one above it")
        return self


class Sla(Strict):
    """The policies rules may name."""

    policies: tuple[Policy, ...] = Field(min_length=1)
    manners: Manners = Manners()

    def policy(self, policy_id: str) -> Policy:
        """The policy with this id. Raises KeyError."""
        return {policy.id: policy for policy in self.policies}[policy_id]
