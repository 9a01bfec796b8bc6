"""Which of the things said about a round decides it: the latest by event time, in whatever order they came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

MarkKind = Literal[
    "accepted", "opportunity", "disqualified", "stopped", "unreachable", "recycle", "lost", "won", "junk"
]
Fate = Literal[
    "suspect", "test", "qualified", "held", "routed", "accepted", "opportunity", "won", "lost", "junk", "disqualified",
    "recycled", "merged",
]  # fmt: skip

_ORDER: tuple[MarkKind, ...] = (
    "accepted", "opportunity", "disqualified", "stopped", "unreachable", "recycle", "lost", "won", "junk",
)  # fmt: skip
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
_FATE: dict[MarkKind, Fate] = {
    "accepted": "accepted", "opportunity": "opportunity", "disqualified": "disqualified", "stopped": "recycled",
    "unreachable": "recycled", "recycle": "recycled", "lost": "lost", "won": "won", "junk": "junk",
}  # fmt: skip

OPEN: frozenset[Fate] = frozenset({"qualified", "held", "routed", "accepted", "opportunity"})
WORKED: frozenset[Fate] = frozenset({"routed", "accepted", "opportunity"})
"""States in which a lead counts as load of its owner."""


class Mark(BaseModel):
    """Something said about a lead that can decide its round. `sequence` is intake's, for statuses."""

    model_config = ConfigDict(frozen=True)

    kind: MarkKind
    at: datetime
    sequence: int | None = None
    reason: str | None = None
    then: Literal["recycle", "unreachable", "gone_dark"] | None = None
    look_again_at: datetime | None = None
    detail: Any = None


def belongs(mark: Mark, intake_sequence: int, statuses_from: datetime | None) -> bool:
    """True if the mark speaks of the round these two describe (docs/lifecycle.md), and not of an earlier one."""
    in_order = mark.sequence is None or mark.sequence > intake_sequence
    return in_order and (statuses_from is None or mark.at > statuses_from)


def deciding(marks: Sequence[Mark]) -> Mark | None:
    """The mark that decides: junk before all, else the latest, at the same time the one that weighs more."""
    return max(marks, key=lambda mark: (mark.kind == "junk", mark.at, _RANK[mark.kind]), default=None)


def fate_of(mark: Mark) -> Fate:
    """The state in which the mark leaves the lead."""
    return _FATE[mark.kind]
