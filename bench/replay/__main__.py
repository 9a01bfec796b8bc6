"""Live through a lead log with the real services, and tell what their facts say.

python -m bench.replay FILE [--playbook DIR] [--days N] [--page PAGE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from baton.cli.faults import Exit, Fault
from baton.playbook import PlaybookErrors, load
from bench.replay.living import Lived, live
from bench.replay.log import SYSTEM, Log, read_log
from bench.replay.telling import put_on, told
from bench.world import ROOT

PLAYBOOK = ROOT / "bench/bpi2012/replay"
STEP = 5000
"""Posts between two words on how far it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures, or put them on a page. Returns 0, or 2 for a file or a playbook that cannot be used."""
    parser = argparse.ArgumentParser(prog="bench.replay", description="A lead log through the five services")
    parser.add_argument("file", type=Path, help="JSON lines: t, lead, at … (docs/replay.md); .xz, .gz, .bz2 or plain")
    parser.add_argument("--playbook", type=Path, default=PLAYBOOK, help="default: bench/bpi2012/replay")
    parser.add_argument("--days", type=int, help="only the first so many days")
    parser.add_argument("--page", type=Path, help="put the figures between the marks of this page")
    asked = parser.parse_args(arguments)
    try:
        figures = _replayed(asked)
        if asked.page is None:
            print(figures)
        else:
            put_on(asked.page, figures)
    except Fault as fault:
        print(f"bench.replay: {fault.message}", file=sys.stderr)
        return int(Exit.USAGE)
    return 0


def _replayed(asked: argparse.Namespace) -> str:
    try:
        playbook = load(asked.playbook)
    except PlaybookErrors as fault:
        raise Fault(f"{asked.playbook}: {fault}", code=Exit.USAGE) from fault
    table = playbook.sources.words(SYSTEM)
    words = frozenset(table.statuses) if table is not None else frozenset()
    log = read_log(asked.file, words, asked.days)
    lived: Lived = live(log, asked.playbook, playbook, lambda done: _say(done, log))
    unused = ", ".join(f"{name} {count:,}" for name, count in sorted(log.unused.items()))
    return f"{told(lived, playbook.calendar(playbook.calendar_ids[0]))}\nLines that nobody posts: {unused or 'none'}."


def _say(done: int, log: Log) -> None:
    if done % STEP == 0 or done == len(log.posts):
        print(f"{done:,} of {len(log.posts):,}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
