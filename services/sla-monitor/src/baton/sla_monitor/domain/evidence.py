"""What is known of one lead, in the SLA monitor's own words. Order of arrival leaves no trace in it (D4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator

from baton.values import changed

Ended = Literal["owner_changed", "held", "recycled"]


@dataclass(frozen=True, slots=True, order=True)
class Touch:
    """One contact attempt, at the time it happened."""

    at: datetime
    channel: str
    outgoing: bool
    reached: bool
    rep: str = ""
    purpose: str = ""
    outcome: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Status:
    """What the CRM said, at the time it happened; `sequence` is its place among intake's facts of this lead."""

    at: datetime
    status: str
    sequence: int
    stage: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Wish:
    """The person's word on how he may be approached (F1)."""

    at: datetime
    calls: bool
    contact: bool
    told_of: str = ""
    """The absorbed lead it was known of; empty where it was said of this one."""
    channels: tuple[str, ...] = ()
    """Those that were named; what is stored of older wishes names none."""
    pace: int = 0
    """Seconds between two contacts, where the wish is about that and nothing else."""


@dataclass(frozen=True, slots=True, order=True)
class Homework:
    """A task for the person was set, or something came back: `set`, `returned`, `returned_with_colleague`."""

    at: datetime
    state: str
    task: str = ""
    due_at: datetime | None = field(default=None, compare=False)
    meeting_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Agreement:
    """Both sides agreed `at` some time to speak again `until` then, and not before."""

    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, order=True)
class Disqualification:
    """Scoring closed this round."""

    round: int
    at: datetime


@dataclass(frozen=True, slots=True, order=True)
class Merge:
    """The lead went on as another one; `sequence` is the place of that among intake's facts of this lead."""

    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain that a broken promise goes up: whom it goes to, business seconds after the deadline."""

    to: str
    after: int


Shares = Annotated[tuple[int, ...], BeforeValidator(lambda kept: (kept,) if isinstance(kept, int) else kept)]
"""Rising shares of the time, in per cent. What is stored of older hand-offs has one number."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the policy asked for when the lead was handed over; a later playbook does not change a running clock."""

    warn_at: Shares = (80,)
    escalate: tuple[Step, ...] = ()
    calls: int = 0
    emails: int = 0
    stop_touches: int | None = None
    stop_after: int | None = None
    stop_reason: str = "never_reached"
    work_for: int | None = None
    work_then: Literal["recycle", "unreachable"] = "recycle"
    work_reason: str = "worked_out"
    rests_for: int | None = None
    """Seconds that an agreed date makes the clocks rest at most; None: they do not."""

    @property
    def limits_work(self) -> bool:
        """True if the policy says when to stop."""
        return any(limit is not None for limit in (self.stop_touches, self.stop_after, self.work_for))


@dataclass(frozen=True)
class HandOff:
    """One owner's turn with a lead: `lead.routed` is attempt 0 of its round, each `lead.reassigned` one more."""

    round: int
    attempt: int
    owner: str
    team: str | None
    policy: str
    started_at: datetime
    terms: Terms
    intake_sequence: int = 0
    marks_from: datetime | None = None
    """Statuses up to then do not count: they closed the round before, or somebody claimed the lead by hand."""
    caused_at: datetime | None = None
    restored_sequence: int = 0
    """Merges up to this one of intake's facts had been undone when it began."""
    email_only: bool = False
    """The person served himself so far: no calls, until he wishes otherwise (F1)."""
    ended_at: datetime | None = None
    ended_by: Ended | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything heard about a lead that can start, meet or end a clock. Sequences are sorted by event time."""

    hand_offs: tuple[HandOff, ...] = ()
    touches: tuple[Touch, ...] = ()
    statuses: tuple[Status, ...] = ()
    wishes: tuple[Wish, ...] = ()
    answers: tuple[datetime, ...] = ()
    disqualified: tuple[Disqualification, ...] = ()
    engaged_at: datetime | None = None
    merges: tuple[Merge, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    homework: tuple[Homework, ...] = ()
    told: tuple[tuple[datetime, str], ...] = ()
    """Of which homework, by when it was set, what timers have told."""
    source: str = ""
    account: str = ""

    def handed_over(self, hand_off: HandOff) -> Evidence:
        """Return it with one more turn; whoever had the lead in this round has lost it."""
        ended = tuple(
            _ended(turn, hand_off.started_at, "owner_changed") if turn.round == hand_off.round else turn
            for turn in self.hand_offs
        )
        turns = sorted((*ended, hand_off), key=lambda turn: (turn.round, turn.attempt))
        return changed(self, hand_offs=tuple(turns))

    def taken_away(self, round_: int, at: datetime, by: Ended) -> Evidence:
        """Return it with the round's open turn ended by routing; itself if there is none."""
        if not any(turn.round == round_ and turn.ended_at is None for turn in self.hand_offs):
            return self
        turns = tuple(_ended(turn, at, by) if turn.round == round_ else turn for turn in self.hand_offs)
        return changed(self, hand_offs=turns)

    def has(self, round_: int, attempt: int) -> bool:
        """True if this turn is known."""
        return any(turn.round == round_ and turn.attempt == attempt for turn in self.hand_offs)


def _ended(turn: HandOff, at: datetime, by: Ended) -> HandOff:
    if turn.ended_at is not None:
        return turn
    return changed(turn, ended_at=max(at, turn.started_at), ended_by=by)
