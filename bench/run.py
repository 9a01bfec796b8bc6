"""Run the benchmarks, side by side, in one go."""

from __future__ import annotations

import argparse
import asyncio

from bench import cpu, deadlines, intake, pipeline, rules
from bench.table import Row, show, write
from bench.world import SERVICES, opened_world


def main() -> int:
    """Measure the rows asked for; print the table; write bench/out/results.json."""
    parser = argparse.ArgumentParser(
        prog="bench", description="Ratios to bare programs with the same input and output."
    )
    parser.add_argument(
        "rows", nargs="*", choices=[[], "pipeline", "intake", "deadlines", "rules", "cpu"], help="default: all but cpu"
    )
    parser.add_argument("--pairs", type=int, default=3, help="alternating pairs of a row, at least 3 for a verdict")
    parser.add_argument("--leads", type=int, default=4000, help="leads of one run through the whole pipeline")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long one measure at a given rate lasts")
    asked = parser.parse_args()
    if "cpu" in asked.rows:
        print(asyncio.run(_processor_times(asked.leads)))
        return 0
    wanted = asked.rows or ["pipeline", "intake", "deadlines", "rules"]
    rows = deadlines.measure(asked.pairs) if "deadlines" in wanted else []
    rows += rules.measure(asked.pairs) if "rules" in wanted else []
    if {"pipeline", "intake"} & set(wanted):
        rows = asyncio.run(_with_world(wanted, asked)) + rows
    print(show(rows))
    print(f"\n{write(rows)}")
    return 0


async def _processor_times(amount: int) -> str:
    async with opened_world() as world:
        await world.start_baton(*SERVICES)
        await world.start_relay()
        return cpu.table(await pipeline.processor_times(world, amount))


async def _with_world(wanted: list[str], asked: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    async with opened_world() as world:
        if "pipeline" in wanted:
            await world.start_baton(*SERVICES)
            await world.start_relay()
            rows += await pipeline.measure(world, asked.pairs, asked.leads, asked.seconds)
            world.stop(*list(world.running))
        if "intake" in wanted:
            await world.start_baton("intake")
            rows += await intake.measure(world, asked.pairs, min(asked.seconds, 5.0))
    return rows
