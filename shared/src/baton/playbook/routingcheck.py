"""Whether every routing rule leads somewhere and can be reached."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from baton.playbook.playbook import Playbook
from baton.playbook.positions import Document, Loc
from baton.playbook.problems import Problem
from baton.playbook.roster import RepSeed
from baton.playbook.routing import OF_THE_LEAD, POSTAL_FIELD, Pool, Routing, RoutingRule, Select, match_key

_RANGE = re.compile(r"^\s*(\d+)\s*-\s*(\d+)\s*$")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_NOT_MATCHABLE = ("double", "timestamp")
_NAMING = ("string", "list")


def check_routing(document: Document, playbook: Playbook) -> Iterator[Problem]:
    """Pools have people, rules name what exists, the last rule takes everybody, no rule hides another."""
    for index, pool in enumerate(playbook.routing.pools):
        yield from _pool(document, ("pools", index), pool, playbook)
    yield from _fallbacks(document, playbook.routing.pools)
    pools = {pool.id for pool in playbook.routing.pools}
    policies = {policy.id for policy in playbook.sla.policies}
    for index, rule in enumerate(playbook.routing.rules):
        at: Loc = ("rules", index)
        yield from _exists(document, (*at, "pool"), "pool", rule.pool, pools)
        yield from _exists(document, (*at, "policy"), "policy", rule.policy, policies)
        yield from _match(document, (*at, "match"), rule, playbook)
        yield from _people(document, at, rule, playbook)
    yield from _reach(document, playbook.routing)


def _exists(document: Document, at: Loc, what: str, name: str, known: set[str]) -> Iterator[Problem]:
    if name not in known:
        close = difflib.get_close_matches(name, sorted(known), 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"
        yield document.problem(at, f"there is no {what} {name!r}; {hint}")


def _pool(document: Document, at: Loc, pool: Pool, playbook: Playbook) -> Iterator[Problem]:
    if playbook.roster is None:
        return
    reps = {rep.id: rep for rep in playbook.roster.reps}
    seen: set[str] = set()
    for index, member in enumerate(pool.members):
        yield from _exists(document, (*at, "members", index, "rep"), "rep", member.rep, set(reps))
        if member.rep in seen:
            yield document.problem((*at, "members", index, "rep"), f"{member.rep!r} is in this pool twice")
        seen.add(member.rep)
    if pool.select is not None and not any(selected(pool.select, rep) for rep in reps.values()):
        yield document.problem((*at, "select"), "nobody in roster.yaml is selected by this", severity="warning")


def _fallbacks(document: Document, pools: Sequence[Pool]) -> Iterator[Problem]:
    """Each fallback is a pool, and whoever follows them comes to an end."""
    known = {pool.id: pool for pool in pools}
    for index, pool in enumerate(pools):
        at: Loc = ("pools", index, "fallback")
        if pool.fallback is None:
            continue
        yield from _exists(document, at, "pool", pool.fallback, set(known))
        if pool.rotation == "pull":
            yield document.problem(at, f"{pool.id!r} is a queue: leads wait in it, so its fallback is never asked")
        way = [pool.id]
        while (following := known[way[-1]].fallback) is not None and following in known and following not in way:
            way.append(following)
        if following == pool.id:
            yield document.problem(at, f"fallbacks go round in a circle: {' → '.join([*way, pool.id])}")


def _people(document: Document, at: Loc, rule: RoutingRule, playbook: Playbook) -> Iterator[Problem]:
    """What a rule asks of reps is told by fields of the lead, as text."""
    fields = {field.name: field for field in playbook.definition.fields}
    asked: list[tuple[Loc, str]] = []
    for part in ("must_have", "best_fit"):
        asked += [((*at, part, trait), name) for trait, name in getattr(rule, part).items()]
    asked += [
        ((*at, "prefer", index), name.removeprefix(OF_THE_LEAD))
        for index, name in enumerate(rule.prefer)
        if name.startswith(OF_THE_LEAD)
    ]
    for here, name in asked:
        field = fields.get(name)
        if field is None:
            close = difflib.get_close_matches(name, fields, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "; it takes the fields of definition.yaml"
            yield document.problem(here, f"lead has no field {name!r}{hint}")
        elif field.type not in _NAMING:
            yield document.problem(here, f"{name} is a {field.type}: only a string or a list of them says this")


def selected(select: Select, rep: RepSeed) -> bool:
    """True if the pool takes this rep of roster.yaml by team, skills and languages."""
    return (
        rep.active
        and (not select.teams or rep.team in select.teams)
        and set(select.skills) <= set(rep.skills)
        and (not select.languages or bool(set(select.languages) & set(rep.languages)))
    )


def _match(document: Document, at: Loc, rule: RoutingRule, playbook: Playbook) -> Iterator[Problem]:
    fields = {field.name: field for field in playbook.definition.fields}
    for name, values in rule.match.items():
        here: Loc = (*at, name)
        field = fields.get(name)
        if field is None:
            close = difflib.get_close_matches(name, fields, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "; match takes the fields of definition.yaml"
            yield document.problem(here, f"lead has no field {name!r}{hint}", at_key=True)
            continue
        if field.type in _NOT_MATCHABLE:
            yield document.problem(here, f"{name} is a {field.type}: compare it in `when:`", at_key=True)
        if not values:
            yield document.problem(here, "an empty list never matches")
        for index, value in enumerate(values):
            if field.source == "contact.country" and not _COUNTRY.fullmatch(value):
                yield document.problem((*here, index), f"{value!r} never matches: countries are two letters such as DE")
            yield from _postal(document, (*here, index), name, value)


def _postal(document: Document, at: Loc, name: str, value: str) -> Iterator[Problem]:
    if name != POSTAL_FIELD or not (found := _RANGE.match(value)):
        return
    low, high = found.groups()
    if len(low) != len(high) or int(low) > int(high):
        yield document.problem(at, f"{value!r} never matches: a range goes up and both ends have as many digits")


def _reach(document: Document, routing: Routing) -> Iterator[Problem]:
    """Linear in the number of rules: compares with whole earlier rules and with values that one-field rules claimed."""
    rules = routing.rules
    places = {rule.id: index for index, rule in enumerate(rules)}
    claimed: dict[tuple[str, str], str] = {}
    wholes: dict[frozenset[tuple[str, frozenset[str]]], str] = {}
    catch_all: RoutingRule | None = None
    for rule in routing.in_order():
        index = places[rule.id]
        above = catch_all.id if catch_all else _hidden_by(rule, claimed, wholes)
        if above is not None:
            yield document.problem(
                ("rules", index, "id"), f"never reached: {above!r} above takes every lead this rule would"
            )
        if rule.when is not None or rule.qualifies:  # the latter is passed over once its people have handed on
            continue
        if rule.catches_all:
            catch_all = catch_all or rule
        wholes.setdefault(_whole(rule), rule.id)
        if len(rule.match) == 1:
            name, values = next(iter(rule.match.items()))
            claimed.update(
                {(name, match_key(value)): rule.id for value in values if (name, match_key(value)) not in claimed}
            )
    if catch_all is None:
        yield document.problem(
            ("rules", len(rules) - 1, "id"), "the last rule must take every lead: one without match and when"
        )


def _hidden_by(
    rule: RoutingRule, claimed: dict[tuple[str, str], str], wholes: dict[frozenset[tuple[str, frozenset[str]]], str]
) -> str | None:
    if _whole(rule) in wholes:
        return wholes[_whole(rule)]
    for name, values in rule.match.items():
        takers = [claimed.get((name, match_key(value))) for value in values]
        if takers and all(takers):
            return takers[0]
    return None


def _whole(rule: RoutingRule) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset((name, frozenset(map(match_key, values))) for name, values in rule.match.items())
