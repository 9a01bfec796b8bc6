"""`baton import` with ten thousand dirty people: every row is accounted for, and it can be stopped at any moment."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.people.generate import write
from tests.journeys.running import BATON, ROOT, Baton, embedded

MAPPING = ROOT / "bench/people/mapping.yaml"


def rows_done(state: Path) -> int:
    return int(json.loads(state.read_text())["rows"]) if state.exists() else 0


def killed_under_way(running: subprocess.Popen[bytes], state: Path) -> Any:
    """Kill the import once it has come somewhere; return its state."""
    while rows_done(state) == 0 and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return json.loads(state.read_text())


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
        "refused": expected.unusable,
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
    reached = killed_under_way(first, tmp_path / "people.csv.import.json")
    assert 0 < reached["rows"] < expected.rows
    second = empty.cli(*command[len(BATON) :])
    assert "going on after line" in second.stderr
    assert f"{expected.rows:,} rows" in second.stdout
    books = json.loads(empty.cli("audit", "--json").stdout)
    assert books["leads"] == expected.people


def lead(number: int, **more: Any) -> dict[str, Any]:
    contact = {"email": f"p{number}@shop.example", "last_name": f"Person {number}"}
    return {"source": "crm", "external_id": str(number), "event_id": f"e{number}", "contact": contact, **more}


def reported(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_line_of_an_ndjson_file_is_accounted_for_by_its_number(empty: Baton, tmp_path: Path) -> None:
    path, report = tmp_path / "people.jsonl", tmp_path / "report.ndjson"
    nobody = {"source": "crm", "contact": {"last_name": "Nobody"}}
    too_long = "x" * 10_485_761
    lines = [json.dumps(lead(1)), "", "{torn", json.dumps(lead(1)), too_long, json.dumps(nobody), "[]"]
    path.write_text("\n".join([*lines, json.dumps(lead(2))]))
    done = empty.cli("import", str(path), "--report", str(report))
    assert "7 rows: 2 accepted, 1 duplicate, 2 quarantined, 2 refused" in done.stdout
    found = reported(report)
    assert [(one["line"], one["status"], one["cause"]) for one in found] == [
        (1, "accepted", None),
        (3, "refused", "unreadable"),
        (4, "duplicate", None),
        (5, "refused", "unreadable"),
        (6, "quarantined", "no_identity"),
        (7, "quarantined", "wrong_shape"),
        (8, "accepted", None),
    ]
    names = ["line", "status", "lead_id", "event_id", "quarantine_id", "cause", "detail"]
    assert all(list(one) == names for one in found)
    assert (found[2]["lead_id"], found[2]["event_id"]) == (found[0]["lead_id"], found[0]["event_id"])
    assert empty.get(f"/intake/v1/leads/{found[6]['lead_id']}")["external_id"] == "2"
    kept = {item["id"] for item in empty.get("/intake/v1/quarantine")["items"]}
    assert kept == {one["quarantine_id"] for one in found if one["status"] == "quarantined"}
    assert "not JSON" in found[1]["detail"]
    assert "10,485,760 are the most" in found[3]["detail"]


def test_what_was_answered_and_not_noted_is_reported_as_it_was_answered_first(empty: Baton, tmp_path: Path) -> None:
    path, report, state = (tmp_path / name for name in ("p.ndjson.gz", "report", "p.ndjson.gz.import.json"))
    people = 1500
    path.write_bytes(gzip.compress(b"".join(json.dumps(lead(n)).encode() + b"\n" for n in range(people))))
    command = ["import", str(path), "--report", str(report), "--batch", "10"]
    began = subprocess.Popen(
        [*BATON, *command], env=empty.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (early := rows_done(state)) and began.poll() is None:
        time.sleep(0.01)
    forgetful = state.read_bytes()
    while rows_done(state) < early + 50 and began.poll() is None:
        time.sleep(0.01)
    reached = killed_under_way(began, state)
    assert early < reached["rows"] < people
    state.write_bytes(forgetful)  # as if it had been killed after these answers and before it could note them
    with report.open("a") as file:
        file.write('{"line": 99')
    refused = empty.cli("import", str(path), check=False)
    assert (refused.returncode, "this import began with --report" in refused.stderr) == (2, True)
    done = empty.cli(*command)
    assert f"{people:,} rows: {people:,} accepted" in done.stdout
    found = reported(report)
    assert [one["line"] for one in found] == list(range(1, people + 1))
    assert {one["status"] for one in found} == {"accepted"}
    assert len({one["lead_id"] for one in found}) == people
    assert json.loads(empty.cli("audit", "--json").stdout)["elements"] == {
        "received": people,
        "accepted": people,
        "duplicate": 0,
        "quarantined": 0,
    }


def test_a_line_intake_takes_none_of_is_refused_and_harms_no_other(tmp_path: Path) -> None:
    path, report = tmp_path / "people.ndjson", tmp_path / "report.ndjson"
    large = lead(2, properties={"note": "x" * 3000})
    path.write_text("\n".join(json.dumps(one) for one in [lead(1), large, lead(3)]))
    with embedded(tmp_path, ROOT / "bench/x_education/playbook", BATON_MAX_BODY_BYTES="2000") as baton:
        baton.cli("import", str(path), "--report", str(report))
    found = [(one["line"], one["status"], one["cause"]) for one in reported(report)]
    assert found == [(1, "accepted", None), (2, "refused", "too_large"), (3, "accepted", None)]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["people.csv"], "a CSV needs a --mapping"),
        (["people.csv", "--format", "ndjson", "--mapping", str(MAPPING)], "no --mapping"),
        (["people.csv", "--format", "ndjson", "--report", "people.csv"], "is no place for the report"),
        (["people.csv", "--format", "ndjson", "--report", "nowhere/report"], "No such file"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_posted(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    write(tmp_path / "people.csv", people=1)
    before = (tmp_path / "people.csv").read_bytes()
    done = subprocess.run([*BATON, "import", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert complaint in done.stderr
    assert (tmp_path / "people.csv").read_bytes() == before


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
