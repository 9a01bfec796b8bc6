"""What stays of earlier rounds, so that a long run needs no more memory than a round and a few hundred bytes a lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.reader import Said

Place = tuple[str, int]


@dataclass
class Rest:
    """The subjects that have come to rest: nothing new may be said about them, and their stores must not change."""

    subjects: set[str] = field(default_factory=set)
    said: set[int] = field(default_factory=set)
    """A hash of every fact about them: what is said again must be one of these."""
    fates: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    owners: dict[str, str | None] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)
    """How far the topics were read."""
    journaled: dict[str, int] = field(default_factory=dict)
    """How far the journals were read, by their ids."""

    def part(self, facts: Iterable[Said]) -> tuple[list[Said], list[Said]]:
        """Return the facts about others, and those about subjects at rest."""
        new: list[Said] = []
        old: list[Said] = []
        for fact in facts:
            (old if fact.subject in self.subjects else new).append(fact)
        return new, old

    def learn(
        self,
        facts: Sequence[Said],
        fates: Mapping[str, tuple[str | None, str | None]],
        owners: Mapping[str, str | None],
    ) -> None:
        """A round is over and was found right: its subjects are at rest."""
        for fact in facts:
            self.subjects.add(fact.subject)
            self.said.add(named(fact))
            place = (fact.topic, fact.lane)
            self.ends[place] = max(self.ends.get(place, 0), fact.offset + 1)
        self.fates.update(fates)
        self.owners.update(owners)


def named(fact: Said) -> int:
    """One number for all that makes the fact what it is."""
    return hash((fact.source, fact.subject, fact.sequence, fact.id, fact.digest))
