"""`python -m tests.faults`: a run as the environment wants it; exit code 1 when a promise was broken."""

from __future__ import annotations

import sys

from tests.faults.network import move_into_a_namespace
from tests.faults.run import run
from tests.faults.verdict import Wanted

if __name__ == "__main__":
    move_into_a_namespace(["-m", "tests.faults"])
    verdict = run(Wanted.from_environment())
    print(verdict.text())
    sys.exit(0 if verdict.held else 1)
