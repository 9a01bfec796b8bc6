"""Fitting: a logistic regression with ridge penalty, its strength chosen and its chances calibrated on newer cases.

The only place that needs scikit-learn; what it ships is coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from baton.cli.training.cases import Case, outcomes
from baton.cli.training.design import Design, design
from baton.cli.training.measures import log_loss
from baton.playbook.definition import LeadField
from baton.playbook.learned import LearnedField, logistic

Numbers = NDArray[np.float64]

STRENGTHS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Inverse strength of the penalty, weakest last."""
FOLDS: Final = (0.4, 0.55, 0.7, 0.85)
"""Shares of the older cases after which the next stretch is foretold from those before it."""
ROUNDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Fitted:
    """Coefficients: log-odds of a lead of which nothing is known, and what each field adds."""

    intercept: float
    fields: tuple[LearnedField, ...]
    strength: float
    of_no_use: tuple[str, ...]
    """Fields without which newer cases were foretold no worse."""


def fit(fields: Sequence[LeadField], cases: Sequence[Case]) -> Fitted:
    """Learn from cases in the order of time. Raises ValueError where no field says anything."""
    stretches = _stretches(fields, cases)
    names = {part.name for stretch in stretches for part in stretch.made.parts}
    if not names:
        raise ValueError("no field has enough different values to learn from")
    strength, _ = _strongest(stretches, names)
    used = _of_use(stretches, names, strength)
    strength, said = _strongest(stretches, used)
    slope, shift = _platt(said, [truth for stretch in stretches for truth in stretch.truths_then])
    made = design([field for field in fields if field.name in used], [case.view for case in cases])
    model = _Model.of(_rows(made, cases), outcomes(cases), strength)
    learned = made.learned([slope * weight for weight in model.weights])
    return Fitted(round(slope * model.intercept + shift, 6), tuple(learned), strength, tuple(sorted(names - used)))


@dataclass(frozen=True, slots=True)
class _Model:
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def of(cls, rows: Numbers, truths: Sequence[bool], strength: float) -> _Model:
        regression = LogisticRegression(C=strength, max_iter=ROUNDS, solver="newton-cholesky")
        regression.fit(rows, np.array(truths))
        return cls(tuple(map(float, regression.coef_[0])), float(regression.intercept_[0]))

    def log_odds(self, rows: Numbers) -> list[float]:
        return [float(one) for one in rows @ np.array(self.weights) + self.intercept]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some newer cases, to be foretold from all before them, as it would have been in use."""

    made: Design
    rows: Numbers
    truths: Sequence[bool]
    rows_then: Numbers
    truths_then: Sequence[bool]

    def foretold(self, names: Set[str], strength: float) -> list[float]:
        """Log-odds of the newer cases by these fields alone."""
        columns = [part.name in names for part in self.made.parts for _ in part.columns]
        if not any(columns):
            return [0.0] * len(self.truths_then)
        return _Model.of(self.rows[:, columns], self.truths, strength).log_odds(self.rows_then[:, columns])


def _stretches(fields: Sequence[LeadField], cases: Sequence[Case]) -> list[_Stretch]:
    cuts = [int(len(cases) * share) for share in (*FOLDS, 1.0)]
    found = []
    for start, end in pairwise(cuts):
        before, then = cases[:start], cases[start:end]
        made = design(fields, [case.view for case in before])
        found.append(_Stretch(made, _rows(made, before), outcomes(before), _rows(made, then), outcomes(then)))
    return found


def _rows(made: Design, cases: Sequence[Case]) -> Numbers:
    return np.array([made.row(case.view) for case in cases]).reshape(len(cases), -1)


def _strongest(stretches: Sequence[_Stretch], names: Set[str]) -> tuple[float, list[float]]:
    """The strength that foretells newer cases best, and what it said of them; of equals the stronger penalty."""
    said = {strength: _said(stretches, names, strength) for strength in STRENGTHS}
    best = min(STRENGTHS, key=lambda strength: (_loss(stretches, said[strength]), strength))
    return best, said[best]


def _of_use(stretches: Sequence[_Stretch], names: Set[str], strength: float) -> Set[str]:
    """Fields are left out one by one, each time the one without which newer cases are foretold best."""
    used, loss = set(names), _loss(stretches, _said(stretches, names, strength))
    while len(used) > 1:
        without = {name: _loss(stretches, _said(stretches, used - {name}, strength)) for name in sorted(used)}
        worst = min(without, key=lambda name: (without[name], name))
        if without[worst] > loss:
            break
        used.remove(worst)
        loss = without[worst]
    return used


def _said(stretches: Sequence[_Stretch], names: Set[str], strength: float) -> list[float]:
    return [one for stretch in stretches for one in stretch.foretold(names, strength)]


def _loss(stretches: Sequence[_Stretch], said: Sequence[float]) -> float:
    truths = [truth for stretch in stretches for truth in stretch.truths_then]
    return log_loss(truths, [logistic(one) for one in said])


def _platt(said: Sequence[float], truths: Sequence[bool]) -> tuple[float, float]:
    """Platt's slope and shift: what was said of newer cases made to agree with what came of them."""
    platt = LogisticRegression(C=1e6, max_iter=ROUNDS)
    platt.fit(np.array(said).reshape(-1, 1), np.array(truths))
    return float(platt.coef_[0][0]), float(platt.intercept_[0])
