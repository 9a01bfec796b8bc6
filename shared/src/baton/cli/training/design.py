"""From what was known of leads to columns of numbers, and from weights of columns back to what a field adds. Pure.

A field nobody knows is nought in all its columns, and the columns of a field have the mean nought over those where it
is known: so whether a field was filled in says nothing, only what stands in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from baton.playbook.definition import LeadField
from baton.playbook.learned import LearnedField, word_of

FEWEST: Final = 20
"""Cases that must have a word, or a field at all, before anything is made of it."""
MOST_WORDS: Final = 50
QUANTILES: Final = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Where the line of a number may bend, in shares of the cases in which it is not its commonest value."""

USABLE: Final = ("string", "int", "double", "bool")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the design. `scaled` is (value - mean) / deviation, over the cases where the field is known."""

    mean: float
    deviation: float

    def scaled(self, value: float) -> float:
        return (value - self.mean) / self.deviation


@dataclass(frozen=True, slots=True)
class Words:
    """A word or truth: one column for each that is common enough; the others add nothing."""

    name: str
    words: tuple[str, ...]
    columns: tuple[Column, ...]

    def row(self, value: Any) -> list[float]:
        said = word_of(value) if isinstance(value, str | bool) else None
        if said not in self.words:
            return [0.0] * len(self.words)
        return [column.scaled(float(word == said)) for word, column in zip(self.words, self.columns, strict=True)]

    def learned(self, weights: Sequence[float]) -> LearnedField:
        added = {word: math.fsum(w * x for w, x in zip(weights, self.row(word), strict=True)) for word in self.words}
        return LearnedField(field=self.name, words={word: round(value, 6) for word, value in added.items()})


@dataclass(frozen=True, slots=True)
class Line:
    """A number: a line that may bend at `knots`; beyond the first and the last it is level."""

    name: str
    knots: tuple[float, ...]
    columns: tuple[Column, ...]

    def row(self, value: Any) -> list[float]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [0.0] * len(self.columns)
        return [column.scaled(part) for part, column in zip(parts_of(self.knots, value), self.columns, strict=True)]

    def learned(self, weights: Sequence[float]) -> LearnedField:
        heights = [math.fsum(w * x for w, x in zip(weights, self.row(knot), strict=True)) for knot in self.knots]
        points = tuple((knot, round(height, 6)) for knot, height in zip(self.knots, heights, strict=True))
        return LearnedField(field=self.name, points=points)


Part = Words | Line


@dataclass(frozen=True, slots=True)
class Design:
    """The fields that are learned from, and how."""

    parts: tuple[Part, ...]

    def row(self, view: Mapping[str, Any]) -> list[float]:
        """The numbers of one lead."""
        return [number for part in self.parts for number in part.row(view.get(part.name))]

    def learned(self, weights: Sequence[float]) -> list[LearnedField]:
        """What each field adds, by the weights of the columns."""
        found, at = [], 0
        for part in self.parts:
            found.append(part.learned(weights[at : at + len(part.columns)]))
            at += len(part.columns)
        return found


def design(fields: Sequence[LeadField], views: Sequence[Mapping[str, Any]]) -> Design:
    """How these fields are read, by what stands in the cases that are learned from; without those that say nothing."""
    made = (_part(field, [view[field.name] for view in views if field.name in view]) for field in fields)
    return Design(tuple(part for part in made if part is not None))


def _part(field: LeadField, known: list[Any]) -> Part | None:
    if len(known) < FEWEST or field.type not in USABLE:
        return None
    if field.type in ("int", "double"):
        return _line(field.name, [float(value) for value in known])
    return _words(field.name, [word_of(value) for value in known])


def _words(name: str, said: list[str]) -> Words | None:
    common = [(word, n) for word, n in Counter(said).most_common(MOST_WORDS) if n >= FEWEST]
    if not common or common[0][1] > len(said) - FEWEST:
        return None  # all but always the same
    words = tuple(sorted(word for word, _ in common))
    total = len(said)
    counts = Counter(said)
    columns = tuple(_column(counts[word] / total, counts[word] / total) for word in words)
    return Words(name, words, columns)


def _line(name: str, known: list[float]) -> Line | None:
    commonest, often = Counter(known).most_common(1)[0]
    rest = sorted(value for value in known if value != commonest)
    if len(rest) < FEWEST or often > len(known) - FEWEST:
        return None
    bends = {rest[min(len(rest) - 1, int(len(rest) * share))] for share in QUANTILES}
    knots = tuple(sorted({rest[0], commonest, *bends}))
    rows = [parts_of(knots, value) for value in known]
    columns = []
    for at in range(len(knots) - 1):
        values = [row[at] for row in rows]
        mean = math.fsum(values) / len(values)
        columns.append(_column(mean, math.fsum(value * value for value in values) / len(values)))
    return Line(name, knots, tuple(columns))


def _column(mean: float, mean_of_squares: float) -> Column:
    return Column(mean, math.sqrt(max(mean_of_squares - mean * mean, 1e-9)))


def parts_of(knots: Sequence[float], value: float) -> list[float]:
    """How much of each stretch between two knots lies below the value, 0 … 1."""
    return [min(1.0, max(0.0, (value - low) / (high - low))) for low, high in pairwise(knots)]
