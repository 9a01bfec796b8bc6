"""`python -m tests.fuzz`: 1,000,000 mutated requests; stop it and start it again, it goes on from var/fuzz.json."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.run import Fuzz, Result, resumed


def main() -> int:
    """Run, tell how far it came, and return 1 if anything went wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=1_000_000, help="requests in all, earlier runs included")
    asked.add_argument("--seconds", type=float, default=1e9, help="processor time at most")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--out", type=Path, default=Path("var/fuzz.json"))
    asked.add_argument("--restart", action="store_true", help="forget how far an earlier run came")
    given = asked.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    first = 0 if given.restart else resumed(given.out, given.seed)
    result = Result(given.seed, first)
    for result in Fuzz(given.seed).run(first, given.seconds, given.count):
        given.out.write_text(json.dumps(asdict(result)))
        slowest = f"slowest {result.slowest * 1000:.1f} ms ({result.slowest_request})"
        print(f"{result.done:,} requests, {len(result.wrong)} wrong, {slowest}", flush=True)
    print("\n".join(result.wrong[:50]))
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
