"""The first rule that matches, found by index: the cost of a lead hardly grows from ten rules to ten thousand (H2).

Rules with the same match keys stand together in a shelf; in it a lead's own values are the address. So a lead is looked
up once per *set of keys* in use, of which a playbook has a handful, and not compared with every rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product
from typing import Any

from baton.playbook import RoutingRule, Verdict, match_key, postal_covers
from baton.playbook.rewrite import names_in
from baton.playbook.routing import POSTAL_FIELD
from baton.routing.domain.postal import PostalIndex

MOST_NEAR_MISSES = 10
MOST_ADDRESSES = 4096
"""A rule that lists more combinations of values than this is indexed by fewer of its keys; the others are compared."""

Judge = Callable[[str], Verdict]
"""Gives the verdict of a rule's `when`, by the rule's id."""
Address = tuple[str, ...]
Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Missed:
    """A rule before the one that matched, and what about the lead kept it from matching."""

    rule: str
    because: str


@dataclass(frozen=True)
class Match:
    """The rule that decides, if any, and the near misses before it in the playbook's order."""

    rule: RoutingRule | None
    near_misses: tuple[Missed, ...] = ()


@dataclass(frozen=True)
class Considered:
    """A rule as it was asked: the values it saw, and why it did not take the lead (None: it did)."""

    rule: RoutingRule
    saw: Mapping[str, Any]
    because: str | None
    misfits: tuple[str, ...] = ()
    """The keys of `match` that did not fit."""
    verdict: Verdict | None = None
    """Of its condition; None where it has none, or its keys did not fit."""


@dataclass
class _Shelf:
    """Rules that are indexed by the same keys, addressed by the values of those keys."""

    keys: tuple[str, ...]
    plain: dict[Address, list[int]] = field(default_factory=dict)
    postal: dict[Address, PostalIndex] = field(default_factory=dict)

    def find(self, values: Values, code: str | None) -> set[int]:
        found: set[int] = set()
        for address in product(*(values.get(key, ()) for key in self.keys)):
            found.update(self.plain.get(address, ()))
            if code is not None and address in self.postal:
                found.update(self.postal[address].covering(code))
        return found


@dataclass
class _Almost:
    """For near misses: the first rules by all of their keys but one. A handful per address is all that is shown."""

    keys: tuple[str, ...]
    first: dict[Address, list[int]] = field(default_factory=dict)

    def add(self, addresses: Sequence[Address], position: int) -> None:
        for address in addresses:
            listed = self.first.setdefault(address, [])
            if len(listed) <= MOST_NEAR_MISSES and position not in listed:
                listed.append(position)

    def find(self, values: Values) -> Iterator[int]:
        for address in product(*(values.get(key, ()) for key in self.keys)):
            yield from self.first.get(address, ())


class RuleIndex:
    """All routing rules of a playbook. `match` is pure; the index is built once per playbook version."""

    def __init__(self, rules: Sequence[RoutingRule]) -> None:
        self.rules = tuple(rules)
        self._wanted = tuple(_normal(rule) for rule in rules)
        self._shelves: dict[tuple[str, ...], _Shelf] = {}
        self._almost: dict[tuple[str, ...], _Almost] = {}
        self.fields = frozenset(chain.from_iterable(rule.match for rule in rules))
        for position, rule in enumerate(rules):
            self._put(position, rule)

    def match(self, view: Mapping[str, Any], judge: Judge, passing_over: frozenset[str] = frozenset()) -> Match:
        """The first rule, in the order they are asked, whose keys fit and whose condition is true (not unknown)."""
        values = {name: _keys_of(view[name]) for name in self.fields if name in view}
        code = _code_of(view)
        failed: dict[int, str] = {}
        for position in sorted(self._candidates(values, code)):
            rule = self.rules[position]
            if rule.id in passing_over or self._misfits(position, values, code):
                continue
            verdict = judge(rule.id) if rule.when is not None else None
            if verdict is None or verdict.is_true:
                return Match(rule, self._near_misses(position, failed, values, code, view))
            failed[position] = _say(rule, verdict)
        return Match(None, self._near_misses(len(self.rules), failed, values, code, view))

    def considered(
        self, view: Mapping[str, Any], judge: Judge, passing_over: frozenset[str] = frozenset()
    ) -> Iterator[Considered]:
        """Every rule in turn up to the one that decides, the long way: for telling why, not for deciding."""
        values = {name: _keys_of(view[name]) for name in self.fields if name in view}
        code = _code_of(view)
        for position, rule in enumerate(self.rules):
            if rule.id in passing_over:
                continue
            names = (*rule.match, *(names_in(rule.when).fields if rule.when is not None else ()))
            saw = {name: view.get(name) for name in names}
            if misfits := self._misfits(position, values, code):
                because = "; ".join(_differs(key, view, rule.match[key]) for key in misfits)
                yield Considered(rule, saw, because, tuple(misfits))
                continue
            verdict = judge(rule.id) if rule.when is not None else None
            if verdict is None or verdict.is_true:
                yield Considered(rule, saw, None, verdict=verdict)
                return
            yield Considered(rule, saw, _say(rule, verdict), verdict=verdict)

    def _put(self, position: int, rule: RoutingRule) -> None:
        wanted = self._wanted[position]
        keys = _indexed(wanted)
        shelf = self._shelves.setdefault(keys, _Shelf(keys))
        for address in product(*(sorted(wanted[key]) for key in keys)):
            if POSTAL_FIELD not in rule.match:
                shelf.plain.setdefault(address, []).append(position)
                continue
            index = shelf.postal.setdefault(address, PostalIndex())
            for pattern in rule.match[POSTAL_FIELD]:
                index.add(pattern, position)
        # A rule with postal patterns is near where only they keep the lead away; in another country no code is near.
        for left_out in (POSTAL_FIELD,) if POSTAL_FIELD in rule.match else rule.match:
            others = tuple(key for key in keys if key != left_out)
            almost = self._almost.setdefault(others, _Almost(others))
            almost.add(list(product(*(sorted(wanted[key]) for key in others))), position)

    def _candidates(self, values: Values, code: str | None) -> set[int]:
        found: set[int] = set()
        for shelf in self._shelves.values():
            found |= shelf.find(values, code)
        return found

    def _misfits(self, position: int, values: Values, code: str | None) -> list[str]:
        """The keys of the rule that do not fit."""
        wanted = self._wanted[position]
        misfits = [key for key in wanted if wanted[key].isdisjoint(values.get(key, ()))]
        patterns = self.rules[position].match.get(POSTAL_FIELD)
        if patterns and not (code is not None and any(postal_covers(pattern, code) for pattern in patterns)):
            misfits.append(POSTAL_FIELD)
        return misfits

    def _near_misses(
        self, before: int, failed: Mapping[int, str], values: Values, code: str | None, view: Mapping[str, Any]
    ) -> tuple[Missed, ...]:
        """Rules whose condition failed come first, then those that one key kept away; told in the rules' order."""
        near = dict(islice(failed.items(), MOST_NEAR_MISSES))
        almost = sorted({p for shelf in self._almost.values() for p in shelf.find(values) if p < before} - set(failed))
        for position in almost:
            if len(near) >= MOST_NEAR_MISSES:
                break
            misfits = self._misfits(position, values, code)
            if len(misfits) == 1:
                key = misfits[0]
                near[position] = _differs(key, view, self.rules[position].match[key])
        return tuple(Missed(self.rules[position].id, near[position]) for position in sorted(near))


def _normal(rule: RoutingRule) -> dict[str, frozenset[str]]:
    """The values of every key in the form they are compared in; postal patterns are compared by `postal_covers`."""
    return {key: frozenset(map(match_key, given)) for key, given in rule.match.items() if key != POSTAL_FIELD}


def _indexed(wanted: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The keys to index by: all of them, less the longest lists while their combinations are too many."""
    keys = sorted(wanted, key=lambda key: (len(wanted[key]), key))
    combinations, kept = 1, []
    for key in keys:
        combinations *= len(wanted[key])
        if combinations > MOST_ADDRESSES:
            break
        kept.append(key)
    # One long list alone (all the accounts of a team) is still the best address there is.
    return tuple(sorted(kept or keys[:1]))


def _keys_of(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(match_key(item) for item in value))
    return (match_key(value),)


def _code_of(view: Mapping[str, Any]) -> str | None:
    code = view.get(POSTAL_FIELD)
    return None if code is None else str(code)


def _differs(key: str, view: Mapping[str, Any], wanted: Sequence[str]) -> str:
    shown = ", ".join(wanted[:3]) + (f" or {len(wanted) - 3} more" if len(wanted) > 3 else "")
    return f"{key} is {_shown(view[key])}, not {shown}" if key in view else f"{key} is unknown, not {shown}"


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _say(rule: RoutingRule, verdict: Verdict) -> str:
    if verdict.missing:
        return f"its condition is unknown: nobody knows {', '.join(verdict.missing)}"
    if verdict.error:
        return f"its condition could not be computed: {_shown(verdict.error.removeprefix('INVALID_ARGUMENT: '))}"
    return f"its condition is not met: {rule.when if rule.when and len(rule.when) <= 80 else 'when'}"
