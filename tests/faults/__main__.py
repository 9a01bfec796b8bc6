"""`python -m tests.faults`: a run as the environment wants it; exit code 1 when a promise was broken."""

from __future__ import annotations

import sys

from tests.faults.run import Wanted, run

if __name__ == "__main__":
    verdict = run(Wanted.from_environment())
    print(verdict.text())
    sys.exit(0 if verdict.held else 1)
