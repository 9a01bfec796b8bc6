"""How the cost of a lead grows with lanes and with replicas: the same leads, the same machine, one thing changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench import cpu
from bench.roads import Road, baton, drain
from bench.table import Row, paired
from bench.world import opened_world

LEADS = 1000
LANES = (1, 4)
USUAL_LANES = 12


@dataclass
class Pace:
    """What runs through one set-up came to."""

    rates: list[float] = field(default_factory=list)
    """Leads a second."""
    used: list[dict[str, float]] = field(default_factory=list)
    """Processor ms a lead, by program."""

    def costs(self, *programs: str) -> list[float]:
        """Return processor ms a lead of these programs, or of everything."""
        return [sum(used[name] for name in programs or used) for used in self.used]


async def paces(road: Road, name: str, times: int) -> Pace:
    """Drain so often; return what came of each."""
    found = Pace()
    for number in range(times):
        before = cpu.spent(road.world)
        seconds = await drain(road, f"{name}-{number}", LEADS)
        used = cpu.between(before, cpu.spent(road.world))
        found.rates.append(LEADS / seconds)
        found.used.append({program: spent / LEADS * 1000 for program, spent in used.items()})
    return found


def compared(what: str, changed: Pace, usual: Pace) -> list[Row]:
    """Return rate and cost of a set-up beside those of the usual one, run by run."""
    rates = list(zip(changed.rates, usual.rates, strict=True))
    costs = list(zip(changed.costs(), usual.costs(), strict=True))
    return [
        paired(f"whole pipeline, {what}", "leads/s", None, rates),
        paired(f"whole pipeline, {what}, processor time", "ms/lead", "flat", costs),
    ]


async def measure(pairs: int) -> list[Row]:
    """Return the rows for 1 and 4 lanes and for two replicas, beside twelve lanes and one replica.

    Another number of lanes needs another broker, so runs do not alternate here: each set-up has its own, one after the
    other, and the n-th run of one stands beside the n-th of the other.
    """
    async with opened_world(USUAL_LANES) as world:
        async with baton(world) as road:
            usual = await paces(road, "usual", pairs)
        async with baton(world, replicas=2) as road:
            doubled = await paces(road, "doubled", pairs)
    rows = compared("2 replicas beside 1", doubled, usual)
    for lanes in LANES:
        async with opened_world(lanes) as world, baton(world) as road:
            rows += compared(f"{lanes} lanes beside {USUAL_LANES}", await paces(road, f"lanes{lanes}", pairs), usual)
    return rows
