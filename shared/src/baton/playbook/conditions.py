"""CEL conditions over a lead: checked against types when loaded, three-valued when judged (docs/adr/0006)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

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


# The engine refuses more than 100,000 code points; a list this long compiles in some 20 ms and already costs next to
# nothing per rule beyond what the rule itself costs.
MOST_CODE_POINTS = 60_000


class RuleSet:
    """All conditions of one list, run as one program (a few, when they are very long).

    Judging is pure and safe to repeat.
    """

    def __init__(self, conditions: Sequence[Condition], schema: Schema) -> None:
        self.conditions = tuple(conditions)
        self._names: tuple[Names, ...] = tuple(names_in(condition.text) for condition in conditions)
        self._texts = tuple(runnable(condition.text, schema) for condition in conditions)
        self._index = {condition.id: index for index, condition in enumerate(self.conditions)}
        self._env = run_environment()
        self._singles: dict[int, cel.Expression] = {}

    def judge(self, view: LeadView) -> dict[str, Verdict]:
        """A verdict for every condition, by id, in the order written."""
        activation = self._env.Activation({"lead": view})
        verdicts: list[Verdict] = []
        for indexes, program in self._programs:
            verdicts.extend(self._judge_chunk(indexes, program, activation, view))
        return {condition.id: verdict for condition, verdict in zip(self.conditions, verdicts, strict=True)}

    def judge_one(self, condition_id: str, view: LeadView) -> Verdict:
        """The verdict of one condition: for indexed rules, where few of many are ever looked at. Raises KeyError."""
        return self._judge_one(self._index[condition_id], self._env.Activation({"lead": view}), view)

    @cached_property
    def _programs(self) -> tuple[tuple[range, cel.Expression], ...]:
        """Compiled when first needed: a rule set of which single rules are asked never pays for it."""
        programs = []
        for indexes in chunks([len(text) + 2 for text in self._texts], MOST_CODE_POINTS):
            text = ", ".join(self._texts[index] for index in indexes)
            programs.append((indexes, self._env.compile(f"[{text}]")))
        return tuple(programs)

    def _judge_chunk(
        self, indexes: range, program: cel.Expression, activation: cel.Activation, view: LeadView
    ) -> list[Verdict]:
        result = program.eval(activation)
        if result.type() == cel.Type.ERROR:
            # One term in error makes the whole list an error: ask one by one and say whose fault it was.
            return [self._judge_one(index, activation, view) for index in indexes]
        return [
            self._verdict(index, value is True, view)
            for index, value in zip(indexes, result.plain_value(), strict=True)
        ]

    def _judge_one(self, index: int, activation: cel.Activation, view: LeadView) -> Verdict:
        if index not in self._singles:
            self._singles[index] = self._env.compile(self._texts[index])
        result = self._singles[index].eval(activation)
        if result.type() == cel.Type.ERROR:
            return Verdict(Truth.UNKNOWN, self._missing(index, view), str(result.value()))
        return self._verdict(index, result.value() is True, view)

    def _verdict(self, index: int, holds: bool, view: LeadView) -> Verdict:
        if holds:
            return TRUE
        missing = () if self._names[index].asks_itself else self._missing(index, view)
        return Verdict(Truth.UNKNOWN, missing) if missing else FALSE

    def _missing(self, index: int, view: LeadView) -> tuple[str, ...]:
        return tuple(name for name in self._names[index].fields if name not in view)


def chunks(sizes: Sequence[int], most: int) -> list[range]:
    """Neighbours grouped so that no group of more than one is larger than `most`."""
    groups: list[range] = []
    start, total = 0, 0
    for index, size in enumerate(sizes):
        if index > start and total + size > most:
            groups.append(range(start, index))
            start, total = index, 0
        total += size
    return [*groups, range(start, len(sizes))] if sizes else []


class Formula:
    """A CEL expression over doubles, such as the energy formula (Q2)."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text = text
        self.names = tuple(names)
        self._program = formula_environment(self.names).compile(text)

    def value(self, numbers: Mapping[str, float]) -> float | None:
        """The result, or None when it cannot be computed (a division by zero, say). Names left out are 0.0."""
        data = {name: float(numbers.get(name, 0.0)) for name in self.names}
        result = self._program.eval(data=data)
        return float(result.value()) if result.type() == cel.Type.DOUBLE else None


def run_environment() -> cel.Env:
    """Where conditions run: the lead is a map, so `has()` works and a missing field is an error and not a zero."""
    return cel.NewEnv(variables={"lead": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})


def formula_environment(names: Sequence[str]) -> cel.Env:
    """Where formulas are checked and run: every name is a double."""
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DOUBLE))


def element_environment() -> cel.Env:
    """Where the CEL of mappings runs: `element` and `body` without types, for their senders promise none."""
    return cel.NewEnv(variables={"element": cel.Type.DYN, "body": cel.Type.DYN})
