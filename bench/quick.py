"""A rough measure in under a minute, and the gate against becoming slower: `make bench-quick`.

What is compared is processor time, in one process, in alternating pairs (bench/inside.py), because a CI machine is
never quiet. Each ratio is the limit's time to Baton's, so that more is better. A row has become slower when its median
is below that of bench/quick.json by more than the spread written there (its least pair), and that is never taken as
less than `FLOOR` of the ratio. `UPDATE=1 make bench-quick` writes bench/quick.json anew.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from baton.runtime.observe import set_up_logs
from bench import deadlines, inside, leads, rules
from bench.limits import endpoint
from bench.limits.relay import STAGES
from bench.plot import shares
from bench.table import OUT, Row, paired, read_json, show, write_json
from bench.world import SERVICES, write_playbook, write_tokens
from tests.world.servers import postgres_server

BASELINE = Path(__file__).with_name("quick.json")
PAIRS = 5
LEADS = 200
LIMITS_LEADS = 1000
"""The limit is so quick that fewer would be too short to time."""
ONE_BY_ONE = 100
FLOOR = 0.4
"""Medians of five pairs of two runs of the same code differed by a few hundredths on a quiet machine and by up to a
third on one with six times its load, as CI's may be."""
Found = dict[str, list[tuple[float, float]]]


async def measure() -> list[Row]:
    """Return a row a service, one for all of them, one for single requests, and those of the pure core."""
    found: Found = {}
    home = Path(tempfile.mkdtemp(prefix="baton-quick-"))
    write_playbook(home / "playbook")
    write_tokens(home / "tokens.yaml")
    with postgres_server() as server:
        ours = {name: server.new_database() for name in SERVICES}
        theirs = {name: server.new_database().replace("+asyncpg", "") for name in STAGES}
        async with (
            inside.baton(home, home / "playbook", home / "tokens.yaml", ours) as baton,
            inside.relay(theirs) as relay,
        ):
            for number in range(-1, PAIRS):
                ours_spent = await baton.take(f"quick{number}", LEADS)
                theirs_spent = await relay.take(f"quick{number}", LIMITS_LEADS)
                single = await _one_by_one(baton, number)
                if number < 0:  # the first leads compile rules and statements
                    gc.collect()
                    gc.freeze()
                    gc.set_threshold(50_000, 50, 100)
                    continue
                _note(found, ours_spent, theirs_spent, single)
    rows = [paired(row, "ms/lead", None, times) for row, times in found.items()]
    return [*rows, *deadlines.measure(PAIRS), *rules.measure(PAIRS)]


async def _one_by_one(baton: inside.Baton, number: int) -> tuple[float, float]:
    """Return processor seconds of requests with one lead each, all at once: intake's, and the bare endpoint's."""
    bodies = [leads.body(f"single{number}") for _ in range(ONE_BY_ONE)]
    started = time.process_time()
    await asyncio.gather(*(inside.ask(baton.intake, "/intake/v1/leads", body) for body in bodies))
    half = time.process_time()
    await asyncio.gather(*(inside.ask(endpoint.app, "/leads", body) for body in bodies))
    return half - started, time.process_time() - half


def _note(found: Found, ours: inside.Spent, theirs: inside.Spent, single: tuple[float, float]) -> None:
    def add(row: str, of_ours: float, of_theirs: float) -> None:
        found.setdefault(row, []).append((of_ours / LEADS * 1000, of_theirs / LIMITS_LEADS * 1000))

    for name, stage in zip(SERVICES, STAGES, strict=True):
        add(f"{name}, in batches", ours[name], theirs[stage])
    add("all five services", sum(ours.values()), sum(theirs.values()))
    one, bare = (seconds / ONE_BY_ONE * 1000 for seconds in single)
    found.setdefault("intake, one lead a request", []).append((one, bare))


def turned(row: Row) -> Row:
    """Return the row with its ratio as a share of the limit: what is slower has less."""
    share, low, high = shares(row)
    return replace(row, ratio=round(share, 4), spread=(round(low, 4), round(high, 4)))


def slower(rows: Sequence[Row], before: Sequence[Row]) -> list[str]:
    """Return what to say of each row whose ratio fell by more than the spread it had, or that is missing."""
    now = {row.row: row for row in rows}
    said = []
    for was in before:
        assert was.ratio
        assert was.spread
        allowed = max(was.ratio - was.spread[0], FLOOR * was.ratio)
        found = now.get(was.row)
        if found is None or found.ratio is None:
            said.append(f"{was.row}: not measured any more; UPDATE=1 make bench-quick if that is meant")
        elif found.ratio < was.ratio - allowed:
            said.append(f"{was.row}: {found.ratio:.3f} of its limit, was {was.ratio:.3f} and may fall by {allowed:.3f}")
    return said


def main() -> int:
    """Measure, write bench/out/quick.json, and judge it by bench/quick.json (or write that anew)."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--update", action="store_true", default=bool(os.environ.get("UPDATE")))
    asked = parser.parse_args()
    set_up_logs("error")
    started = time.monotonic()
    rows = [turned(row) for row in asyncio.run(measure())]
    write_json(OUT / "quick.json", rows)
    print(f"{show(rows)}\n{time.monotonic() - started:.0f} s")
    if asked.update:
        write_json(BASELINE, rows)
        return 0
    problems = slower(rows, read_json(BASELINE))
    print("\n".join(f"slower: {problem}" for problem in problems) or "nothing has become slower")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
