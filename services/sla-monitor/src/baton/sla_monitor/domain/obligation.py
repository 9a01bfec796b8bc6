"""A promise with a clock: what the store keeps and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Promise = Literal["first_response", "first_contact", "minimum_touches", "work_time"]
PROMISES: tuple[Promise, ...] = ("first_response", "first_contact", "minimum_touches", "work_time")
State = Literal["open", "at_risk", "met", "breached", "waived", "stopped"]
STATES: tuple[State, ...] = ("open", "at_risk", "met", "breached", "waived", "stopped")
RUNNING: frozenset[State] = frozenset({"open", "at_risk"})
Key = tuple[int, int, Promise]


@dataclass(frozen=True)
class Obligation:
    """One promise to one owner's turn. Exactly one state at a time; `at_risk` is open with the warning given."""

    round: int
    attempt: int
    promise: Promise
    policy: str
    owner: str
    team: str | None
    calendar: str | None
    """Whose hours count; None: the clock on the wall."""
    calendar_version: str
    started_at: datetime
    due_at: datetime
    warn_at: datetime
    state: State = "open"
    warned_at: datetime | None = None
    expired_at: datetime | None = None
    """The deadline that passed unmet; differs from `due_at` once that has moved."""
    closed_at: datetime | None = None
    """When it was met, waived or stopped; of a breached one, when the deed was done after all."""
    reason: str | None = None
    rule: str | None = None
    touches: int = 0
    becomes: Literal["recycle", "unreachable", "gone_dark"] | None = None
    seconds: float | None = None
    business_seconds: float | None = None

    @property
    def key(self) -> Key:
        """Round, attempt and promise: unique within a lead."""
        return (self.round, self.attempt, self.promise)

    @property
    def runs(self) -> bool:
        """True while the promise is neither kept nor broken nor void."""
        return self.state in RUNNING
