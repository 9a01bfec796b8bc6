"""Twenty seconds of the fuzz in every run; `make fuzz` goes on to a million."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest

from tests.fuzz.run import Fuzz, Result, resumed

SECONDS = 20.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_mutated_request_raises_or_takes_long() -> None:
    *_, result = Fuzz(seed=7).run(0, SECONDS, 1_000_000)
    assert result.wrong == []
    assert result.done > 500
    assert result.taken > 0
    assert result.put_aside > 0


def test_a_request_has_a_number_and_is_the_same_under_its_seed() -> None:
    assert Fuzz(seed=3).request(41) == Fuzz(seed=3).request(41)
    assert Fuzz(seed=3).request(41) != Fuzz(seed=4).request(41)


def test_what_takes_long_is_noticed() -> None:
    slow = count(step=0.06)
    result = Result(1)
    Fuzz(seed=1, clock=lambda: next(slow)).one(5, result)
    assert "60 ms" in result.wrong[0]


def test_an_exception_nobody_expected_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RecursionError("too deep")

    result, fuzz = Result(1), Fuzz(seed=1)
    monkeypatch.setattr("tests.fuzz.run.read_hook", breaks)
    for number in range(20):
        fuzz.one(number, result)
    assert any("RecursionError: too deep" in wrong for wrong in result.wrong)


def test_a_run_goes_on_where_it_stopped_unless_something_was_wrong(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.json"
    assert resumed(file, 1) == 0
    file.write_text(json.dumps({"seed": 1, "done": 5000, "wrong": []}))
    assert (resumed(file, 1), resumed(file, 2)) == (5000, 0)
    file.write_text(json.dumps({"seed": 1, "done": 5000, "wrong": ["17 mautic: ValueError"]}))
    assert resumed(file, 1) == 0
