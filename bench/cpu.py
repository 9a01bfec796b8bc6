"""Processor time by program, read from /proc: where a lead's milliseconds go, nearly right on a busy machine too.

    python -m bench cpu --leads 4000

Postgres is told apart by database, so that what a service asks of its store stands beside the service. What the kernel
does on nobody's behalf (writing back, most of an fsync) is not in it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import traffic
from bench.roads import drain, on
from bench.world import World

TICK = os.sysconf("SC_CLK_TCK")
IDLE_SECONDS = 5.0
_BACKEND = re.compile(r"postgres: \S+ (\S+) 127\.0\.0\.1")
Column = tuple[str, Mapping[str, float]]


def spent(world: World) -> dict[str, float]:
    """Return the processor seconds used so far, by program: each service, each database, Kafka, and this client."""
    found = {name: seconds_of(process.pid) for name, process in world.running.items()}
    found["kafka"] = seconds_of(world.kafka.pid() or 0)
    found |= _databases(int((world.postgres.data / "postmaster.pid").read_text().split()[0]))
    found["client"] = seconds_of(os.getpid())
    return found


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was used from one `spent` to the next."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def _databases(postmaster: int) -> dict[str, float]:
    """Backends by database; what has ended meanwhile, and the writers in the background, as `postgres`."""
    found: dict[str, float] = {}
    ended = seconds_of(postmaster, with_children=True)
    for pid in _children(postmaster):
        try:
            named = _BACKEND.match(Path(f"/proc/{pid}/cmdline").read_text())
            label = f"postgres {named[1]}" if named else "postgres"
            found[label] = found.get(label, 0.0) + seconds_of(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    found["postgres"] = found.get("postgres", 0.0) + ended
    return found


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def seconds_of(pid: int, *, with_children: bool = False) -> float:
    """User and system time of a process, with that of children it has reaped if asked for. 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_children else 13])) / TICK


async def measure(world: World, amount: int) -> str:
    """Return two tables, of Baton and the bare relay side by side: processor milliseconds, and traffic, by lead."""
    used: list[Column] = []
    moved: list[Column] = []
    for name in ("baton", "relay"):
        async with on(name, world) as road:
            before = spent(world)
            await asyncio.sleep(IDLE_SECONDS)
            used.append((f"{name}, an idle second", _each(before, spent(world), IDLE_SECONDS / 1000)))
            traffic_before, before = await traffic.so_far(world), spent(world)
            seconds = await drain(road, "processor", amount)
            used.append((f"{name}, a lead at {amount / seconds:.0f}/s", _each(before, spent(world), amount / 1000)))
            moved.append((f"{name}, a lead", traffic.each(traffic_before, await traffic.so_far(world), amount)))
    return table("processor ms", used, with_sum=True) + "\n\n" + table("traffic", moved)


def _each(before: Mapping[str, float], after: Mapping[str, float], number: float) -> dict[str, float]:
    return {name: used / number for name, used in between(before, after).items() if used >= 2 / TICK}


def table(title: str, columns: Sequence[Column], *, with_sum: bool = False) -> str:
    """Return the columns side by side; a service and the stage of the bare relay that stands for it share a line."""
    named = [{_plain(name): value for name, value in found.items()} for _, found in columns]
    names = sorted({name for found in named for name in found})
    lines = [(title, *(head for head, _ in columns))]
    lines += [(name, *(f"{found[name]:.3f}" if name in found else "" for found in named)) for name in names]
    if with_sum:
        lines.append(("all together", *(f"{sum(found.values()):.3f}" for found in named)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _plain(name: str) -> str:
    for theirs, plain in (("bare-", ""), ("bare_", ""), ("bare.", "leads."), ("sla-monitor", "sla"), ("_monitor", "")):
        name = name.replace(theirs, plain)
    return name
