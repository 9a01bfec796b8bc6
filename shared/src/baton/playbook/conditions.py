"""CEL conditions over a lead: checked against types when loaded, three-valued when judged (docs/adr/0006)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final

from cel_expr_python import cel

from baton.playbook.fields import Schema
from baton.playbook.rewrite import Names, names_in, runnable

LeadView = Mapping[str, Any]
"""The lead as conditions see it: field name to value, absent where unknown. Made by `lead_view`."""


class Truth(Enum):
    """What a condition says about a lead. Unknown is a value of its own, never false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """`missing` names the fields whose absence made it unknown; `error` says why a condition could not be computed."""

    truth: Truth
    missing: tuple[str, ...] = ()
    error: str | None = None

    @property
    def is_true(self) -> bool:
        """Whether the condition holds. False and unknown do not."""
        return self.truth is Truth.TRUE


TRUE, FALSE = Verdict(Truth.TRUE), Verdict(Truth.FALSE)


@dataclass(frozen=True)
class Condition:
    """One condition of a rule set: its rule's id and the text its author wrote."""

    id: str
    text: str


ABSENT: Final = object()
REMEMBERED: Final = 4096
"""Verdicts a rule set remembers, some 400 bytes each."""
LONGEST_REMEMBERED: Final = 200
"""Characters of the values a verdict is remembered by."""


@dataclass(slots=True)
class _Rule:
    """A condition made ready: the fields it names, the text that runs, and what that compiles to on first use."""

    id: str
    names: Names
    text: str
    program: cel.Expression | None = None


class _Asked:
    """A lead before the engine: handed over once for all conditions, and only if one is not remembered."""

    def __init__(self, view: LeadView, env: cel.Env) -> None:
        self.view = view
        self._env = env

    @cached_property
    def activation(self) -> cel.Activation:
        return self._env.Activation({"lead": self.view})


class RuleSet:
    """All conditions of one list. Judging is pure and safe to repeat.

    A condition says the same whenever the fields it names have the same values, and most values come again (so many
    employees, this job title, no such answer): what it said is remembered by them. For the example playbook's 18
    conditions that is 16 µs a lead instead of 150, most of which the engine spends on compiling regular expressions
    anew for each lead; a lead of which nothing is remembered takes 220.
    """

    def __init__(self, conditions: Sequence[Condition], schema: Schema) -> None:
        self.conditions = tuple(conditions)
        self._rules = {
            condition.id: _Rule(condition.id, names_in(condition.text), runnable(condition.text, schema))
            for condition in conditions
        }
        self._env = run_environment()
        self._remembered: dict[tuple[str, str], Verdict] = {}
        self.failures: dict[str, int] = {}
        """How often each condition could not be computed: it then counted as not met."""

    def judge(self, view: LeadView) -> dict[str, Verdict]:
        """A verdict for every condition, by id, in the order written."""
        asked = _Asked(view, self._env)
        return {rule_id: self._judged(rule, asked) for rule_id, rule in self._rules.items()}

    def judge_one(self, condition_id: str, view: LeadView) -> Verdict:
        """The verdict of one condition: for indexed rules, where few of many are ever looked at. Raises KeyError."""
        return self._judged(self._rules[condition_id], _Asked(view, self._env))

    def _judged(self, rule: _Rule, asked: _Asked) -> Verdict:
        view = asked.view
        # `repr` tells 1 from 1.0 and from True, which are equal to Python and not to CEL.
        key = (rule.id, repr([view.get(name, ABSENT) for name in rule.names.fields]))
        known = self._remembered.get(key)
        verdict = self._answer(rule, asked) if known is None else known
        if verdict.error is not None and not verdict.missing:
            self.failures[rule.id] = self.failures.get(rule.id, 0) + 1
        if known is not None:
            return known
        if len(key[1]) <= LONGEST_REMEMBERED and not rule.names.bare:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = verdict
        return verdict

    def _answer(self, rule: _Rule, asked: _Asked) -> Verdict:
        missing = tuple(name for name in rule.names.fields if name not in asked.view)
        if rule.program is None:
            rule.program = self._env.compile(rule.text)
        result = rule.program.eval(asked.activation)
        if result.type() == cel.Type.ERROR:
            return Verdict(Truth.UNKNOWN, missing, str(result.value()))
        if result.value() is True:
            return TRUE
        return Verdict(Truth.UNKNOWN, missing) if missing and not rule.names.asks_itself else FALSE


class Formula:
    """A CEL expression over doubles, such as the energy formula (Q2)."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text = text
        self.names = tuple(names)
        self._program = formula_environment(self.names).compile(text)
        self._remembered: dict[tuple[float, ...], float | None] = {}

    def value(self, numbers: Mapping[str, float]) -> float | None:
        """The result, or None when it cannot be computed (a division by zero, say). Names left out are 0.0.

        The same numbers give the same result, and come again: most points of a playbook are whole.
        """
        asked = tuple(float(numbers.get(name, 0.0)) + 0.0 for name in self.names)  # -0.0 is 0.0, as it is to a dict
        if asked in self._remembered:
            return self._remembered[asked]
        result = self._program.eval(data=dict(zip(self.names, asked, strict=True)))
        value = float(result.value()) if result.type() == cel.Type.DOUBLE else None
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[asked] = value
        return value


def run_environment() -> cel.Env:
    """Where conditions run: the lead is a map, so `has()` works and a missing field is an error and not a zero."""
    return cel.NewEnv(variables={"lead": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})


def formula_environment(names: Sequence[str]) -> cel.Env:
    """Where formulas are checked and run: every name is a double."""
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DOUBLE))


def element_environment() -> cel.Env:
    """Where the CEL of mappings runs: `element` and `body` without types, for their senders promise none."""
    return cel.NewEnv(variables={"element": cel.Type.DYN, "body": cel.Type.DYN})
