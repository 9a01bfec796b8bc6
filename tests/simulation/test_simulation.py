"""The five services keep their promises whatever the seed does to them, and a seed does the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.simulation.many import Totals, in_time
from tests.simulation.planted import BUGS
from tests.simulation.run import simulate

SECONDS = float(os.environ.get("BATON_SIM_SECONDS", "90"))
FIRST = int(os.environ.get("BATON_SIM_SEED", "1"))
REGRESSIONS: tuple[int, ...] = (24, 185, 312, 765, 3311, 6345, 7782)
"""Seeds that once found something wrong: tried before all others. A changed tree changes what they do, so what each
found has a test of its own as well (docs/simulation.md)."""
MOST_SEEDS = 1000
"""Tried for each planted bug: several times what finding one has taken (docs/simulation.md)."""
FAR_OUT = {"places_without_equality": 651}
"""Where to begin with a bug that only few seeds find: minutes would go by before the first of them."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(max(900.0, 3 * SECONDS))]


def test_as_many_seeds_as_there_is_time_for_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in REGRESSIONS:
        assert simulate(seed).wrong == ()
    totals, began = Totals(), time.process_time()
    for outcome in in_time(FIRST, SECONDS):
        assert outcome.is_good, f"python -m tests.simulation.run --seed {outcome.seed}: {outcome.wrong}"
        totals.add(outcome)
    totals.processor_seconds = time.process_time() - began
    with capsys.disabled():
        print(f"\nsimulation, from seed {FIRST}: {totals}")
    assert totals.seeds > 0


def test_a_seed_gives_the_same_facts_every_time_and_in_every_process() -> None:
    here = [simulate(3), simulate(3)]
    assert here[0] == here[1]
    assert simulate(4).digest != here[0].digest
    say = "from tests.simulation.run import simulate; print('digest', simulate(3).digest)"
    there = subprocess.run(
        [sys.executable, "-c", say],
        env=os.environ | {"PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"digest {here[0].digest}" in there.stdout


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: str(bug.__name__))
def test_a_planted_bug_is_found(bug: Callable[[], AbstractContextManager[None]]) -> None:
    first = FAR_OUT.get(bug.__name__, 1)
    with bug():
        found = next((seed for seed in range(first, first + MOST_SEEDS) if not simulate(seed).is_good), None)
    assert found is not None, f"{MOST_SEEDS} seeds from {first} on have not found it"
