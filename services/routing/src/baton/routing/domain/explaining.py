"""Why a decision fell as it did, worked out anew from what it was made from. Pure.

Nothing here is read from a log: rules, rotation and words come of answering the kept question again
(docs/adr/0004-books-and-reproducibility.md). Whether that gives what was published is part of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from baton.routing.domain.house import House
from baton.routing.domain.placement import Placed, Unplaced, place_again
from baton.routing.domain.roster import Roster
from baton.routing.domain.rotation import Standing, in_the_running
from baton.routing.domain.rules import Considered

MOST_RULES = 500
"""Rules told of one by one; of more, those nearest to the one that decided. All are counted."""
MOST_DIFFERENCES = 12
"""Ways told in which the decision would have been another one."""


@dataclass(frozen=True)
class Case:
    """A kept decision answered again: by the same playbook, roster and accounts."""

    house: House
    roster: Roster
    kept: Mapping[str, Any]
    """Inputs, hash of the inputs, answer and outcome as they were kept."""
    answer: Placed | Unplaced
    rules: tuple[Considered, ...]

    @classmethod
    def of(cls, kept: Mapping[str, Any], house: House, roster: Roster) -> Case:
        """The case of a kept decision. Raises ValueError for another playbook or roster than it was made with."""
        answer = place_again(kept["inputs"], house, roster)
        asked = answer.inputs.asked
        passed_over = house.qualifying if asked.is_handed_on else frozenset()
        return cls(house, roster, kept, answer, tuple(house.considered(asked.view, passed_over)))

    def name(self, rep_id: str) -> str:
        """What the rep is called."""
        rep = self.roster.reps.get(rep_id)
        return rep.name if rep is not None else rep_id

    @property
    def by_hand(self) -> bool:
        """True if somebody named the owner."""
        return self.kept["inputs"]["asked"]["to"] is not None

    @property
    def running(self) -> list[Standing]:
        """Who could have had the lead, the chosen one first."""
        return in_the_running(self.answer.standings)

    @property
    def runner_up(self) -> Standing | None:
        """Who would have had it without the owner."""
        if not isinstance(self.answer, Placed):
            return None
        return next((one for one in self.running if one.rep != self.answer.rep), None)


def differences(case: Case) -> list[str]:
    """Where the recomputed decision is not what was published; empty if it is the same to the byte."""
    said, again = case.kept["answer"], case.answer
    found = []
    if again.inputs.hash != case.kept["inputs_hash"]:
        found.append(f"the inputs hash was {case.kept['inputs_hash']} and is {again.inputs.hash}")
    owner = again.rep if isinstance(again, Placed) else None
    if said.get("owner") != owner:
        found.append(f"the owner was {said.get('owner') or 'nobody'} and would be {owner or 'nobody'}")
    reason = None if isinstance(again, Placed) else again.reason
    if said.get("reason") != reason:
        found.append(f"it was held for {said.get('reason') or 'nothing'} and would be for {reason or 'nothing'}")
    if said["trace"] != again.trace.model_dump(mode="json"):
        found.append("the trace differs")
    return found


def explained(case: Case, rep: str | None = None) -> dict[str, Any]:
    """The whole decision as plain data and in words; with `rep` also why not him."""
    answer = case.answer
    rule = case.rules[-1].rule if case.rules and case.rules[-1].because is None else None
    runner_up = case.runner_up
    told = {
        "fields": case.kept["inputs"]["asked"]["view"],
        "rules": [_rule(one) for one in case.rules[-MOST_RULES:]],
        "rules_considered": len(case.rules),
        "rules_not_reached": len(case.house.rules.rules) - len(case.rules),
        "rule": rule.id if rule else None,
        "pool": answer.pool,
        "candidates": [_candidate(case, one) for one in answer.standings],
        "runner_up": {"rep": runner_up.rep, "name": case.name(runner_up.rep)} if runner_up else None,
        "why": why(case),
        "why_not": {one.rep: why_not(case, one.rep) for one in answer.standings if not _is_owner(case, one.rep)},
        "would_differ": list(would_differ(case)),
    }
    if rep is not None:
        told["why_not"] = {rep: why_not(case, rep)}
    return told


def why(case: Case) -> str:
    """Why this owner, or why nobody, in a sentence or two."""
    answer = case.answer
    rule = case.rules[-1] if case.rules and case.rules[-1].because is None else None
    if not isinstance(answer, Placed):
        at = f"Rule {rule.rule.label} decided ({_fitted(rule)}). " if rule else ""
        return f"{at}Held: {answer.detail}"
    name = case.name(answer.rep)
    if case.by_hand:
        return f"{name}, because somebody gave it to {name} by hand."
    assert rule is not None  # without a rule nobody is placed but by hand
    head = f"{name}, because rule {rule.rule.label} decided ({_fitted(rule)})"
    if (given := answer.trace.preferred[-1:]) and given[0].objection is None:
        return f"{head} and prefers {_PREFERS.get(given[0].by, f'whom {given[0].by} names')}."
    pool = case.house.pool(answer.pool or rule.rule.pool).label
    if answer.trace.passed_over:
        head += (
            f", nobody in {' or '.join(case.house.pool(one).label for one in answer.trace.passed_over)} could have it"
        )
    running = case.running
    if len(running) == 1:
        return f"{head} and nobody else in {pool} could have it."
    first, second = running[0], running[1]
    if first.credit == second.credit:
        owed = f"none owed more, {name} {_tie(first, second)}"
        return f"{head} and of {len(running)} people in {pool} who could have it, {owed}."
    owed = f"is owed most: {first.credit:+.2f} leads, {case.name(second.rep)} {second.credit:+.2f}"
    return f"{head} and of {len(running)} people in {pool} who could have it {name} {owed}."


def why_not(case: Case, rep_id: str) -> str:
    """Why not this rep."""
    name = case.name(rep_id)
    if _is_owner(case, rep_id):
        return f"{name} got it."
    standing = next((one for one in case.answer.standings if one.rep == rep_id), None)
    if standing is None:
        return _not_preferred(case, rep_id) or _not_in_the_pool(case, rep_id)
    if standing.objection is not None:
        until = f", until {standing.objection.until.isoformat()}" if standing.objection.until else ""
        return f"{name} could not have it: {standing.objection.why}{until}."
    if not isinstance(case.answer, Placed):
        return f"{name} could have had it, but it is held: {case.answer.detail}"
    owner = case.name(case.answer.rep)
    if case.by_hand:
        return f"{name} could have had it, but somebody gave it to {owner} by hand."
    rank = next((rank for rank, one in enumerate(case.running, 1) if one.rep == rep_id), None)
    if rank is None:
        return _behind(case, standing)
    winner = case.running[0]
    if standing.credit < winner.credit:
        return f"{name} was number {rank}: owed {standing.credit:+.2f} leads, {owner} {winner.credit:+.2f}."
    return f"{name} was number {rank}: owed as much as {owner} ({winner.credit:+.2f}), who {_tie(winner, standing)}."


_PREFERS = {"previous_owner": "whoever had the lead before", "account_owner": "whoever has the leads of its company"}


def _behind(case: Case, standing: Standing) -> str:
    """Why somebody who could have had it was not in the running."""
    name, best = case.name(standing.rep), case.running[0]
    if standing.fit < best.fit:
        return f"{name} fits less than {case.name(best.rep)}: {standing.fit} of what counts, not {best.fit}."
    return f"{name} opens later than others: {standing.opens_at.isoformat() if standing.opens_at else 'never'}."


def _tie(first: Standing, other: Standing) -> str:
    return "has waited longer" if first.last != other.last else "comes first by id"


def would_differ(case: Case) -> Iterator[str]:
    """What would have to differ for another decision: nearest first, a dozen at most."""
    told = 0
    if isinstance(case.answer, Placed) and not case.by_hand and (second := case.runner_up) is not None:
        winner, name = case.running[0], case.name(second.rep)
        more = f"more than {winner.credit:+.2f} leads (it was {second.credit:+.2f})"
        yield f"{name} would have had it if {case.name(winner.rep)} could not, or if {name} had been owed {more}."
        told = 1
    for one in reversed(case.rules):
        if told >= MOST_DIFFERENCES:
            return
        if one.because is not None and len(one.misfits) <= 1:
            told += 1
            yield f"Rule {one.rule.label} ({one.rule.pool}) would have decided, but {one.because}."


def _rule(one: Considered) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "label": one.rule.label,
        "pool": one.rule.pool,
        "outcome": _outcome(one),
        "because": one.because,
        "saw": dict(one.saw),
        "match": {name: list(values) for name, values in one.rule.match.items()},
        "when": one.rule.when,
        "error": one.verdict.error if one.verdict else None,
    }


def _outcome(one: Considered) -> str:
    if one.because is None:
        return "matched"
    if one.verdict is None:
        return "no_match"
    if one.verdict.missing:
        return "unknown"
    return "error" if one.verdict.error else "not_met"


def _candidate(case: Case, standing: Standing) -> dict[str, Any]:
    account = case.answer.inputs.accounts[standing.rep]
    shares = case.answer.shares if isinstance(case.answer, Placed) else {}
    return {
        "rep": standing.rep,
        "name": case.name(standing.rep),
        "chosen": _is_owner(case, standing.rep),
        "objection": standing.objection.why if standing.objection else None,
        "until": standing.objection.until if standing.objection else None,
        "credit": standing.credit,
        "share": shares.get(standing.rep),
        "open_leads": account.load,
        "opens_at": standing.opens_at,
    }


def _is_owner(case: Case, rep_id: str) -> bool:
    return isinstance(case.answer, Placed) and case.answer.rep == rep_id


def _fitted(one: Considered) -> str:
    saw = [f"{name} is {'unknown' if value is None else value}" for name, value in one.saw.items()]
    return ", ".join(saw) or "it takes everybody"


def _not_preferred(case: Case, rep_id: str) -> str | None:
    wanted = next((one for one in case.answer.trace.preferred if one.rep == rep_id and one.objection), None)
    if wanted is None:
        return None
    return f"{case.name(rep_id)} was to have it before the pool, but could not: {wanted.objection}."


def _not_in_the_pool(case: Case, rep_id: str) -> str:
    if rep_id not in case.roster.reps:
        return f"There was no rep {rep_id} when it was decided."
    name, pools = case.name(rep_id), case.house.playbook.routing.pools
    mine = [pool for pool in pools if rep_id in {member.rep.id for member in case.roster.members(pool)}]
    where = f"only in {', '.join(pool.label for pool in mine)}" if mine else "in no pool at all"
    near = next((one for one in reversed(case.rules) if one.because and one.rule.pool in {p.id for p in mine}), None)
    hint = f" Rule {near.rule.label} leads there: {near.because}." if near else ""
    asked = case.house.pool(case.answer.pool).label if case.answer.pool else "any pool that was asked"
    return f"{name} was not in {asked}, {where}.{hint}"
