"""The whole way of a lead beside the bare relay: rate, processor time, hand-off latency, and what services weigh."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

from bench import cpu, handoff
from bench.roads import Road, drain, on
from bench.table import Row, paired, single
from bench.world import SERVICES, opened_world

LEADS = 4000
HAND_OFF_SECONDS = 6.0
SETTLED_SECONDS = 3.0
WAYS = ("idle, one at a time", "at 10/s", "at a third of capacity")
Found = dict[str, list[float]]


async def measure(pairs: int) -> list[Row]:
    """Alternate Baton and the bare relay, each alone on the machine."""
    baton: Found = defaultdict(list)
    relay: Found = defaultdict(list)
    third = 0.0
    async with opened_world() as world:
        for number in range(pairs):
            for name, found in (("baton", baton), ("relay", relay)):
                async with on(name, world) as road:
                    await asyncio.sleep(SETTLED_SECONDS)
                    _weigh(road, found, "idle")
                    await _whole(road, found, number)
                    third = third or found["rate"][0] / 3
                    _weigh(road, found, "under load")
                    await _hand_offs(road, found, number, third)
    return [*_rates(baton, relay), *_latencies(baton, relay, third), *_weights(baton)]


async def _whole(road: Road, found: Found, number: int) -> None:
    before = cpu.spent(road.world)
    seconds = await drain(road, f"whole{number}", LEADS)
    used = cpu.between(before, cpu.spent(road.world))
    found["rate"].append(LEADS / seconds)
    found["processor"].append(sum(used.values()) / LEADS * 1000)


async def _hand_offs(road: Road, found: Found, number: int, third: float) -> None:
    ways = (
        await handoff.one_at_a_time(road, f"idle{number}", HAND_OFF_SECONDS),
        await handoff.at_rate(road, f"ten{number}", 10.0, HAND_OFF_SECONDS),
        await handoff.at_rate(road, f"third{number}", third, HAND_OFF_SECONDS),
    )
    for way, waits in zip(WAYS, ways, strict=True):
        median, slow = handoff.percentiles(waits)
        found[f"p50, {way}"].append(median)
        found[f"p99, {way}"].append(slow)


def _weigh(road: Road, found: Found, when: str) -> None:
    for service in SERVICES:
        if service in road.world.running:
            found[f"{when}: {service}"].append(resident_mebibytes(road.world.running[service].pid, when))


def resident_mebibytes(pid: int, when: str) -> float:
    """Return what a process holds in memory: at this moment, or `under load` the most it ever held."""
    field = "VmHWM" if when == "under load" else "VmRSS"
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def _rates(baton: Found, relay: Found) -> list[Row]:
    label = "whole pipeline, received → routed → SLA open → reported"
    rates = list(zip(baton["rate"], relay["rate"], strict=True))
    times = list(zip(baton["processor"], relay["processor"], strict=True))
    return [
        paired(label, "leads/s", "≥ 1000, ≥ 50 % of the bare relay", rates),
        paired("whole pipeline, processor time of everything", "ms/lead", None, times),
    ]


def _latencies(baton: Found, relay: Found, third: float) -> list[Row]:
    targets = {"p50": None, "p99": "≤ 3 × the bare relay's, < 1000"}
    return [
        paired(f"hand-off {cut}, {way}", "ms", target, list(zip(baton[key], relay[key], strict=True)))
        for way in WAYS
        for cut, target in targets.items()
        for key in [f"{cut}, {way}"]
    ] + [single("that third of capacity", "leads/s", None, [third])]


def _weights(baton: Found) -> list[Row]:
    return [
        single(f"resident memory {when}: {service}", "MiB", target, baton[f"{when}: {service}"])
        for when, target in (("idle", "≤ 100"), ("under load", "≤ 150"))
        for service in SERVICES
    ]
