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
    """When the next warning is due; that of the last one once all are given."""
    state: State = "open"
    warned_at: datetime | None = None
    warned: int = 0
    """The greatest share of the time that was warned of, in per cent."""
    at_risk_from: datetime | None = None
    """When that share of the time is used up; None while nobody was warned."""
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
    escalated: int = 0
    """How many steps of the chain are done."""
    escalate_at: datetime | None = None
    """When the next step is due; None while there is none to take."""
    allowed: float | None = None
    """Business seconds that there were at the hand-off; None for what is counted on the wall."""
    was_due_at: datetime | None = None
    """The deadline before its calendar changed."""
    is_declared: bool = False
    """It was said to be broken: that is never said again."""
    promised_at: datetime | None = None
    """The deadline without pauses."""
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    """The end of the last pause."""
    resumed_at: datetime | None = None
    """The pause that ended then is over; differs from `paused_until` while the clock rests."""

    @property
    def key(self) -> Key:
        """Round, attempt and promise: unique within a lead."""
        return (self.round, self.attempt, self.promise)

    @property
    def turn(self) -> tuple[int, int]:
        """Round and attempt: whose promise it is."""
        return (self.round, self.attempt)

    @property
    def runs(self) -> bool:
        """True while the promise is neither kept nor broken nor void."""
        return self.state in RUNNING

    @property
    def rests(self) -> bool:
        """True until a timer has told that the pause is over."""
        return self.runs and self.paused_until is not None and self.paused_until != self.resumed_at

    @property
    def wants_warning(self) -> bool:
        """True while a warning is still to be given."""
        return self.runs and (self.at_risk_from is None or self.warn_at > self.at_risk_from)
