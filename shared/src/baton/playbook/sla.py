"""sla.yaml: what sales promises to do with a lead, and by when (H6), and when to stop (F2)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from baton.playbook.terms import BusinessTime, Id, Label, Span, Strict


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


class Policy(Strict):
    """One service level. Business time runs in the owner's calendar unless `calendar` names one."""

    id: Id
    label: Label
    calendar: Id = "owner"
    first_attempt: BusinessTime = Field(gt=0)
    warn_at: int = Field(
        default=80, ge=1, le=99, description="Per cent of the time used when the one warning is given."
    )
    first_contact: BusinessTime | None = Field(default=None, gt=0)
    touches: MinimumTouches | None = None
    stop: StopRule | None = None
    after_work: AfterWork | None = None
    on_breach: Literal["reassign", "keep"] = "reassign"


class Sla(Strict):
    """The policies rules may name."""

    policies: tuple[Policy, ...] = Field(min_length=1)

    def policy(self, policy_id: str) -> Policy:
        """The policy with this id. Raises KeyError."""
        return {policy.id: policy for policy in self.policies}[policy_id]
