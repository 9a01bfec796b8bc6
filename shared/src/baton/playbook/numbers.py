"""What the score's formula is about: fit, interest, energy, points and the learned score, as numbers (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from baton.playbook.conditions import Verdict
from baton.playbook.energy import EnergyReading
from baton.playbook.learned import Prediction
from baton.playbook.playbook import Playbook
from baton.playbook.signals import SignalReading, interest_of


def score_numbers(
    playbook: Playbook,
    criteria: Mapping[str, Verdict],
    fit: Mapping[str, Verdict],
    readings: list[SignalReading],
    energy: EnergyReading,
    prediction: Prediction | None = None,
) -> dict[str, float]:
    """The numbers by the names the formula uses. What is unknown is 0.0; `learned` is in per cent."""
    return {
        "fit": float(sum(rule.points for rule in playbook.scoring.fit if fit[rule.id].is_true)),
        "interest": interest_of(playbook.scoring, readings),
        "energy": energy.points or 0.0,
        "points": float(sum(one.points for one in playbook.definition.criteria if criteria[one.id].is_true)),
        "learned": 0.0 if prediction is None else 100 * prediction.probability,
    }
