"""What a long run writes is what it has seen so far, and no more."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.faults.verdict import Verdict, Wanted


def one_round(wanted: Wanted, **otherwise: object) -> Verdict:
    found = Verdict(wanted, Counter(kill=40, freeze=3), Counter({"leads accepted": 1000}), 20.0, 5.0)
    for name, value in otherwise.items():
        setattr(found, name, value)
    return found


def test_rounds_add_up_and_the_longest_drain_counts(tmp_path: Path) -> None:
    total = Verdict(Wanted(seed=7, rounds=4, out=tmp_path / "deep/result"))
    total.add(one_round(total.wanted, idle=0.02))
    total.add(one_round(total.wanted, drained_in=10.0, caught_up_in=9.0, idle=0.6))
    total.add(one_round(total.wanted, idle=0.1))
    total.write()
    found = json.loads((tmp_path / "deep/result.json").read_text())
    assert (found["seed"], found["rounds"], found["faults"]["kill"]) == (7, 3, 120)
    assert (found["counts"]["leads accepted"], found["quiet_seconds"], found["caught_up_seconds"]) == (3000, 20.0, 9.0)
    assert found["idle_share"] == 0.6
    assert (
        "caught up 9.0 s after the last fault, but for the leads' own course; processors idle for 60%" in total.text()
    )
    assert (found["verdict"], found["finished"]) == ("kept", False)
    row = (tmp_path / "deep/result.md").read_text()
    assert "3,000 in 0 min, 3 rounds so far | 120 kill, 9 freeze | all kept" in row


def test_what_was_wrong_in_one_round_is_wrong_in_all(tmp_path: Path) -> None:
    total = Verdict(Wanted(rounds=2, out=tmp_path / "result"))
    total.add(one_round(total.wanted, wrong={"nothing is parked": ["a", "b"]}))
    assert not total.held
    total.add(one_round(total.wanted))
    total.is_finished = True
    total.write()
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["verdict"], found["finished"]) == ("broken", True)
    assert found["wrong"]["nothing is parked"]["times"] == 2
    assert "BROKEN: nothing is parked" in (tmp_path / "result.md").read_text()


def test_a_round_that_was_not_drained_is_no_success() -> None:
    total = Verdict(Wanted(rounds=2))
    total.add(one_round(total.wanted))
    total.add(one_round(total.wanted, drained_in=None, left={"routing: unpublished": 3}))
    assert not total.held
    assert total.drained_in is None
    assert "NOT DRAINED" in total.text()
