"""Whether a lead's round is open, by docs/lifecycle.md: what was said of it, by event time, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from baton.values import changed

Mark = Literal["accepted", "opportunity", "disqualified", "recycled", "lost", "won", "junk"]
Standing = Literal["none", "open", "accepted", "opportunity", "disqualified", "recycled", "lost", "won", "junk"]

_ORDER: tuple[Mark, ...] = ("accepted", "opportunity", "disqualified", "recycled", "lost", "won", "junk")
_BY_STATUS: dict[str, Mark] = {
    "accepted": "accepted",
    "opportunity": "opportunity",
    "won": "won",
    "lost": "lost",
    "junk": "junk",
}
MOST_MARKS = 50


@dataclass(frozen=True, slots=True)
class Said:
    """Something said of a round. `sequence` is intake's, for statuses; None for what services decided."""

    mark: Mark
    at: str
    sequence: int | None = None
    look_again_at: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Round:
    """The current round: number, from which statuses on it counts, and all that was said of it."""

    number: int = 0
    intake_sequence: int = 0
    statuses_from: str | None = None
    said: tuple[Said, ...] = field(default=())

    @property
    def deciding(self) -> Said | None:
        """Junk before all, else the latest; at the same time the one later in the list of docs/lifecycle.md."""
        mine = [said for said in self.said if self._belongs(said)]
        return max(mine, key=lambda said: (said.mark == "junk", said.at, _ORDER.index(said.mark)), default=None)

    @property
    def standing(self) -> Standing:
        """What the round has come to; "open" while nothing was said, "none" before the first."""
        if self.number == 0:
            return "none"
        said = self.deciding
        return "open" if said is None else said.mark

    @property
    def is_open(self) -> bool:
        """True while sales may work the lead."""
        return self.standing in ("open", "accepted", "opportunity")

    @property
    def closed_at(self) -> str | None:
        """When it was closed; None while it is open."""
        said = self.deciding
        return None if self.is_open or said is None else said.at

    def _belongs(self, said: Said) -> bool:
        in_order = said.sequence is None or said.sequence > self.intake_sequence
        return in_order and (self.statuses_from is None or said.at > self.statuses_from)


def opened(number: int, intake_sequence: int, statuses_from: str | None) -> Round:
    """Return a fresh round."""
    return Round(number, intake_sequence, statuses_from)


def with_said(current: Round, said: Said) -> Round:
    """Return the round with one more thing said; the same thing said twice counts once."""
    if said in current.said:
        return current
    return changed(current, said=tuple(_newest([*current.said, said])))


def reopened(current: Round, statuses_from: str | None) -> Round:
    """Return the round after somebody took the lead by hand: what was said up to then is put away."""
    if statuses_from is None or (current.statuses_from is not None and statuses_from <= current.statuses_from):
        return current
    return changed(current, statuses_from=statuses_from)


def mark_of(status: str) -> Mark | None:
    """Return what a status says of a round. Recycle and unreachable say nothing here: routing answers with a fact."""
    return _BY_STATUS.get(status)


def _newest(said: Sequence[Said]) -> list[Said]:
    return sorted(said, key=lambda item: (item.mark == "junk", item.at))[-MOST_MARKS:]
