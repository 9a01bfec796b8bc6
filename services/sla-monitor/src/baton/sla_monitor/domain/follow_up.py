"""How long a person waited for sales: from the hand-off of the round to the first attempt, and to the first contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from baton.sla_monitor.domain.course import Course
from baton.sla_monitor.domain.evidence import Evidence, HandOff
from baton.sla_monitor.domain.hours import Hours
from baton.sla_monitor.domain.obligation import Key, Obligation

Deed = Literal["attempt", "contact"]


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """The first attempt, or the first contact, of a round; `team` is that of whoever owned the lead then."""

    deed: Deed
    team: str | None
    seconds: float
    business_seconds: float


def newly_followed_up(
    before: Evidence,
    after: Evidence,
    obligations: Mapping[Key, Obligation],
    hours: Mapping[str | None, Hours],
) -> list[FollowedUp]:
    """Return the first deeds that `after` knows and `before` did not: each is measured once.

    Business time is that of whoever did it. One that turns out later to have been earlier is not measured again.
    """
    if not after.touches or (after.touches is before.touches and after.hand_offs is before.hand_offs):
        return []
    fresh: list[FollowedUp] = []
    for turn in {turn.round: turn for turn in reversed(after.hand_offs)}.values():
        began = Course(after, turn).next_round_began
        for deed in ("attempt", "contact"):
            at = _first(after, turn, deed, began)
            if at is not None and _first(before, turn, deed, Course(before, turn).next_round_began) is None:
                owner = _owner_at(after, turn.round, at)
                clock = obligations.get((owner.round, owner.attempt, "first_response"))
                zone = Course(after, owner).rested(hours[clock.calendar if clock else None])
                waited = max(0.0, (at - turn.started_at).total_seconds())
                fresh.append(FollowedUp(deed, owner.team, waited, max(0.0, zone.between(turn.started_at, at))))
    return fresh


def _first(evidence: Evidence, turn: HandOff, deed: Deed, end: datetime | None) -> datetime | None:
    if not evidence.has(turn.round, turn.attempt):
        return None
    start = turn.started_at.replace(microsecond=0)
    inside = (t for t in evidence.touches if start <= t.at and (end is None or t.at < end))
    return next((t.at for t in inside if deed == "attempt" or t.reached), None)


def _owner_at(evidence: Evidence, round_: int, at: datetime) -> HandOff:
    turns = [turn for turn in evidence.hand_offs if turn.round == round_]
    return max((turn for turn in turns if turn.started_at <= at), key=lambda turn: turn.attempt, default=turns[0])
