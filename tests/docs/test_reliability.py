"""The failure matrix of docs/reliability.md is a table of tests."""

from __future__ import annotations

import re

import pytest

from tests.layout.tree import ROOT, files

PAGE = (ROOT / "docs/reliability.md").read_text()
ROWS = {row[1]: row[0].split("|")[-2] for row in re.finditer(r"^\| ([A-Z]\d) \|.*$", PAGE, re.MULTILINE)}
CRASH_POINTS = "test_whatever_call_a_process_dies_at_its_heir_makes_it_as_if_nothing_had_been"
WANTED = "H1 H2 H3 H4 R1 R2 R3 R4 R5 C1 C2 C3 C4 C5 C6 C7 T1 T2 E1 P1".split()  # noqa: SIM905
UNTESTABLE = {"P1"}


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """Names of all tests there are."""
    text = "\n".join((ROOT / path).read_text() for path in files() if path.name.startswith("test_"))
    return set(re.findall(r"def (test_\w+)", text))


def test_every_moment_at_which_something_can_break_has_a_row() -> None:
    assert set(WANTED) <= ROWS.keys()


@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_row_names_tests_and_all_of_them_exist(row: str, tests: set[str]) -> None:
    named = set(re.findall(r"`(\w+)`", ROWS[row])) | ({CRASH_POINTS} if "crash points" in ROWS[row] else set())
    assert bool(named) != (row in UNTESTABLE)
    assert named <= tests


def test_what_is_called_crash_points_exists(tests: set[str]) -> None:
    assert f"`{CRASH_POINTS}`" in PAGE
    assert CRASH_POINTS in tests
