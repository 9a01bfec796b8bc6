"""Whether routing rules get in each other's way: a wider one above, territories that overlap, queues nobody fills."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from baton.playbook.playbook import Playbook
from baton.playbook.positions import Document
from baton.playbook.problems import Problem
from baton.playbook.routing import POSTAL_FIELD, RoutingRule, match_key
from baton.playbook.routingcheck import selected

_RANGE = re.compile(r"(\d+)-(\d+)")
MOST_COMPARED = 200
"""Earlier rules a rule is compared with one by one: the check stays linear, and may miss something beyond."""


@dataclass(frozen=True)
class _Territory:
    """The keys of a rule as they are compared."""

    rule: RoutingRule
    plain: dict[str, frozenset[str]]
    postal: tuple[str, ...]

    @classmethod
    def of(cls, rule: RoutingRule) -> _Territory:
        plain = {key: frozenset(map(match_key, given)) for key, given in rule.match.items() if key != POSTAL_FIELD}
        codes = tuple("".join(pattern.split()).casefold() for pattern in rule.match.get(POSTAL_FIELD, ()))
        return cls(rule, plain, codes)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.rule.match)

    def covers(self, other: _Territory) -> bool:
        """True if every lead that fits the other fits this."""
        if not self.keys <= other.keys:
            return False
        if any(not other.plain[key] <= values for key, values in self.plain.items()):
            return False
        return all(any(_covers(wide, narrow) for wide in self.postal) for narrow in other.postal) or not self.postal

    def meets(self, other: _Territory) -> str | None:
        """What both take, in words; None if nothing. For territories by the same keys."""
        shared = {key: values & other.plain[key] for key, values in self.plain.items()}
        if not all(shared.values()):
            return None
        words = [f"{key} {', '.join(sorted(values)[:3])}" for key, values in sorted(shared.items())]
        if self.postal:
            found = (_meet(mine, theirs) for mine in self.postal for theirs in other.postal)
            both = next((codes for codes in found if codes), None)
            if both is None:
                return None
            words.append(f"{POSTAL_FIELD} {both}")
        return " and ".join(words)


@dataclass
class _Above:
    """The rules seen so far that take whatever fits their keys, findable by one of their values."""

    by_value: dict[tuple[str, str], list[_Territory]] = field(default_factory=dict)

    def add(self, one: _Territory) -> None:
        key = min(one.plain, key=lambda name: (len(one.plain[name]), name), default=None)
        values = one.plain[key] if key is not None else [""]
        for value in values:
            self.by_value.setdefault((key or POSTAL_FIELD, value), []).append(one)

    def near(self, one: _Territory) -> Iterator[_Territory]:
        """Those that share a value with this, and those by postal code alone."""
        seen = 0
        places = [(key, value) for key, values in one.plain.items() for value in sorted(values)]
        for place in [*places, *([(POSTAL_FIELD, "")] if one.postal else [])]:
            for other in self.by_value.get(place, ()):
                seen += 1
                if seen > MOST_COMPARED:
                    return
                yield other


def check_territories(document: Document, playbook: Playbook) -> Iterator[Problem]:
    """Errors for rules a wider one above takes everything from; warnings for overlaps and for pools without leads."""
    above = _Above()
    places = {rule.id: index for index, rule in enumerate(playbook.routing.rules)}
    for rule in playbook.routing.in_order():
        one = _Territory.of(rule)
        yield from _against(document, places[rule.id], one, above)
        if rule.match and rule.when is None and not rule.qualifies:
            above.add(one)
    yield from _dead_queues(document, playbook)


def _against(document: Document, index: int, one: _Territory, above: _Above) -> Iterator[Problem]:
    told: set[str] = set()
    for other in above.near(one):
        if other.rule.id in told:
            continue
        told.add(other.rule.id)
        if other.covers(one):
            why = f"never reached: {other.rule.id!r} above takes every lead this rule would"
            yield document.problem(("rules", index, "id"), why)
            return
        if one.rule.when is not None or one.keys != other.keys or one.covers(other):
            continue
        if (one.rule.pool, one.rule.policy) != (other.rule.pool, other.rule.policy) and (both := one.meets(other)):
            why = f"overlaps with {other.rule.id!r} above, which takes {both} before this rule does"
            yield document.problem(("rules", index, "match"), why, severity="warning")


def _dead_queues(document: Document, playbook: Playbook) -> Iterator[Problem]:
    led_to = {rule.pool for rule in playbook.routing.rules} | {pool.fallback for pool in playbook.routing.pools}
    for index, pool in enumerate(playbook.routing.pools):
        if pool.id not in led_to:
            why = f"no lead comes here: no rule leads to {pool.id!r}"
            yield document.problem(("pools", index, "id"), why, severity="warning")


def idle_reps(document: Document, playbook: Playbook) -> Iterator[Problem]:
    """A warning for every active rep of roster.yaml who is in no pool."""
    reps = playbook.roster.reps if playbook.roster else ()
    named = {member.rep for pool in playbook.routing.pools for member in pool.members}
    selects = [pool.select for pool in playbook.routing.pools if pool.select is not None]
    for index, rep in enumerate(reps):
        if rep.active and rep.id not in named and not any(selected(select, rep) for select in selects):
            why = f"{rep.id!r} is in no pool: no lead comes to him by itself"
            yield document.problem(("reps", index, "id"), why, severity="warning")


def _covers(wide: str, narrow: str) -> bool:
    """True if every code of the narrow pattern is one of the wide one."""
    if wide == narrow:
        return True
    if wide.endswith("*"):
        begins = wide[:-1]
        ends = _RANGE.fullmatch(narrow)
        return all(part.startswith(begins) for part in (ends.groups() if ends else (narrow.rstrip("*"),)))
    mine, theirs = _span(wide), _span(narrow)
    if mine is None or theirs is None or len(mine[0]) != len(theirs[0]):
        return False
    return mine[0] <= theirs[0] and theirs[1] <= mine[1]


def _meet(one: str, other: str) -> str | None:
    """The codes of both patterns as a pattern; None if there are none."""
    if _covers(one, other):
        return other
    if _covers(other, one):
        return one
    mine, theirs = _span(one), _span(other)
    if mine is None or theirs is None or len(mine[0]) != len(theirs[0]):
        return None
    low, high = max(mine[0], theirs[0]), min(mine[1], theirs[1])
    return f"{low}-{high}" if low <= high else None


def _span(pattern: str) -> tuple[str, str] | None:
    """The first and the last code of a range of digits, or of one code; texts of one length compare as numbers do."""
    if ends := _RANGE.fullmatch(pattern):
        low, high = ends.groups()
        return low, high
    return (pattern, pattern) if pattern.isdigit() else None
