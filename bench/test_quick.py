"""The gate against becoming slower, the results it writes, and the page they end up in."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import publish
from bench.plot import svg
from bench.profile import module_of, samples_of, shares
from bench.quick import BASELINE, slower, turned
from bench.table import Row, paired, read_json, write_json

BEFORE = Row("scoring", 2.0, "ms/lead", 0.2, 0.10, None, (0.095, 0.11))
NOISY = Row("intake", 2.0, "ms/lead", 0.2, 0.10, None, (0.05, 0.12))


def now(before: Row, ratio: float) -> list[Row]:
    return [Row(before.row, 2.0, "ms/lead", 0.2, ratio, None, (ratio, ratio))]


def test_a_ratio_may_fall_by_two_fifths_but_no_further() -> None:
    assert slower(now(BEFORE, 0.061), [BEFORE]) == []
    assert slower(now(BEFORE, 0.059), [BEFORE]) == ["scoring: 0.059 of its limit, was 0.100 and may fall by 0.040"]


def test_a_row_that_is_known_to_be_noisy_may_fall_by_its_spread() -> None:
    assert slower(now(NOISY, 0.051), [NOISY]) == []
    assert slower(now(NOISY, 0.049), [NOISY])


def test_a_row_that_is_not_measured_any_more_is_no_success() -> None:
    assert slower([], [BEFORE])


def test_a_ratio_of_times_is_turned_so_that_more_is_better() -> None:
    row = turned(paired("scoring", "ms/lead", None, [(2.0, 0.5), (4.0, 0.5), (1.0, 0.5)]))
    assert (row.ratio, row.spread) == (0.25, (0.125, 0.5))


def test_the_committed_ratios_have_a_spread_and_can_be_judged() -> None:
    rows = read_json(BASELINE)
    assert slower(rows, rows) == []
    assert all(row.ratio and row.spread and row.spread[0] <= row.ratio <= row.spread[1] for row in rows)


def test_parts_measured_apart_come_together_and_onto_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, plot = tmp_path / "performance.md", tmp_path / "performance.svg"
    page.write_text(f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter\n")
    for name, value in (("OUT", tmp_path), ("PAGE", page), ("PLOT", plot)):
        monkeypatch.setattr(publish, name, value)
    monkeypatch.setattr(publish, "machine", lambda: {"machine": "one of two cores", "versions": {"python": "3"}})
    publish.keep("rules", [BEFORE], 3.0, 5)
    publish.keep("intake", [NOISY], 4.0, 5)
    publish.keep("rules", [BEFORE], 5.0, 7)
    publish.publish(publish.merge(["intake", "pipeline", "rules"]))
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert text.index("| intake |") < text.index("| scoring |")
    assert "At least 5 pairs" in text
    assert json.loads((tmp_path / "results.json").read_text())[1]["spread"] == [0.095, 0.11]
    ElementTree.fromstring(plot.read_text())


def test_rows_come_back_from_a_file_as_they_went_in(tmp_path: Path) -> None:
    write_json(tmp_path / "rows.json", [BEFORE, Row("memory", 90.0, "MiB")])
    assert read_json(tmp_path / "rows.json") == [BEFORE, Row("memory", 90.0, "MiB")]


def test_a_bar_is_drawn_for_each_row_that_has_a_ratio() -> None:
    drawing = svg([BEFORE, Row("memory", 90.0, "MiB"), NOISY])
    assert "scoring" in drawing
    assert "memory" not in drawing


def test_a_profile_knows_own_time_from_what_was_called() -> None:
    outer, inner = "main (/x/src/baton/cli/main.py:1)", "decide (/x/src/baton/scoring/decide.py:9)"
    assert shares(samples_of(f"{outer};{inner} 3\n{outer} 1\n"), module_of) == [
        ("baton.scoring.decide", 0.75, 0.75),
        ("baton.cli.main", 0.25, 1.0),
    ]
