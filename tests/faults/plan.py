"""Which faults happen when: everything follows from the seed, so that a schedule can be had again. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KILL, FREEZE, LEAVE, STORM, CLOCK = "kill", "freeze", "leave", "storm", "clock"
POSTGRES, BROKER, CUT, REPLAY = "postgres", "broker", "cut", "replay"
SLOW, TEAR, HALVE, DROP = "slow", "tear", "halve", "drop"
WEIGHTS: Mapping[str, float] = {
    KILL: 52, FREEZE: 22, LEAVE: 4, CLOCK: 4, CUT: 3, REPLAY: 3, TEAR: 3, HALVE: 2, SLOW: 3, DROP: 1.5,
    POSTGRES: 3.3, BROKER: 1.7, STORM: 1,
}  # fmt: skip
"""Kills and stops of replicas are what happens most; each crash of a server costs everybody several seconds, and a
storm stops a whole service three times over."""
AT_LEAST_ONCE = (POSTGRES, TEAR, STORM, CLOCK, BROKER, SLOW, REPLAY, DROP, HALVE, LEAVE, CUT)
TOPICS = ("leads.intake", "leads.scoring", "leads.routing", "leads.sla")
WAYS = ("kafka", "postgres")
IN_PAIRS = ("intake", "scoring", "routing")
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """At so many seconds from the start, this happens to that; `seconds` until it is undone."""

    at: float
    kind: str
    target: str
    seconds: float
    much: float = 0.0
    """How bad it is, from 0 to 1, where that can be told."""

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.kind:8} {self.target:14} for {self.seconds:.2f} s, {self.much:.2f}"


def schedule(
    seed: int, seconds: float, gap: float, replicas: Sequence[str], services: Sequence[str], lease: float
) -> list[Fault]:
    """Return the faults of a run, one every `gap` seconds on average; each kind at least once if there is room."""
    chance = random.Random(seed)
    kinds: list[str] = []
    at, moments = 1.0, []
    while at < seconds:
        moments.append(at)
        kinds.append(chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0])
        at += chance.uniform(0.3, 1.7) * gap
    for number, kind in enumerate(AT_LEAST_ONCE, start=1):
        if kind not in kinds and kinds:
            # Early enough to be over when the others are; never in the place of another that must happen.
            place = int(len(kinds) * 0.85 * number / len(AT_LEAST_ONCE))
            kinds[next((n for n in range(place, len(kinds)) if kinds[n] in (KILL, FREEZE)), place)] = kind
    return [_fault(chance, at, kind, replicas, services, lease) for at, kind in zip(moments, kinds, strict=True)]


def _fault(
    chance: random.Random, at: float, kind: str, replicas: Sequence[str], services: Sequence[str], lease: float
) -> Fault:
    targets = {
        KILL: replicas, FREEZE: replicas, LEAVE: replicas, CLOCK: replicas, CUT: services, STORM: IN_PAIRS,
        REPLAY: TOPICS, SLOW: WAYS, TEAR: WAYS, HALVE: WAYS, DROP: WAYS,
    }  # fmt: skip
    longer_than_a_lease = (lease + 0.3, lease + 2.0)
    lasting = {
        KILL: (0.05, 1.0), LEAVE: (0.05, 1.0), POSTGRES: (0.0, 1.0), BROKER: (0.0, 1.0),
        FREEZE: longer_than_a_lease, DROP: longer_than_a_lease, STORM: (lease + 0.3, lease + 0.5),
        CLOCK: (3.0, 10.0), SLOW: (2.0, 6.0),
    }  # fmt: skip
    target = chance.choice(targets.get(kind, (kind,)))
    return Fault(at, kind, target, chance.uniform(*lasting.get(kind, (0.0, 0.0))), chance.random())
