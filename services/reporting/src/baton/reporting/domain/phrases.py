"""Pieces of sentences: lists, times, spans, and the reasons of a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baton.contracts import Reason


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journey. `tone` is good, bad, warn, accent or plain; `who` is a rep's id."""

    what: str
    why: str | None = None
    tone: str = "plain"
    who: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def reasons(why: Iterable[Reason]) -> str:
    """Say which criteria held, which did not and which nobody could judge."""
    groups: dict[str, list[str]] = {"Yes": [], "No": [], "Unknown": []}
    for reason in why:
        if reason.value is None or isinstance(reason.value, bool):
            groups[{True: "Yes", False: "No", None: "Unknown"}[reason.value]].append(reason.label or reason.criterion)
        elif reason.points:
            groups["Yes"].append(f"{reason.label or reason.criterion} ({reason.points:+g})")
    return " ".join(f"{answer}: {listed(names)}." for answer, names in groups.items() if names)


def labelled(criteria: Iterable[str], why: Iterable[Reason]) -> str:
    labels = {reason.criterion: reason.label or reason.criterion for reason in why}
    return listed(labels.get(criterion, criterion) for criterion in criteria)


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def valued(value: Any) -> str:
    return "nothing" if value is None else str(value)


def timed(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def dated(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def spanned(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} seconds"
