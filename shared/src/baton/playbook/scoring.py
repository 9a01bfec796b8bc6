"""scoring.yaml: fit, interest and energy (Q1-Q5), and the one order they give (U4)."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from baton.playbook.definition import ActivityMatch
from baton.playbook.terms import Cel, FieldName, Id, Label, Strict

Meaning = Literal["buying", "neutral", "not_buying"]
Temperature = Literal["hot", "warm", "cold", "unknown"]


class FitRule(Strict):
    """Points for what the lead is. Negative points are allowed."""

    id: Id
    label: Label
    when: Cel
    points: int = Field(ge=-1000, le=1000)


class Signal(Strict):
    """What an activity says (F7). Its weight halves every `half_life_days`; neutral ones usually weigh 0."""

    id: Id
    label: Label
    event: ActivityMatch
    meaning: Meaning
    weight: float = Field(ge=-1000, le=1000, allow_inf_nan=False)
    half_life_days: float = Field(gt=0, le=3650, allow_inf_nan=False)
    at_most: float | None = Field(default=None, gt=0, description="All events of this signal together give no more.")


class EnergyPart(Strict):
    """An answer turned into a number. A word that is not listed counts as not asked."""

    id: FieldName
    label: Label
    question: str = Field(min_length=1, description="The key under `answers`.")
    values: dict[str, float] = Field(min_length=1)
    needed: bool = Field(default=False, description="Without this answer energy and temperature are unknown (Q5).")

    @cached_property
    def by_word(self) -> dict[str, float]:
        """`values` as they are looked up."""
        return {text.strip().casefold(): value for text, value in self.values.items()}


class Thresholds(Strict):
    """Energy at or above `hot` is hot, at or above `warm` is warm, below is cold."""

    hot: float
    warm: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warm >= self.hot:
            raise ValueError("warm must be below hot")
        return self


class Energy(Strict):
    """Energy from answers only: behaviour never sets it (Q5)."""

    parts: tuple[EnergyPart, ...] = Field(min_length=1)
    formula: Cel = Field(description="CEL over the part ids, all doubles; an optional part without an answer is 0.0.")
    temperature: Thresholds


class Scoring(Strict):
    """`score` is CEL over the doubles `fit`, `interest`, `energy` (0.0 if unknown), `points` (weighed criteria) and
    `learned` (the learned score's chance in per cent, 0.0 while there is none that counts)."""

    fit: tuple[FitRule, ...] = ()
    signals: tuple[Signal, ...] = ()
    interest_at_most: float = Field(default=100.0, gt=0)
    energy: Energy
    score: Cel = "fit + interest + energy + points"
