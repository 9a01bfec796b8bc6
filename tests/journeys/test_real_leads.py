"""6,468 real leads of an online school: each comes to one fate, and the fates are those the columns themselves give."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.running import ROOT, Baton, distributed, embedded

DATASETS = os.environ.get("BATON_DATASETS")
BENCH = ROOT / "bench/x_education"
pytestmark = [
    pytest.mark.skipif(DATASETS is None, reason="BATON_DATASETS is not set: no real leads to import"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]

FATES = {"routed": 2061, "held": 241, "nurtured": 3904, "disqualified": 261, "test": 1}
"""Counted by hand from the columns, on 2026-11-22, with the rule of `fate_by_columns`."""


def leads_csv() -> Path:
    return Path(str(DATASETS)) / "x_education/leads.csv"


def fate_by_columns(row: dict[str, str]) -> str:
    """What the playbook of bench/x_education should make of a row, worked out without any of Baton's code."""
    if row["Lead Source"] == "testone":
        return "test"
    no_email, visits = row["Do Not Email"] == "Yes", row["TotalVisits"]
    if row["What is your current occupation"] == "Student" or (no_email and visits == "0"):
        return "disqualified"
    looked_closely = int(row["Total Time Spent on Website"]) >= 300 or row["Lead Origin"] == "Lead Add Form"
    if no_email or not looked_closely or row["Specialization"] in ("", "Select"):
        return "nurtured"
    return "held" if row["Country"] in ("", "unknown", "Asia/Pacific Region") else "routed"


def test_the_pinned_fates_are_what_the_columns_give() -> None:
    with leads_csv().open(encoding="utf-8-sig", newline="") as file:
        counted = Counter(map(fate_by_columns, csv.DictReader(file)))
    assert counted == FATES
    assert sum(counted.values()) == 6468


@pytest.fixture(scope="module", params=["embedded", "distributed"])
def school(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baton]:
    """An empty Baton on the school's playbook, into which the file was imported."""
    folder = tmp_path_factory.mktemp(f"school_{request.param}")
    with ExitStack() as stack:
        if request.param == "embedded":
            baton = stack.enter_context(embedded(folder, BENCH / "playbook"))
        else:
            kafka, postgres = request.getfixturevalue("own_kafka"), request.getfixturevalue("postgres")
            baton = stack.enter_context(distributed(folder, BENCH / "playbook", kafka, postgres.new_database))
        link = (
            folder / "leads.csv"
        )  # what an import notes down stands beside the file it was given: not beside the data
        link.symlink_to(leads_csv())
        baton.environment["SCHOOL_CSV"] = str(link)
        done = baton.cli("import", str(link), "--mapping", str(BENCH / "mapping.yaml"))
        assert "6,468 rows: 6,468 accepted" in done.stdout
        yield baton


def test_every_lead_comes_to_the_fate_its_columns_give_and_the_books_balance(school: Baton) -> None:
    books = json.loads(school.cli("audit", "--json").stdout)
    assert books["balances"]
    assert {fate: count for fate, count in books["fates"].items() if count} == FATES
    assert books["leads"] == 6468
    assert books["elements"] == {"received": 6468, "accepted": 6468, "duplicate": 0, "quarantined": 0}


def test_the_funnel_adds_up_without_the_test_lead(school: Baton) -> None:
    funnel = school.get("/reporting/v1/funnel")
    counts = {stage["stage"]: stage["count"] for stage in funnel["stages"]}
    assert counts["received"] == 6468 - FATES["test"] == sum(funnel["now"].values())
    assert counts["qualified"] == FATES["routed"] + FATES["held"]
    assert funnel["handed_over"] == FATES["routed"]
    assert funnel["now"] == {fate: count for fate, count in FATES.items() if fate != "test"}


def test_importing_the_same_file_again_changes_nothing(school: Baton) -> None:
    file = school.environment["SCHOOL_CSV"]
    done = school.cli("import", file, "--mapping", str(BENCH / "mapping.yaml"), "--restart")
    assert "6,468 rows: 6,468 duplicate" in done.stdout
    books = json.loads(school.cli("audit", "--json").stdout)
    assert {fate: count for fate, count in books["fates"].items() if count} == FATES
