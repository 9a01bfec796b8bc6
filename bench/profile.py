"""Where the time goes: py-spy on every service while leads go through the whole pipeline.

    python -m bench.profile --leads 4000        # or: make profile

Writes bench/out/profile.md (by module and by function) and bench/out/profile/<service>.folded, which
speedscope.app opens. Time in C (pydantic, orjson, asyncpg's protocol) counts as the own time of the Python line that
called it, and uvloop's as that of asyncio's Runner.run. Waiting does not count, but for waiting for a processor: run it
on a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.roads import baton, drain
from bench.table import OUT
from bench.world import SERVICES, World, opened_world

FOLDED = OUT / "profile"
HERTZ = 200
TOP = 15
_FRAME = re.compile(r"(.+) \((.+?)(?::\d+)?\)$")

Samples = list[tuple[list[str], int]]
"""Stacks, outermost first, with how often each was seen."""


async def record(world: World, amount: int) -> None:
    """Send the leads with a py-spy on each service; leave one file of folded stacks each."""
    FOLDED.mkdir(parents=True, exist_ok=True)
    async with baton(world) as road:
        spies = [_spy(world.running[name].pid, FOLDED / f"{name}.folded") for name in SERVICES]
        await asyncio.sleep(2.0)  # they attach
        await drain(road, "profile", amount)
        for spy in spies:
            spy.send_signal(signal.SIGINT)  # and they write what they saw
        for spy in spies:
            spy.wait(60)


def _spy(pid: int, target: Path) -> subprocess.Popen[bytes]:
    options = ["--rate", str(HERTZ), "--nonblocking", "--full-filenames", "--format", "raw", "--output", str(target)]
    command = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def samples_of(folded: str) -> Samples:
    """Read folded stacks, `outer;inner 12` a line; those that changed while they were read have no frames."""
    lines = (line.rpartition(" ") for line in folded.splitlines())
    return [(stack.split(";"), int(count)) for stack, _, count in lines if stack]


def shares(samples: Samples, name: Callable[[str], str]) -> list[tuple[str, float, float]]:
    """Return (name, own share, share with what it called), the largest own share first."""
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack, count in samples:
        named = [name(frame) for frame in stack]
        own[named[-1]] += count
        for each in set(named):
            within[each] += count
    total = sum(own.values()) or 1
    return [(each, own[each] / total, within[each] / total) for each, _ in own.most_common()]


def module_of(frame: str) -> str:
    """Return Baton's module, the package of somebody else's, or the module of Python's own library."""
    found = _FRAME.match(frame)
    parts = Path(found[2] if found else frame).parts
    for root in ("src", "site-packages"):
        if root in parts:
            inside = parts[parts.index(root) + 1 :]
            return ".".join(inside).removesuffix(".py") if root == "src" else inside[0]
    return "python: " + "/".join(parts[-2:]).removesuffix(".py")


def function_of(frame: str) -> str:
    """Return module and function, without the line."""
    found = _FRAME.match(frame)
    return f"{module_of(frame)}: {found[1]}" if found else frame


def report(services: Iterable[str]) -> str:
    """Return the tables of all services as Markdown."""
    parts = []
    for service in services:
        samples = samples_of((FOLDED / f"{service}.folded").read_text())
        seen = sum(count for _, count in samples)
        parts.append(f"## {service}: {seen / HERTZ:.1f} s at work")
        for title, name in (("module", module_of), ("function", function_of)):
            rows = shares(samples, name)[:TOP]
            lines = [f"| {title} | own | with what it calls |", "|---|---:|---:|"]
            parts.append("\n".join(lines + [f"| {row} | {own:.1%} | {within:.1%} |" for row, own, within in rows]))
    return "\n\n".join(parts) + "\n"


async def _profile(amount: int) -> None:
    async with opened_world() as world:
        await record(world, amount)


def main() -> int:
    """Profile one run; print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--leads", type=int, default=4000)
    asyncio.run(_profile(parser.parse_args().leads))
    text = report(SERVICES)
    (OUT / "profile.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
