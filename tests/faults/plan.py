"""Which faults happen when: everything follows from the seed, so that a schedule can be had again. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KILL, FREEZE, POSTGRES, BROKER, CUT, REPLAY = "kill", "freeze", "postgres", "broker", "cut", "replay"
WEIGHTS: Mapping[str, float] = {KILL: 50, FREEZE: 28, CUT: 8, REPLAY: 8, POSTGRES: 4, BROKER: 2}
"""Kills and stops of replicas are what happens most; each crash of a server costs everybody several seconds."""
TOPICS = ("leads.intake", "leads.scoring", "leads.routing", "leads.sla")


@dataclass(frozen=True, slots=True)
class Fault:
    """At so many seconds from the start, this happens to that; `seconds` until it is undone."""

    at: float
    kind: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.kind:8} {self.target:14} for {self.seconds:.2f} s"


def schedule(
    seed: int, seconds: float, gap: float, replicas: Sequence[str], services: Sequence[str], lease: float
) -> list[Fault]:
    """Return the faults of a run, one every `gap` seconds on average; each server crashes at least once."""
    chance = random.Random(seed)
    kinds: list[str] = []
    at, moments = 2.0, []
    while at < seconds:
        moments.append(at)
        kinds.append(chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0])
        at += chance.uniform(0.3, 1.7) * gap
    for kind, share in ((POSTGRES, 0.3), (BROKER, 0.55), (REPLAY, 0.75)):
        if kind not in kinds and kinds:
            kinds[int(len(kinds) * share)] = kind
    return [_fault(chance, at, kind, replicas, services, lease) for at, kind in zip(moments, kinds, strict=True)]


def _fault(
    chance: random.Random, at: float, kind: str, replicas: Sequence[str], services: Sequence[str], lease: float
) -> Fault:
    match kind:
        case "kill":
            return Fault(at, kind, chance.choice(replicas), chance.uniform(0.05, 1.5))
        case "freeze":
            return Fault(at, kind, chance.choice(replicas), lease + chance.uniform(0.3, 2.0))
        case "cut":
            return Fault(at, kind, chance.choice(services), 0.0)
        case "replay":
            return Fault(at, kind, chance.choice(TOPICS), 0.0)
    return Fault(at, kind, kind, chance.uniform(0.2, 1.5))
