"""One `baton up` under fire keeps every promise, and its files say so; tests/faults/embedded.py has the schedule."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.faults.embedded import ANOTHER, SHORT, run, schedule
from tests.faults.home import Files
from tests.faults.plan import FREEZE, KILL, REPLAY
from tests.faults.verdict import Wanted

MANY = 15
"""Kills without which a run has shown nothing."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_embedded_baton_that_is_killed_again_and_again_loses_no_lead_and_routes_none_twice() -> None:
    verdict = run(Wanted.from_environment(**SHORT))
    print(verdict.text())
    assert verdict.held, verdict.text()
    assert verdict.faults[KILL] + verdict.faults[REPLAY] >= MANY, verdict.text()
    assert verdict.counts["leads accepted"] == verdict.counts["leads offered"], verdict.text()


def test_a_seed_gives_the_same_schedule_again_with_enough_of_each_fault() -> None:
    assert schedule(7, 22, 3.0) == schedule(7, 22, 3.0) != schedule(8, 22, 3.0)
    for seed in range(50):
        strikes = schedule(seed, SHORT["seconds"], 3.0)
        kinds = [strike.kind for strike in strikes]
        assert kinds.count(KILL) + kinds.count(REPLAY) >= MANY
        assert {FREEZE, ANOTHER} <= set(kinds)
        assert {strike.at_work for strike in strikes if strike.kind == KILL} == {True, False}


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    for name in ("bus", "intake", "scoring", "routing", "sla-monitor", "reporting"):
        with sqlite3.connect(tmp_path / f"{name}.db") as connection:
            connection.execute("CREATE TABLE lead (lead_id TEXT PRIMARY KEY, external_id TEXT)")
            connection.executemany("INSERT INTO lead VALUES (?, ?)", [(str(n), str(n)) for n in range(1000)])
    assert Files(tmp_path).torn() == []
    with (tmp_path / "scoring.db").open("r+b") as file:
        file.seek(3 * 4096 + 8)
        file.write(bytes(64))
    assert [line.split(":")[0] for line in Files(tmp_path).torn()] == ["scoring.db"]
