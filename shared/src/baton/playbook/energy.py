"""Energy and temperature from answers (Q1-Q5). Behaviour never sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baton.playbook.playbook import Playbook
    from baton.playbook.scoring import EnergyPart, Temperature, Thresholds


@dataclass(frozen=True)
class EnergyReading:
    """`points` is None and `temperature` unknown while a needed answer is missing:

    a short call is needed, nothing is cold.
    """

    points: float | None
    temperature: Temperature
    parts: dict[str, float]
    missing: tuple[str, ...] = ()


def energy_of(playbook: Playbook, answers: Mapping[str, Any] | None) -> EnergyReading:
    """Reads the answers by `scoring.energy`. An answer is its value or a mapping with `value`. Pure."""
    energy = playbook.scoring.energy
    values = {part.id: _value(part, (answers or {}).get(part.question)) for part in energy.parts}
    known = {name: value for name, value in values.items() if value is not None}
    missing = tuple(part.id for part in energy.parts if part.needed and values[part.id] is None)
    points = None if missing or not known else playbook.energy_formula.value(known)
    if points is None:
        return EnergyReading(None, "unknown", known, missing)
    # Rounded, so that the last bit of a library's arithmetic never decides.
    points = round(points, 6)
    return EnergyReading(points, _temperature(points, energy.temperature), known)


def _value(part: EnergyPart, answer: Any) -> float | None:
    given = answer.get("value") if isinstance(answer, Mapping) else answer
    if given is None:
        return None
    word = ("true" if given else "false") if isinstance(given, bool) else str(given).strip().casefold()
    return part.by_word.get(word)


def _temperature(points: float, at: Thresholds) -> Temperature:
    if points >= at.hot:
        return "hot"
    return "warm" if points >= at.warm else "cold"
