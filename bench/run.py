"""Run the benchmarks, side by side, in one go.

    python -m bench [part …] [--pairs 5] [--publish]

Parts measured alone take the place of what the same part found before; all others stay.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from bench import cpu, deadlines, growth, intake, pipeline, publish, rules, stores
from bench.table import Row, show
from bench.world import opened_world

Measure = Callable[[int], Coroutine[Any, Any, list[Row]]]


def _at_once(measure: Callable[[int], list[Row]]) -> Measure:
    async def measured(pairs: int) -> list[Row]:
        return measure(pairs)

    return measured


PARTS: dict[str, Measure] = {
    "intake": intake.measure,
    "pipeline": pipeline.measure,
    "growth": growth.measure,
    "stores": stores.measure,
    "million": stores.measure_million,
    "rules": _at_once(rules.measure),
    "deadlines": _at_once(deadlines.measure),
}


def main() -> int:
    """Measure the parts asked for; print the table; write bench/out/results.json, and docs/ if asked to."""
    parser = argparse.ArgumentParser(prog="bench", description="Ratios to bare programs with the same input and output")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS, "cpu"], help="default: all but cpu")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of a row, at least 5 for a verdict")
    parser.add_argument("--leads", type=int, default=4000, help="leads of the cpu part")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md and its plot")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends us early gets the servers stopped, too
    if "cpu" in asked.parts:
        print(asyncio.run(_processor_times(asked.leads)))
        return 0
    for part in asked.parts or PARTS:
        started = time.monotonic()
        rows = asyncio.run(PARTS[part](asked.pairs))
        seconds = time.monotonic() - started
        publish.keep(part, rows, seconds, asked.pairs)
        print(f"{show(rows)}\n{part}: {seconds:.0f} s\n", flush=True)
    merged = publish.merge(list(PARTS))
    if asked.publish:
        publish.publish(merged)
    return 0


async def _processor_times(amount: int) -> str:
    async with opened_world() as world:
        return await cpu.measure(world, amount)
