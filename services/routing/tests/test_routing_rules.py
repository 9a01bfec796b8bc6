"""The first rule in order decides, found by index and not by comparing every rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.playbook import FALSE, TRUE, RoutingRule, Truth, Verdict, match_key, postal_covers
from baton.routing.domain.postal import PostalIndex
from baton.routing.domain.rules import MOST_NEAR_MISSES, RuleIndex

COUNTRIES, SEGMENTS, PRODUCTS = ("DE", "SE", "US"), ("small", "big"), ("planning", "slotting", "labour")
PATTERNS = ("80331", "80000-80999", "80300-80399", "8*", "EC*", "1000-1999", "ec1a 1bb")
CODES = ("80331", "80999", "10115", "1500", "EC1A 1BB", "8")


def rule(number: int, match: dict[str, Any] | None = None, when: str | None = None) -> RoutingRule:
    fits = {key: tuple(values) for key, values in (match or {}).items()}
    return RoutingRule(id=f"r{number}", label=f"Rule {number}", match=fits, when=when, pool="p", policy="s")


def judge_true(_: str) -> Verdict:
    return TRUE


def fits(one: RoutingRule, view: dict[str, Any]) -> bool:
    """What `match:` means, said without an index."""
    for key, wanted in one.match.items():
        if key not in view:
            return False
        given = view[key] if isinstance(view[key], list) else [view[key]]
        if key == "postal_code":
            if not any(postal_covers(pattern, str(view[key])) for pattern in wanted):
                return False
        elif not {match_key(value) for value in given} & {match_key(value) for value in wanted}:
            return False
    return True


def some(values: tuple[str, ...]) -> Any:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


matches = st.fixed_dictionaries(
    {},
    optional={
        "country": some(COUNTRIES),
        "segment": some(SEGMENTS),
        "product": some(PRODUCTS),
        "postal_code": some(PATTERNS),
    },
)
views = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from((*COUNTRIES, "de ", "BR")),
        "segment": st.sampled_from(SEGMENTS),
        "product": st.one_of(st.sampled_from(PRODUCTS), some(PRODUCTS)),
        "postal_code": st.sampled_from(CODES),
    },
)


@settings(max_examples=400, deadline=None)
@given(st.lists(matches, max_size=25), views, st.integers(0, 2**25))
def test_the_index_finds_what_reading_all_rules_in_order_would_find(
    given_matches: list[dict[str, Any]], view: dict[str, Any], truths: int
) -> None:
    rules = [rule(n, match, "lead.x" if n % 3 == 0 else None) for n, match in enumerate(given_matches)]

    def judge(rule_id: str) -> Verdict:
        return TRUE if truths >> int(rule_id[1:]) & 1 else FALSE

    def holds(one: RoutingRule) -> bool:
        return fits(one, view) and (one.when is None or judge(one.id).is_true)

    found = RuleIndex(rules).match(view, judge)
    assert found.rule == next((one for one in rules if holds(one)), None)
    assert len(found.near_misses) <= MOST_NEAR_MISSES
    before = rules.index(found.rule) if found.rule else len(rules)
    for missed in found.near_misses:
        number = int(missed.rule[1:])
        assert number < before
        assert not holds(rules[number])
        assert missed.because


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(10, 99), st.integers(0, 30)), max_size=40),
    st.integers(0, 120).map(lambda n: f"{n:02d}"),
)
def test_ranges_are_found_as_if_each_were_looked_at(ranges: list[tuple[int, int]], code: str) -> None:
    index = PostalIndex()
    patterns = [f"{low:02d}-{min(99, low + width):02d}" for low, width in ranges]
    for position, pattern in enumerate(patterns):
        index.add(pattern, position)
    assert index.covering(code) == {n for n, pattern in enumerate(patterns) if postal_covers(pattern, code)}


def test_case_and_blanks_do_not_matter() -> None:
    index = RuleIndex([rule(0, {"country": ["DE"], "postal_code": ["EC1A 1BB"]})])
    assert index.match({"country": " de", "postal_code": "ec1a1bb"}, judge_true).rule is not None


def test_what_is_unknown_does_not_match_and_is_said() -> None:
    rules = [rule(0, {"country": ["DE"], "segment": ["big"]}), rule(1)]
    found = RuleIndex(rules).match({"segment": "big"}, judge_true)
    assert found.rule == rules[1]
    assert [(m.rule, m.because) for m in found.near_misses] == [("r0", "country is unknown, not DE")]


def test_an_unknown_condition_does_not_match_and_says_which_fields_nobody_knows() -> None:
    rules = [rule(0, {"country": ["DE"]}, "lead.employees > 10"), rule(1, {"country": ["DE"]})]
    unknown = Verdict(Truth.UNKNOWN, ("employees",))
    found = RuleIndex(rules).match({"country": "DE"}, lambda _: unknown)
    assert found.rule == rules[1]
    assert found.near_misses[0].because == "its condition is unknown: nobody knows employees"


def test_a_rule_far_from_the_lead_is_no_near_miss() -> None:
    rules = [
        rule(0, {"country": ["SE"], "segment": ["big"]}),
        rule(1, {"country": ["US"], "segment": ["small"]}),
        rule(2),
    ]
    found = RuleIndex(rules).match({"country": "DE", "segment": "small"}, judge_true)
    assert [missed.rule for missed in found.near_misses] == ["r1"]


def test_a_long_list_of_accounts_is_an_address_too() -> None:
    accounts = [f"account {number}" for number in range(6000)]
    rules = [rule(0, {"country": list(COUNTRIES), "account": accounts}), rule(1)]
    index = RuleIndex(rules)
    assert index.match({"country": "DE", "account": "Account 5999"}, judge_true).rule == rules[0]
    assert index.match({"country": "BR", "account": "account 5999"}, judge_true).rule == rules[1]


@pytest.mark.parametrize("count", [10, 10_000])
def test_only_the_rules_at_the_lead_s_address_are_looked_at(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the cost of a lead flat: the number of rules compared does not grow with the number of rules."""
    rules = [
        rule(n, {"country": [f"c{n % 50}"], "segment": [f"s{n // 50 % 20}"], "product": [f"p{n // 1000}"]})
        for n in range(count)
    ]
    index = RuleIndex([*rules, rule(count)])
    looked: list[int] = []
    compare = index._misfits
    monkeypatch.setattr(index, "_misfits", lambda position, *rest: looked.append(position) or compare(position, *rest))
    last = {
        "country": f"c{(count - 1) % 50}",
        "segment": f"s{(count - 1) // 50 % 20}",
        "product": f"p{(count - 1) // 1000}",
    }
    assert index.match(last, judge_true).rule == rules[-1]
    assert len(looked) <= 1 + 3 * (MOST_NEAR_MISSES + 1)
