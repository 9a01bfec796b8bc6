"""Cases out of the system's own facts: what was known when a lead was qualified, and what came of that round."""

from __future__ import annotations

from typing import Any

import pytest

from baton.cli.training.facts import Goal, Histories
from baton.cli.training.tables import stages

SEEN = frozenset({"employees", "industry"})


def qualified(lead: str, number: int = 1, heard: int = 1, **more: Any) -> dict[str, Any]:
    data = {
        "round": number,
        "intake_sequence": heard,
        "qualified_at": f"2026-11-0{number}T09:00:00Z",
        "score": {"total": 40.0},
        "fields": {"employees": 420, "industry": None, "score": 40.0},
        "why": [{"criterion": "size", "value": True}, {"criterion": "need", "value": None}],
        **more,
    }
    return {"type": "lead.qualified", "subject": lead, "sequence": "0000000002", "data": data}


def status(lead: str, sequence: int, word: str, **more: Any) -> dict[str, Any]:
    data = {"status": word, "occurred_at": f"2026-11-02T09:00:{sequence:02}Z", **more}
    return {"type": "lead.status_reported", "subject": lead, "sequence": f"{sequence:010}", "data": data}


def recycled(lead: str, number: int) -> dict[str, Any]:
    return {"type": "lead.recycled", "subject": lead, "sequence": "0000000003", "data": {"round": number}}


def ends(goal: Goal, *said: dict[str, Any]) -> tuple[list[bool], int]:
    scoring = [one for one in said if one["type"] == "lead.qualified"]
    intake = [one for one in said if one["type"] == "lead.status_reported"]
    routing = [one for one in said if one["type"] == "lead.recycled"]
    cases, undecided = Histories.of(scoring, intake, routing).cases(goal, SEEN)
    return [case.ended_well for case in cases], undecided


def test_a_case_is_what_scoring_saw_and_nothing_that_the_decision_added() -> None:
    (case,), undecided = Histories.of([qualified("a")], [status("a", 2, "accepted")], []).cases("accepted", SEEN)
    assert case.view == {"employees": 420}
    assert case.criteria == {"size": True, "need": None}
    assert (case.rules, case.ended_well, undecided) == (40.0, True, 0)


@pytest.mark.parametrize(
    ("goal", "words", "well"),
    [
        ("accepted", ["accepted", "lost"], True),
        ("accepted", ["junk"], False),
        ("won", ["accepted", "opportunity", "won"], True),
        ("won", ["accepted", "lost"], False),
        ("accepted", ["won"], True),
    ],
)
def test_the_first_word_that_decides_counts(goal: Goal, words: list[str], well: bool) -> None:
    said = [status("a", 2 + number, word) for number, word in enumerate(words)]
    assert ends(goal, qualified("a"), *said) == ([well], 0)


def test_what_has_no_end_is_counted_and_left_out() -> None:
    assert ends("won", qualified("a"), status("a", 2, "accepted"), qualified("b")) == ([], 2)


def test_each_round_has_its_own_end() -> None:
    said = (qualified("a", 1, heard=1), qualified("a", 2, heard=4))
    assert ends("accepted", *said, status("a", 3, "recycle"), status("a", 5, "accepted")) == ([False, True], 0)


def test_a_round_that_routing_gave_back_ended_badly_and_one_word_before_it_counts_for_nothing() -> None:
    assert ends("accepted", qualified("a", heard=3), status("a", 2, "accepted"), recycled("a", 1)) == ([False], 0)


def test_test_leads_and_the_erased_are_no_cases() -> None:
    assert ends("won", qualified("a", is_test=True), qualified("b", fields={}), status("a", 2, "won")) == ([], 0)


def test_what_won_deals_knew_by_a_stage_is_told_where_enough_were_seen() -> None:
    said, scoring = [], []
    for number in range(120):
        lead, known, won = f"l{number}", number % 2 == 0, number % 2 == 0 or number % 10 == 1
        scoring.append(qualified(lead))
        details = {"budget": 5000} if known else {}
        said.append(status(lead, 2, "opportunity", stage="proposal", details=details))
        said.append(status(lead, 3, "won" if won else "lost", stage="closed", details={"note": "x"}))
    lines = {(one.stage, one.detail): one for one in stages(Histories.of(scoring, said, []).deals())}
    assert lines["proposal", "budget"].words == "without budget at proposal, 20% are won; with it 100%"
    assert lines["closed", "note"].words is None  # everybody has it: nothing to compare with
    few = stages(Histories.of(scoring[:20], said[:40], []).deals())
    assert all(one.words is None and one.line.verdict == "too few" for one in few)
