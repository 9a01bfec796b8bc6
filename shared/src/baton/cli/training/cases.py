"""What is learned from: leads as they stood when they were judged, and what came of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

HELD_OUT: Final = 0.3
"""Share of the newest cases on which a learned score is judged; it never sees them before."""


@dataclass(frozen=True, slots=True)
class Case:
    """One lead at the moment of its decision."""

    order: str | float
    """What sorts it by time."""
    view: Mapping[str, Any]
    """The definition's fields that were known then."""
    criteria: Mapping[str, bool | None]
    """By criterion of the definition: met, not met, unknown."""
    rules: float
    """The playbook's own score then."""
    ended_well: bool
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of a file: every column as it is written."""


@dataclass(frozen=True, slots=True)
class Split:
    """Cases in the order of time: the older ones are learned from, the newer ones judged on."""

    older: Sequence[Case]
    newer: Sequence[Case]

    @property
    def since(self) -> str:
        """The first of the newer ones, as text."""
        first = self.newer[0].order
        return f"{first:.15g}" if isinstance(first, float) else first


def split(cases: Sequence[Case]) -> Split:
    """Oldest 70 % and newest 30 %."""
    ordered = sorted(cases, key=lambda case: case.order)
    cut = int(len(ordered) * (1 - HELD_OUT))
    return Split(ordered[:cut], ordered[cut:])


def outcomes(cases: Sequence[Case]) -> list[bool]:
    """What came of each."""
    return [case.ended_well for case in cases]
