"""Conditions are true, false or unknown; only true ever counts."""

from __future__ import annotations

import itertools

import pytest

from baton.playbook import Condition, Formula, RuleSet, Truth
from baton.playbook.conditions import REMEMBERED
from baton.playbook.fields import Schema

SCHEMA = Schema(
    {
        "country": "string",
        "employees": "int",
        "revenue": "double",
        "free": "bool",
        "seen": "timestamp",
        "tags": "list",
        "divisor": "int",
    }
)


def judge(text: str, **view: object) -> tuple[Truth, tuple[str, ...]]:
    verdict = RuleSet([Condition("it", text)], SCHEMA).judge(view)["it"]
    return verdict.truth, verdict.missing


def test_a_condition_over_known_fields_is_true_or_false() -> None:
    assert judge("lead.employees >= 50", employees=50) == (Truth.TRUE, ())
    assert judge("lead.employees >= 50", employees=49) == (Truth.FALSE, ())


def test_a_missing_field_makes_it_unknown_and_is_named() -> None:
    assert judge("lead.employees < 10") == (Truth.UNKNOWN, ("employees",))
    assert judge("lead.employees < 10 && lead.country == 'DE'", employees=5) == (Truth.UNKNOWN, ("country",))


def test_a_negation_does_not_turn_unknown_into_true() -> None:
    assert judge("!(lead.employees < 10)") == (Truth.UNKNOWN, ("employees",))
    assert judge("!lead.free") == (Truth.UNKNOWN, ("free",))


def test_an_or_needs_both_sides_unless_its_author_asked_has() -> None:
    assert judge("lead.employees > 10 || lead.free", employees=20) == (Truth.UNKNOWN, ("free",))
    assert judge("lead.employees > 10 || has(lead.free) && lead.free", employees=20) == (Truth.TRUE, ())


def test_an_author_who_asks_has_gets_his_own_answer() -> None:
    assert judge("has(lead.employees) && lead.employees > 10") == (Truth.FALSE, ())
    assert judge("!has(lead.employees)") == (Truth.TRUE, ())
    assert judge("has(lead.country) || lead.employees > 10") == (Truth.UNKNOWN, ("country", "employees"))


def test_one_rule_in_error_leaves_its_neighbours_their_answers() -> None:
    rules = RuleSet(
        [
            Condition("fine", "lead.employees > 1"),
            Condition("broken", "10 / lead.divisor > 1"),
            Condition("no", "lead.employees > 9"),
        ],
        SCHEMA,
    )
    verdicts = rules.judge({"employees": 5, "divisor": 0})
    assert [verdicts[name].truth for name in ("fine", "broken", "no")] == [Truth.TRUE, Truth.UNKNOWN, Truth.FALSE]
    assert "divi" in str(verdicts["broken"].error)
    assert verdicts["broken"].missing == ()


def test_an_error_text_is_never_taken_for_true() -> None:
    """The engine hands errors out as text, which Python calls true."""
    assert judge("timestamp(lead.country) > timestamp('2026-01-01T00:00:00Z')", country="soon")[0] is Truth.UNKNOWN


def test_judging_one_gives_what_judging_all_gives() -> None:
    texts = ["lead.employees > 1", "lead.country == 'DE'", "has(lead.free)", "1 / lead.divisor > 0"]
    rules = RuleSet([Condition(str(number), text) for number, text in enumerate(texts)], SCHEMA)
    for view in ({}, {"employees": 2}, {"employees": 0, "country": "DE", "free": False, "divisor": 0}):
        assert {name: rules.judge_one(name, view) for name in "0123"} == rules.judge(view)


def test_times_are_compared_as_times() -> None:
    text = "lead.seen > timestamp('2026-06-01T00:00:00Z') && has(lead.seen)"
    assert judge(text, seen="2026-07-01T00:00:00Z") == (Truth.TRUE, ())
    assert judge("lead.seen < timestamp('2026-06-01T00:00:00Z')", seen="2026-05-31T23:00:00-02:00") == (Truth.FALSE, ())


def test_words_in_quotes_and_remarks_are_no_fields() -> None:
    text = "lead.country == 'has(lead.free) lead.revenue' // lead.employees"
    assert judge(text, country="x") == (Truth.FALSE, ())


@pytest.mark.parametrize("quoted", [r"r'a\d'", r"'\\'", r"'\''", '''"""a"b"""''', r'"\""', "string(b'x')"])
def test_a_string_ends_where_it_ends(quoted: str) -> None:
    text = f"lead.country == {quoted} || lead.free"
    assert judge(text, country="x") == (Truth.UNKNOWN, ("free",))
    assert judge(text, country="x", free=True) == (Truth.TRUE, ())


def test_an_empty_rule_set_says_nothing() -> None:
    assert RuleSet([], SCHEMA).judge({"employees": 1}) == {}


def test_five_hundred_rules_with_many_fields_are_judged_together() -> None:
    wide = (
        " && ".join(f"lead.employees > {number}" for number in range(30))
        + " && lead.country == 'DE' && lead.revenue > 1.0"
    )
    rules = RuleSet([Condition(str(number), wide) for number in range(500)], SCHEMA)
    verdicts = rules.judge({"employees": 100, "country": "DE", "revenue": 2.0})
    assert len(verdicts) == 500
    assert all(verdict.is_true for verdict in verdicts.values())


@pytest.mark.parametrize(("problem", "expected"), [(1.0, 9.0), (0.0, 3.0)])
def test_a_known_problem_squares_the_energy_of_the_cause(problem: float, expected: float) -> None:
    formula = Formula("problem > 0.0 ? cause * cause : cause", ["cause", "problem"])
    assert formula.value({"cause": 3.0, "problem": problem}) == expected


def test_a_formula_takes_what_is_left_out_as_nothing() -> None:
    assert Formula("a + b", ["a", "b"]).value({"a": 2.0}) == 2.0


def test_the_rules_do_not_depend_on_when_they_run() -> None:
    rules = RuleSet([Condition("it", "lead.employees >= 50")], SCHEMA)
    views = [{"employees": number} for number in (49, 50, 51)] * 3
    assert [rules.judge(view)["it"].is_true for view in views] == [False, True, True] * 3


def test_what_was_said_of_one_value_is_not_said_of_one_that_python_calls_equal() -> None:
    rules = RuleSet([Condition("it", "lead.employees == 1")], SCHEMA)
    told = [rules.judge({"employees": value})["it"].truth for value in (1, True, "1", 1, True)]
    assert told == [Truth.TRUE, Truth.FALSE, Truth.FALSE, Truth.TRUE, Truth.FALSE]


def test_a_rule_set_that_has_judged_many_leads_judges_like_a_new_one() -> None:
    texts = [
        "lead.employees > 3 && lead.free",
        "lead.country == 'DE'",
        "!has(lead.tags) || lead.tags.exists(t, t == 'a')",
    ]
    conditions = [Condition(str(number), text) for number, text in enumerate(texts)]
    views = [
        {
            name: value
            for name, value in zip(("employees", "free", "country", "tags"), values, strict=True)
            if value != ""
        }
        for values in itertools.product(("", 3, 4), ("", True, False), ("", "DE", "SE"), ("", [], ["a"], ["b", "a"]))
    ]
    experienced = RuleSet(conditions, SCHEMA)
    for view in views * 2:
        assert experienced.judge(view) == RuleSet(conditions, SCHEMA).judge(view)


def test_a_rule_set_remembers_no_more_than_it_may() -> None:
    rules = RuleSet([Condition("it", "lead.employees > 5000")], SCHEMA)
    for number in range(2 * REMEMBERED):
        assert rules.judge({"employees": number})["it"].is_true is (number > 5000)
    assert len(rules._remembered) <= REMEMBERED
