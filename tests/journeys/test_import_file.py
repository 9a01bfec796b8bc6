"""`baton import` with ten thousand dirty people: every row is accounted for, and it can be stopped at any moment."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.people.generate import write
from tests.journeys.running import BATON, ROOT, Baton, embedded

MAPPING = ROOT / "bench/people/mapping.yaml"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Baton]:
    with embedded(tmp_path, ROOT / "bench/x_education/playbook") as baton:
        yield baton


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    expected = [write(tmp_path / name, people=500, seed=3) for name in ("a.csv", "b.csv")]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert expected[0] == expected[1]


@pytest.mark.slow
def test_ten_thousand_dirty_people_come_to_what_was_written_into_the_file(empty: Baton, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    expected = write(path)
    done = empty.cli("import", str(path), "--mapping", str(MAPPING))
    report = tmp_path / "people.csv.import-report.csv"
    with report.open(newline="") as file:
        remarks = Counter(row["status"] for row in csv.DictReader(file))
    assert remarks == {
        "duplicate": expected.duplicate,
        "quarantined": expected.quarantined,
        "unusable": expected.unusable,
    }
    assert f"{expected.rows:,} rows: {expected.accepted:,} accepted" in done.stdout
    books = json.loads(empty.cli("audit", "--json").stdout)
    assert books["balances"]
    assert books["leads"] == expected.people


def test_an_import_killed_in_the_middle_goes_on_and_brings_nobody_in_twice(empty: Baton, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    expected = write(path, people=2000)
    command = [*BATON, "import", str(path), "--mapping", str(MAPPING), "--batch", "20"]
    first = subprocess.Popen(command, env=empty.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state = tmp_path / "people.csv.import.json"
    while not state.exists() and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    reached = json.loads(state.read_text())
    assert 0 < reached["rows"] < expected.rows
    second = empty.cli(*command[len(BATON) :])
    assert "going on after line" in second.stderr
    assert f"{expected.rows:,} rows" in second.stdout
    books = json.loads(empty.cli("audit", "--json").stdout)
    assert books["leads"] == expected.people


def test_an_import_waits_for_a_baton_that_is_away_and_gives_up_with_a_clear_word(empty: Baton, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write(path, people=10)
    empty.stop()
    done = empty.cli("import", str(path), "--mapping", str(MAPPING), "--patience", "1", check=False)
    assert done.returncode == 3
    assert "no answer from" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_directory_that_may_not_be_written_puts_the_state_under_the_home(empty: Baton, tmp_path: Path) -> None:
    folder = tmp_path / "read_only"
    folder.mkdir()
    write(folder / "people.csv", people=5)
    folder.chmod(0o555)
    try:
        if not os.access(folder, os.W_OK):  # root may write anywhere
            empty.cli("import", str(folder / "people.csv"), "--mapping", str(MAPPING))
            assert list((Path(empty.environment["BATON_HOME"]) / "imports").glob("people.csv-*.import.json"))
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("id: x\n", "label is missing"), ("id: x\nlabel: X\nkind: csv\nmapping: []\n", "mapping")],
)
def test_a_mapping_that_is_wrong_is_named_by_file_line_and_column(tmp_path: Path, text: str, complaint: str) -> None:
    write(tmp_path / "people.csv", people=1)
    (tmp_path / "mapping.yaml").write_text(text)
    command = [*BATON, "import", str(tmp_path / "people.csv"), "--mapping", str(tmp_path / "mapping.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "mapping.yaml:" in done.stderr
    assert complaint in done.stderr
