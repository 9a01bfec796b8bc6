"""What the score is made of: each part with the points it brings to the total, strongest first, in words (U4).

A part brings what the total would lose without it, by the playbook's own formulas, whatever they are. So the parts of a
sum add up to it, and what a cap cuts off is said to bring nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from baton.playbook import Playbook, energy_of, interest_of, signals_of
from baton.playbook.wording import said
from baton.scoring.domain.judge import Judgement
from baton.scoring.domain.person import Person


@dataclass(frozen=True, slots=True)
class Contribution:
    """One part of the score. `kind` is the word of the formula it belongs to, such as fit or interest."""

    kind: str
    id: str
    label: str
    brings: float
    says: str


def contributions_of(playbook: Playbook, person: Person, judgement: Judgement, now: datetime) -> list[Contribution]:
    """Every part that was found, the strongest first, whether it adds or takes away."""
    found = [*_rules(playbook, judgement), *_signals(playbook, person, judgement, now)]
    found += [*_energy(playbook, person, judgement), *_learned(playbook, judgement)]
    return sorted(found, key=lambda part: (-abs(part.brings), part.kind, part.id))


def _rules(playbook: Playbook, judgement: Judgement) -> Iterator[Contribution]:
    numbers = judgement.numbers
    for kind, rules, verdicts in (
        ("points", playbook.definition.criteria, playbook.criteria.judge(judgement.view)),
        ("fit", playbook.scoring.fit, playbook.fit.judge(judgement.view)),
    ):
        for rule in rules:
            if rule.points and verdicts[rule.id].is_true:
                brings = _brings(playbook, numbers, kind, numbers[kind] - rule.points)
                yield Contribution(kind, rule.id, rule.label, brings, f"{rule.label}: {rule.points:+d} {kind}")


def _signals(playbook: Playbook, person: Person, judgement: Judgement, now: datetime) -> Iterator[Contribution]:
    readings = signals_of(playbook.scoring, list(person.all_activity), now)
    for reading in readings:
        signal = reading.signal
        without = interest_of(playbook.scoring, [other for other in readings if other is not reading])
        brings = _brings(playbook, judgement.numbers, "interest", without)
        times = "once" if reading.events == 1 else f"{reading.events} times"
        fresh = f"{signal.weight:+g} each when fresh, halves every {said(signal.half_life_days)} days"
        capped = "" if signal.at_most is None else f", at most {signal.at_most:g}"
        says = f"{signal.label}, {times}: {reading.value:+g} interest now ({fresh}{capped})"
        yield Contribution("interest", signal.id, signal.label, brings, says)


def _energy(playbook: Playbook, person: Person, judgement: Judgement) -> Iterator[Contribution]:
    reading = energy_of(playbook, person.all_answers)
    if reading.points is None:
        return
    labels = {part.id: part.label for part in playbook.scoring.energy.parts}
    for part, value in reading.parts.items():
        without = playbook.energy_formula.value({**reading.parts, part: 0.0}) or 0.0
        brings = _brings(playbook, judgement.numbers, "energy", without)
        lost = reading.points - without
        says = f"{labels[part]}: {value:g}, without which energy would be {without:g} in place of {reading.points:g}"
        if lost:
            yield Contribution("energy", part, labels[part], brings, says)


def _learned(playbook: Playbook, judgement: Judgement) -> Iterator[Contribution]:
    """The learned score, where the formula counts it; `why` says what it is made of."""
    chance = judgement.numbers.get("learned", 0.0)
    brings = _brings(playbook, judgement.numbers, "learned", 0.0)
    if brings:
        yield Contribution("learned", "learned", "Learned from the own history", brings, f"A chance of {chance:.0f} %")


def _brings(playbook: Playbook, numbers: Mapping[str, float], kind: str, without: float) -> float:
    total = playbook.score_formula.value(numbers) or 0.0
    less = playbook.score_formula.value({**numbers, kind: without}) or 0.0
    return round(total - less, 2)
