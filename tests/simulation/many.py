"""Many runs: `python -m tests.simulation.many --seconds 600`, or `--seeds 100000 --jobs 2 --out result.json`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import sqlalchemy

from baton.runtime.observe import baton_version, set_up_logs
from tests.simulation.run import Outcome, simulate

CHUNK = 20
"""Seeds that a process takes at once: about two seconds' work."""
CHUNKS_A_PROCESS = 250
"""Then another process takes its place, so that nothing that piles up can fill the memory."""
TELL_SECONDS = 30.0
FAILURES = Path("var/simulation-failures.txt")


@dataclass
class Totals:
    """What came of many seeds."""

    seeds: int = 0
    facts: int = 0
    leads: int = 0
    timers: int = 0
    processor_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        self.facts += outcome.facts
        self.leads += outcome.leads
        self.timers += outcome.timers
        self.faults.update(outcome.faults)
        if not outcome.is_good:
            self.failures.append({"seed": outcome.seed, "digest": outcome.digest, "wrong": list(outcome.wrong)})

    def take_in(self, other: Totals) -> None:
        """Count the runs of another."""
        self.seeds += other.seeds
        self.facts += other.facts
        self.leads += other.leads
        self.timers += other.timers
        self.processor_seconds += other.processor_seconds
        self.faults.update(other.faults)
        self.failures += other.failures

    def __str__(self) -> str:
        rate = self.seeds / self.processor_seconds * 60 if self.processor_seconds else 0
        troubles = self.faults.total()
        said = f"{self.seeds} seeds, {self.facts} facts, {troubles} troubles, {len(self.failures)} bad"
        return f"{said}; {rate:.0f} seeds a minute of processor time"


def in_time(first: int, seconds: float) -> Iterator[Outcome]:
    """Yield the outcomes of the seeds from `first` on, in this process, until the time is over."""
    until = time.monotonic() + seconds
    for seed in count(first):
        if time.monotonic() >= until:
            return
        yield simulate(seed)


def _chunk(seeds: range) -> Totals:
    set_up_logs("critical")
    began = time.process_time()
    totals = Totals()
    for seed in seeds:
        totals.add(simulate(seed))
    totals.processor_seconds = time.process_time() - began
    return totals


@contextmanager
def _chunks(seeds: range, jobs: int) -> Iterator[Iterator[Totals]]:
    """What came of each chunk, in order, by so many processes."""
    parts = (seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK))
    if jobs == 1:
        yield map(_chunk, parts)
        return
    with get_context("spawn").Pool(jobs, maxtasksperchild=CHUNKS_A_PROCESS) as pool:
        yield pool.imap(_chunk, parts)


def _tell(failure: dict[str, Any]) -> None:
    """Print a failing seed with the command that replays it, and keep it in a file."""
    said = f"python -m tests.simulation.run --seed {failure['seed']}  # {failure['wrong'][0][:200]}"
    print(said, flush=True)
    FAILURES.parent.mkdir(exist_ok=True)
    with FAILURES.open("a") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M} {said}\n")


def _write(out: Path, asked: argparse.Namespace, totals: Totals, seconds: float) -> None:
    result = {
        "first": asked.first,
        "next": asked.first + totals.seeds,
        "jobs": asked.jobs,
        "seconds": round(seconds, 1),
        **{name: value for name, value in vars(totals).items() if name not in ("faults", "failures")},
        "processor_seconds": round(totals.processor_seconds, 1),
        "faults": dict(sorted(totals.faults.items())),
        "failures": totals.failures,
        "versions": {
            "baton": baton_version(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "sqlalchemy": sqlalchemy.__version__,
            "system": f"{platform.system()} {platform.machine()}",
        },
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")


def run(asked: argparse.Namespace) -> Totals:
    """Try the seeds that were asked for, in the time that was given."""
    totals, began, told = Totals(), time.monotonic(), time.monotonic()
    with _chunks(range(asked.first, asked.first + asked.seeds), asked.jobs) as chunks:
        for chunk in chunks:
            totals.take_in(chunk)
            for failure in chunk.failures:
                _tell(failure)
            now = time.monotonic()
            is_over = asked.seconds is not None and now - began >= asked.seconds
            if is_over or now - told >= TELL_SECONDS:
                told = now
                print(f"{now - began:6.0f} s: {totals}", flush=True)
                if asked.out:
                    _write(asked.out, asked, totals, now - began)
            if is_over:
                break
    if asked.out:
        _write(asked.out, asked, totals, time.monotonic() - began)
    return totals


def main() -> int:
    """Say what was found."""
    parser = argparse.ArgumentParser(description="Deterministic simulation of the five services, under many seeds.")
    parser.add_argument("--first", type=int, default=int(os.environ.get("BATON_SIM_SEED", "1")))
    parser.add_argument("--seeds", type=int, default=2**31, help="how many")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="write the result there, as JSON; written every half minute")
    asked = parser.parse_args()
    totals = run(asked)
    print(f"from {asked.first}: {totals}")
    return 1 if totals.failures else 0


if __name__ == "__main__":
    sys.exit(main())
