"""Pieces of sentences: lists, times, spans, and the reasons of a decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from baton.contracts import Reason

NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})


class Line(NamedTuple):
    """One line of the journey. `tone` is good, bad, warn, accent or plain; `who` is a rep's id."""

    what: str
    why: str | None = None
    tone: str = "plain"
    who: str | None = None
    detail: Mapping[str, Any] = NOTHING_MORE


_ANSWERS = {True: "Yes", False: "No", None: "Unknown"}


def reasons(why: Iterable[Reason]) -> str:
    """Say which criteria held, which did not and which nobody could judge."""
    groups: dict[str, list[str]] = {"Yes": [], "No": [], "Unknown": []}
    for reason in why:
        value = reason.value
        if value is None or value is True or value is False:
            groups[_ANSWERS[value]].append(reason.label or reason.criterion)
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
    return f"{at.isoformat(' ', 'minutes')[:16]} UTC"


def dated(at: datetime) -> str:
    return at.date().isoformat()


def spanned(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} seconds"
