"""learned.json: a score learned from the house's own outcomes, as coefficients. Evaluated here in plain Python (pure).

`baton train` writes it; the method stands in docs/learned.md. A logistic regression: every field adds to the log-odds,
a field nobody knows adds nothing, and the sum of what the fields added is exactly what was said.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from baton.playbook.terms import FieldName, Label, Strict

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class HeldOut(Strict):
    """How it fared on the newest cases, which it had not seen, beside the rules."""

    since: str = Field(description="The first of them, by time or by the column that orders them.")
    cases: int = Field(ge=0)
    positives: int = Field(ge=0)
    auc: Share
    log_loss: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    calibration_error: Share
    rules_auc: Share = Field(description="Of the playbook's own score on the same cases.")
    better_by: tuple[Number, Number] = Field(description="95 % interval of how much more AUC it has than the rules.")


class LearnedField(Strict):
    """What a field adds to the log-odds.

    A number: straight lines between `points` of (value, log-odds), and the first and the last beyond them. A word or a
    truth: by `words`; one that is not listed adds nothing.
    """

    field: FieldName
    points: tuple[tuple[Number, Number], ...] = ()
    words: dict[str, Number] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if bool(self.points) == bool(self.words):
            raise ValueError("a field has either points or words")
        values = [value for value, _ in self.points]
        if any(later <= earlier for earlier, later in pairwise(values)):
            raise ValueError("points must rise in value")
        return self

    @cached_property
    def _values(self) -> list[float]:
        return [value for value, _ in self.points]

    def adds(self, value: Any) -> float | None:
        """Log-odds that this value adds; None where it says nothing, because it is no such value."""
        if self.words:
            return self.words.get(word_of(value)) if isinstance(value, str | bool) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        after = bisect_right(self._values, value)
        if after == 0 or after == len(self.points):
            return self.points[min(after, len(self.points) - 1)][1]
        (x0, y0), (x1, y1) = self.points[after - 1], self.points[after]
        return y0 + (y1 - y0) * (value - x0) / (x1 - x0)


class Learned(Strict):
    """A learned score: how likely a lead is to end well, given what was known when it was judged."""

    format: Literal[1] = 1
    label: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    outcome: Label = Field(description="What it predicts, in words.")
    cases: int = Field(ge=0, description="How many it has learned from.")
    intercept: Number = Field(description="Log-odds of a lead of which nothing is known.")
    fields: tuple[LearnedField, ...] = Field(min_length=1, max_length=500)
    held_out: HeldOut

    @property
    def is_on(self) -> bool:
        """Whether it counts: only once it has beaten the rules on cases newer than all it has learned from."""
        return self.held_out.better_by[0] > 0


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one field did to a prediction."""

    field: str
    value: Any
    log_odds: float

    @property
    def odds(self) -> float:
        """The factor by which the odds change: 2 doubles them, 0.5 halves them."""
        return math.exp(self.log_odds)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A probability and what made it, strongest first. `intercept` and the contributions sum to its log-odds."""

    probability: float
    intercept: float
    contributions: tuple[Contribution, ...]


def predict(learned: Learned, view: Mapping[str, Any]) -> Prediction:
    """How likely the lead is to end well. `view` is what `lead_view` gives: the known fields by name."""
    found = []
    for field in learned.fields:
        value = view.get(field.field)
        added = None if value is None else field.adds(value)
        if added:
            found.append(Contribution(field.field, value, added))
    found.sort(key=lambda one: (-abs(one.log_odds), one.field))
    # Summed in this order, so that the same lead has the same probability to the last digit anywhere.
    log_odds = learned.intercept + math.fsum(one.log_odds for one in found)
    return Prediction(logistic(log_odds), learned.intercept, tuple(found))


def logistic(log_odds: float) -> float:
    """The probability that has these log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)


def word_of(value: str | bool) -> str:
    """A text or a truth as `words` has it: without case and blanks at its ends."""
    return str(value).strip().casefold()
