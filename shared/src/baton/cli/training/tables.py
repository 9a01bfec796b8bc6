"""What the own history says of the definition (H9) and of deals (D2): with intervals, silent where few. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from baton.cli.training.cases import Case
from baton.cli.training.measures import Interval, difference
from baton.playbook.definition import Criterion

FEWEST: Final = 20
"""Cases on each side below which a line only says how many there were."""


@dataclass(frozen=True, slots=True)
class Side:
    """Cases on one side of a line, and how many of them ended well."""

    cases: int
    well: int

    @property
    def share(self) -> float | None:
        return self.well / self.cases if self.cases else None


@dataclass(frozen=True, slots=True)
class Line:
    """With against without; `gain` is the 95 % interval of the difference of the shares, None where too few to say."""

    id: str
    label: str
    with_it: Side
    without: Side
    unknown: int
    gain: Interval | None

    @property
    def verdict(self) -> str:
        """predicts, predicts the opposite, does not predict, too few."""
        if self.gain is None:
            return "too few"
        if self.gain[0] > 0:
            return "predicts"
        return "predicts the opposite" if self.gain[1] < 0 else "does not predict"


def criteria(definition: Sequence[Criterion], cases: Sequence[Case]) -> list[Line]:
    """Which criteria of the definition predicted a good end, and which did not."""
    lines = []
    for criterion in definition:
        known = [(case.criteria.get(criterion.id), case.ended_well) for case in cases]
        lines.append(_line(criterion.id, criterion.label, known))
    return lines


@dataclass(frozen=True, slots=True)
class Deal:
    """One that was won or lost: what was known when it came to each stage, in the order in which it came to them."""

    won: bool
    known_at: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class StageLine:
    """A detail at a stage."""

    stage: str
    detail: str
    line: Line

    @property
    def words(self) -> str | None:
        """What it says, where it says anything: without the detail deals go nowhere."""
        if self.line.verdict != "predicts" or self.line.without.share is None or self.line.with_it.share is None:
            return None
        return (
            f"without {self.detail} at {self.stage}, {self.line.without.share:.0%} are won; "
            f"with it {self.line.with_it.share:.0%}"
        )


def stages(deals: Sequence[Deal]) -> list[StageLine]:
    """What won deals knew by which stage (D2)."""
    order = list(dict.fromkeys(stage for deal in deals for stage in deal.known_at))
    found = []
    for stage in order:
        there = [deal for deal in deals if stage in deal.known_at]
        for detail in sorted({one for deal in there for one in deal.known_at[stage]}):
            known = [(detail in deal.known_at[stage], deal.won) for deal in there]
            found.append(StageLine(stage, detail, _line(detail, detail, known)))
    return found


def _line(id_: str, label: str, known: Iterable[tuple[bool | None, bool]]) -> Line:
    counts = {True: [0, 0], False: [0, 0], None: [0, 0]}
    for value, well in known:
        counts[value][well] += 1
    with_it, without = (Side(sum(counts[value]), counts[value][1]) for value in (True, False))
    enough = min(with_it.cases, without.cases) >= FEWEST
    gain = difference(with_it.well, with_it.cases, without.well, without.cases) if enough else None
    return Line(id_, label, with_it, without, sum(counts[None]), gain)
