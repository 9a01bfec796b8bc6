"""Processor time by program, read from /proc: where a lead's milliseconds go, nearly right on a busy machine too.

    python -m bench cpu --leads 4000

Postgres is told apart by database, so that what a service asks of its store stands beside the service. What the kernel
does on nobody's behalf (writing back, most of an fsync) is not in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


def table(runs: Sequence[Run]) -> str:
    """Return milliseconds by program, one column a run; programs of another pipeline are left out."""
    names = sorted({name for run in runs for name in run.used if run.concerns(name)})
    lines = [("processor ms", *(run.title for run in runs))]
    lines += [(name, *(run.cell(name) for run in runs)) for name in names]
    lines += [("all of these", *(f"{sum(map(run.share, names)):.3f}" for run in runs))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


@dataclass(frozen=True)
class Run:
    """What one run used: `used` seconds by program, divided by `number` leads, or seconds where nothing was sent."""

    title: str
    used: Mapping[str, float]
    number: float
    concerns: Callable[[str], bool]
    """Which programs belong to it: the other pipeline's are idle then, and not its cost."""

    def share(self, name: str) -> float:
        """Return milliseconds of the program, each."""
        return self.used.get(name, 0.0) / self.number * 1000 if self.concerns(name) else 0.0

    def cell(self, name: str) -> str:
        """Return `share` as people read it."""
        return f"{self.share(name):.3f}" if self.concerns(name) else ""
