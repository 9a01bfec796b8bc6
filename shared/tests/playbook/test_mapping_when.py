"""A mapping's condition that needs a field is not even asked of what has none; where absence counts, it is."""

from __future__ import annotations

from typing import Any

import pytest

from baton.playbook.conditions import element_environment
from baton.playbook.picking import Program

ELEMENTS: tuple[Any, ...] = ("text*", 5, None, [1], {}, {"a": "x"}, {"b": 1}, {"a": None, "c": True})
ENVIRONMENT = element_environment()


def program(text: str) -> Program:
    return Program(text, ENVIRONMENT.compile(text))


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("element.a == 'x'", [{"a"}]),
        ("element.a != 'y'", [{"a"}]),
        ("element.a == 'x' || has(element.b) && element.b == 1", [{"a", "b"}]),
        ("has(element.a) && !has(element.b) && element.a == 'x'", [{"a"}, {"a"}]),
        ("body.kind == 'x' && element.a == 'x'", [{"a"}]),
        ("has(element.a.inner)", [{"a"}]),
        ("string(element.a) == string(element.b)", [{"a", "b"}]),
        ("!has(element.a)", []),
        ("!(has(element.a) && has(element.b))", []),
        ("has(element.a) == false", []),
        ("element.c == true", []),
        ("has(element.a) ? element.b == 1 : 2 > 1", []),
        ("element.endsWith('*')", []),
        ("body.kind == 'x' || element.a == 'x'", []),
        ("element == 5", []),
    ],
)
def test_a_condition_holds_of_the_same_elements_whether_or_not_they_are_looked_at_first(
    text: str, needs: list[set[str]]
) -> None:
    condition = program(text)
    assert list(condition.needs) == needs
    for element in ELEMENTS:
        for body in ({"kind": "x"}, {}):
            assert condition.holds(element, body) == (condition.value(element, body) is True), element
