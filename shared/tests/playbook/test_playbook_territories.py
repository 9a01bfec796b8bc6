"""Rules that get in each other's way, queues nobody fills and reps nobody asks are found before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from baton.playbook import check, load

Writer = Callable[..., Path]
REST = "  - {id: rest, label: Rest, pool: north, policy: standard}\n"
SOUTH = "  - {id: south, label: South, members: [{rep: bo}]}\n"


def rule(name: str, match: str, more: str = "", pool: str = "north") -> str:
    return f"  - {{id: {name}, label: L, match: {{{match}}}, {more}pool: {pool}, policy: standard}}\n"


def said(written: Writer, *rules: str, south: bool = True) -> list[str]:
    """What check says of these rules, which begin in line 7 of routing.yaml."""
    before = (
        """rules:
  - id: germany
    label: Germany
    match: {country: [DE], postal_code: ["10000-19999"]}
    when: lead.employees > 10
    pool: north
    policy: standard
"""
        + REST
    )
    after = (SOUTH if south else "") + "rules:\n" + "".join(rules)
    if south:
        after += "  - {id: some, label: S, when: lead.free_mail, pool: south, policy: standard}\n"
    return [str(problem) for problem in check(written(routing=(before, after + REST)))]


HIDDEN = {
    "fewer keys": ("country: [DE, AT], tags: [x, z]", "country: [DE], tags: [x], free_mail: ['true']", ""),
    "a wider range": (
        "country: [DE], postal_code: ['80000-89999']", "country: [DE], postal_code: ['81000-81999', '80331']", "",
    ),
    "a shorter beginning": ("postal_code: ['EC*']", "country: [GB], postal_code: ['EC1*', 'ec2a 4bx']", ""),
    "a beginning and a range": ("postal_code: ['8*']", "postal_code: ['80000-81999']", ""),
    "a condition beside": (
        "country: [DE], tags: [x]", "country: [de], tags: [X]", "when: lead.employees > 5, ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wide", "narrow", "when"), HIDDEN.values(), ids=HIDDEN)
def test_a_rule_below_a_wider_one_is_never_reached(written: Writer, wide: str, narrow: str, when: str) -> None:
    found = said(written, rule("wide", wide, pool="south"), rule("narrow", narrow, when))
    assert found == ["routing.yaml:8:10: never reached: 'wide' above takes every lead this rule would"]


CLEAR = {
    "the narrower first": ("country: [DE], tags: [x]", "country: [DE]", ""),
    "a narrower postal range first": (
        "country: [DE], postal_code: ['80331']", "country: [DE], postal_code: ['80000-89999']", "",
    ),
    "other keys": ("country: [DE], tags: [x]", "country: [DE], free_mail: ['true']", ""),
    "codes of another length": ("postal_code: ['1000-1999']", "postal_code: ['10000-19999']", ""),
    "neighbours": (
        "country: [DE], postal_code: ['80000-84999']", "country: [DE], postal_code: ['85000-89999']", "",
    ),
    "other countries": ("country: [DE], postal_code: ['8*']", "country: [AT], postal_code: ['80*']", ""),
    "a beginning that is longer": ("postal_code: ['EC1*']", "postal_code: ['EC*']", ""),
    "a condition of its own above": ("country: [DE, AT]", "country: [DE, CH]", "when: lead.employees > 5, "),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "when"), CLEAR.values(), ids=CLEAR)
def test_rules_that_leave_each_other_something_are_fine(written: Writer, first: str, second: str, when: str) -> None:
    assert said(written, rule("first", first, pool="south"), rule("second", second, when)) == []


def test_territories_that_overlap_are_a_warning_with_what_both_take(written: Writer) -> None:
    found = said(
        written,
        rule("a", "country: [DE], postal_code: ['80000-84999']", pool="south"),
        rule("b", "country: [DE], postal_code: ['83000-89999']"),
    )
    assert found == [
        "routing.yaml:8:30: warning: overlaps with 'a' above, which takes country de and postal_code 83000-84999 "
        "before this rule does"
    ]
    found = said(written, rule("a", "country: [DE, AT]", pool="south"), rule("b", "country: [AT, CH]"))
    assert found == [
        "routing.yaml:8:30: warning: overlaps with 'a' above, which takes country at before this rule does"
    ]
    same_pool = said(written, rule("a", "country: [DE, AT]"), rule("b", "country: [AT, CH]"))
    assert same_pool == []


def test_a_pool_no_rule_leads_to_is_a_warning(written: Writer) -> None:
    path = written(routing=("rules:\n", SOUTH + "rules:\n"))
    assert [str(problem) for problem in check(path)] == [
        "routing.yaml:5:10: warning: no lead comes here: no rule leads to 'south'"
    ]
    assert load(path).routing.pool("south").label == "South"


def test_a_rep_in_no_pool_is_a_warning(written: Writer) -> None:
    more = "{id: ann, name: Ann, email: ann@house.example, team: north, zone: Europe/Berlin, calendar: berlin}"
    path = written(roster=("reps:\n", f"reps:\n  - {more}\n"))
    assert [str(problem) for problem in check(path)] == [
        "roster.yaml:2:10: warning: 'ann' is in no pool: no lead comes to him by itself"
    ]


def test_thousands_of_territories_are_checked_without_comparing_each_with_each(written: Writer) -> None:
    rules = [rule(f"r{n}", f"country: [DE], postal_code: ['{10000 + n * 5}-{10004 + n * 5}']") for n in range(2000)]
    assert said(written, *rules, south=False) == []
