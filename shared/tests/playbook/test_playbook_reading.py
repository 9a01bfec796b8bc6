"""Paths into bodies, secrets, matching, energy and interest."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import pytest

from baton.playbook import (
    PathError,
    Secret,
    SecretMissing,
    energy_of,
    interest_of,
    load,
    match_key,
    parse_path,
    postal_covers,
    resolve,
    signals_of,
)
from baton.playbook.sources import StatusWords

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
EXAMPLE = Path(__file__).parents[3] / "deploy" / "playbook"
BODY = {
    "a.b": [
        {"id": 1, "groups": {"core": {"mail": {"value": None}}, "own": {"mail": {"value": "x@y.example"}}, "empty": []}}
    ],
    "one": {"id": 7},
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ('"a.b"[].id', [1]),
        ('"a.b"[0].groups.*.mail.value', ["x@y.example"]),
        ("one[].id", [7]),
        ("one.id", [7]),
        ("one[0]", []),
        ("nothing", []),
        ("nothing.more", []),
        ('"a.b"[5].id', []),
        ("*[].id", [1, 7]),
    ],
)
def test_a_path_leads_to_everything_that_is_there(path: str, found: list[object]) -> None:
    assert parse_path(path).all(BODY) == found
    assert parse_path(path).first(BODY) == (found[0] if found else None)


def test_columns_of_a_spreadsheet_are_paths() -> None:
    assert parse_path("Lead Number").first({"Lead Number": "660737"}) == "660737"


@pytest.mark.parametrize("text", ["", ".", "a.", "a[x]", "a..b", '"open', "a]b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)


def test_a_secret_is_read_when_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"old\n")
    assert resolve(Secret(file=str(file)), {}) == b"old"
    file.write_bytes(b"new\r\n")
    assert resolve(Secret(file=str(file)), {}) == b"new"
    assert resolve(Secret(env="TOKEN"), {"TOKEN": "t"}) == b"t"


def test_a_missing_secret_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="environment variable TOKEN is not set or empty"):
        resolve(Secret(env="TOKEN"), {"TOKEN": ""})
    with pytest.raises(SecretMissing, match=r"nowhere cannot be read: No such file"):
        resolve(Secret(file=str(tmp_path / "nowhere")), {})


@pytest.mark.parametrize(
    ("pattern", "code", "covered"),
    [
        ("10000-19999", "10115", True),
        ("10000-19999", "20000", False),
        ("1000-1999", "10115", False),
        ("EC*", "ec1a 1bb", True),
        ("EC*", "E1 6AN", False),
        ("SW1A 1AA", "sw1a1aa", True),
        ("01000-01999", "01067", True),
    ],
)
def test_postal_patterns_cover_what_people_mean(pattern: str, code: str, covered: bool) -> None:
    assert postal_covers(pattern, code) is covered


def test_values_are_compared_without_case_and_spare_blanks() -> None:
    assert match_key(" Acme   GmbH ") == match_key("ACME gmbh")
    assert match_key(True) == "true"


def test_behaviour_never_sets_energy_and_a_missing_answer_is_no_cold_lead() -> None:
    playbook = load(EXAMPLE)
    silent = energy_of(playbook, {})
    assert (silent.points, silent.temperature, silent.missing) == (None, "unknown", ("cause", "problem"))
    assert energy_of(playbook, {"cause": "event"}).missing == ("problem",)
    assert energy_of(playbook, {"cause": "no idea what you mean", "problem": "known"}).temperature == "unknown"


def test_energy_is_hot_warm_or_cold_by_the_playbooks_formula() -> None:
    playbook = load(EXAMPLE)
    asked = {"cause": "Event", "problem": {"value": "known"}, "horizon": "now"}
    assert (energy_of(playbook, asked).points, energy_of(playbook, asked).temperature) == (12.0, "hot")
    assert energy_of(playbook, {**asked, "problem": "none", "horizon": "later"}).temperature == "warm"
    assert energy_of(playbook, {"cause": "none", "problem": "none"}).temperature == "cold"


def test_a_signal_halves_in_its_half_life_and_counts_once() -> None:
    scoring = load(EXAMPLE).scoring
    activity = [{"kind": "form", "what": "demo", "occurred_at": "2026-11-01T12:00:00Z"}]
    (reading,) = signals_of(scoring, activity, NOW)
    assert (reading.signal.id, reading.events, reading.value) == ("demo_request", 1, 12.5)


def test_interest_does_not_depend_on_the_order_of_facts_and_stays_in_its_bounds() -> None:
    scoring = load(EXAMPLE).scoring
    activity = [
        {"kind": kind, "what": what, "occurred_at": f"2026-11-{day:02}T08:00:00Z"}
        for kind, what, day in [
            ("form", "demo", 3),
            ("page_view", "pricing", 9),
            ("download", "case-7", 17),
            ("page_view", "x", 20),
        ]
    ]
    sums = {interest_of(scoring, signals_of(scoring, list(order), NOW)) for order in itertools.permutations(activity)}
    assert len(sums) == 1
    assert interest_of(scoring, signals_of(scoring, activity * 50, NOW)) == 60
    careers = [{"kind": "page_view", "what": "careers/jobs", "occurred_at": "2026-11-22T08:00:00Z"}]
    assert interest_of(scoring, signals_of(scoring, careers, NOW)) == 0


def test_a_crms_words_are_ours_whatever_their_case() -> None:
    words = StatusWords(system="hubspot", statuses={"IN_PROGRESS": "accepted"}, reasons={"BAD_TIMING": "wrong_time"})
    assert (words.status(" in_progress "), words.status("NEW"), words.reason("bad_timing")) == (
        "accepted",
        None,
        "wrong_time",
    )
