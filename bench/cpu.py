"""Processor time by program, read from /proc: where a lead's milliseconds go, nearly right on a busy machine too.

    python -m bench cpu --leads 4000

Postgres is told apart by database, so that what a service asks of its store stands beside the service. What the kernel
does on nobody's behalf (writing back, most of an fsync) is not in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from bench.world import World

TICK = os.sysconf("SC_CLK_TCK")
CLIENT = "client"
_BACKEND = re.compile(r"postgres: \S+ (\S+) 127\.0\.0\.1")


def spent(world: World) -> dict[str, float]:
    """Return the processor seconds used so far, by program: each service, each database, Kafka, and this client."""
    found = {name: _seconds(process.pid) for name, process in world.running.items()}
    found["kafka"] = _seconds(world.kafka.pid() or 0)
    found |= _databases(int((world.postgres.data / "postmaster.pid").read_text().split()[0]))
    found[CLIENT] = _seconds(os.getpid())
    return found


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was used from one `spent` to the next."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def _databases(postmaster: int) -> dict[str, float]:
    """Backends by database; what has ended meanwhile, and the writers in the background, as `postgres`."""
    found: dict[str, float] = {}
    ended = _seconds(postmaster, with_children=True)
    for pid in _children(postmaster):
        try:
            named = _BACKEND.match(Path(f"/proc/{pid}/cmdline").read_text())
            label = f"postgres {named[1]}" if named else "postgres"
            found[label] = found.get(label, 0.0) + _seconds(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    found["postgres"] = found.get("postgres", 0.0) + ended
    return found


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pid: int, *, with_children: bool = False) -> float:
    """User and system time of a process, with that of children it has reaped if asked for. 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_children else 13])) / TICK


def table(leads: int, runs: Mapping[str, Mapping[str, float]]) -> str:
    """Return ms a lead by program, one column a run (`leads` leads each); sums last."""
    names = sorted({name for used in runs.values() for name in used})
    lines = [("processor ms a lead", *runs)]
    lines += [(name, *(_milliseconds(used.get(name, 0.0), leads) for used in runs.values())) for name in names]
    lines += [("all together", *(_milliseconds(sum(used.values()), leads) for used in runs.values()))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _milliseconds(seconds: float, leads: int) -> str:
    return f"{seconds / leads * 1000:.3f}" if seconds else ""
