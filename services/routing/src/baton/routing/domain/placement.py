"""From a lead to its owner, or to the reason why it is held: rule, then rotation, then the trace of both.

Everything it looks at is in `Asked`, the accounts, the roster and the playbook. These are kept beside the journal, and
their hash stands in the trace; so the same answer can be computed again at any time
(docs/adr/0004-books-and-reproducibility.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from baton.contracts import Candidate, HeldReason, NearMiss, RuleRef, Trace
from baton.playbook import Pool
from baton.routing.domain.books import Account
from baton.routing.domain.consents import lacks
from baton.routing.domain.house import House
from baton.routing.domain.roster import Roster
from baton.routing.domain.rotation import Chosen, Nobody, Standing, Terms, choose_rep
from baton.routing.domain.rules import Match

MOST_CANDIDATES = 25
MOST_OBJECTIONS = 100

Accounts = Mapping[str, Account]
OpenAccounts = Callable[[str, list[str]], Accounts]
"""Gives the accounts of these reps in this pool."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: this lead, as seen at this moment."""

    lead_id: str
    round: int
    at: datetime
    view: Mapping[str, Any]
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Rep id to why not him again in this round."""
    to: str | None = None
    """The rep somebody named by hand."""
    agreed: tuple[str, ...] = ()
    """The purposes the person has agreed to."""

    def document(self) -> dict[str, Any]:
        """The question as plain data."""
        return {
            "lead_id": self.lead_id,
            "round": self.round,
            "at": self.at.isoformat(),
            "view": dict(self.view),
            "excluded": dict(self.excluded),
            "to": self.to,
            "agreed": list(self.agreed),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Asked:
        """A question that was kept."""
        agreed = tuple(document.get("agreed", ()))  # those from before rules could ask for consent have none
        return cls(**{**document, "at": datetime.fromisoformat(document["at"]), "agreed": agreed})


@dataclass(frozen=True)
class Inputs:
    """All that was looked at: what must be kept to answer again."""

    asked: Asked
    accounts: Accounts
    playbook: str
    roster: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The inputs as plain data; playbook and roster by hash."""
        accounts = {rep: [a.credit, a.last, a.load, a.today, a.day] for rep, a in sorted(self.accounts.items())}
        return {"asked": self.asked.document(), "accounts": accounts, "playbook": self.playbook, "roster": self.roster}

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the inputs."""
        return hashlib.sha256(orjson.dumps(self.document, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Placed:
    """The lead has an owner."""

    rep: str
    rule: RuleRef
    pool: str | None
    policy: str
    shares: Mapping[str, float]
    trace: Trace
    inputs: Inputs
    standings: tuple[Standing, ...] = ()
    """Everybody that was looked at, by rank; the trace names the first of them."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """The lead is held."""

    reason: HeldReason
    detail: str
    rule: RuleRef | None
    pool: str | None
    objections: Mapping[str, str]
    next_try_at: datetime | None
    trace: Trace
    inputs: Inputs
    standings: tuple[Standing, ...] = ()


def place(asked: Asked, house: House, roster: Roster, open_accounts: OpenAccounts) -> Placed | Unplaced:
    """Find the owner of a lead, or say why it is held. A rep named by hand (`asked.to`) is taken in any case."""
    match = house.match(asked.view)
    rule = match.rule
    pool = house.pool(rule.pool) if rule else None
    members = roster.members(pool) if pool else ()
    looked_at = sorted({member.rep.id for member in members} | ({asked.to} if asked.to else set()))
    accounts = open_accounts(pool.id if pool else "", looked_at)
    terms = Terms(house.playbook.routing.caps, bool(rule and rule.hours == "must_be_on_shift"), asked.excluded)
    answer = choose_rep(members, accounts, terms, house.playbook.calendar, asked.at)
    inputs = Inputs(asked, accounts, house.playbook.hash, roster.hash)
    trace = _trace(match, pool, answer, inputs)
    ref = house.ref(rule) if rule else None
    if asked.to is not None:
        shares = answer.shares if isinstance(answer, Chosen) else {}
        by_hand = ref or RuleRef(id="by_hand", label="No rule matched; given by hand", playbook=house.playbook.version)
        policy = rule.policy if rule else house.playbook.sla.policies[0].id
        return Placed(asked.to, by_hand, pool.id if pool else None, policy, shares, trace, inputs, answer.standings)
    if rule is None or pool is None or ref is None:
        return Unplaced("no_rule", _why_no_rule(match), None, None, {}, None, trace, inputs)
    if lacks(rule.consent, asked.agreed):
        detail = f"{rule.label} needs consent to {rule.consent}."
        return Unplaced("no_consent", detail, ref, pool.id, {}, None, trace, inputs, answer.standings)
    if isinstance(answer, Chosen):
        return Placed(answer.rep, ref, pool.id, rule.policy, answer.shares, trace, inputs, answer.standings)
    return _unplaced(answer, ref, pool, trace, inputs)


def _unplaced(nobody: Nobody, ref: RuleRef, pool: Pool, trace: Trace, inputs: Inputs) -> Unplaced:
    objections = {s.rep: s.objection.why for s in nobody.standings[:MOST_OBJECTIONS] if s.objection is not None}
    if nobody.is_exhausted:
        detail = f"Everybody in {pool.label} has had this lead in this round."
        return Unplaced("manager", detail, ref, pool.id, objections, None, trace, inputs, nobody.standings)
    detail = f"Nobody in {pool.label} can have it now." if objections else f"There is nobody in {pool.label}."
    until, seen = nobody.next_try_at, nobody.standings
    return Unplaced("nobody_eligible", detail, ref, pool.id, objections, until, trace, inputs, seen)


def _why_no_rule(match: Match) -> str:
    if not match.near_misses:
        return "No rule matches."
    first = match.near_misses[0]
    return f"No rule matches. The nearest is {first.rule}: {first.because}."


def _trace(match: Match, pool: Pool | None, answer: Chosen | Nobody, inputs: Inputs) -> Trace:
    opens = [s.opens_at for s in answer.standings if s.objection is None and s.opens_at is not None]
    soonest = min(opens, default=None)
    return Trace(
        rule=match.rule.id if match.rule else None,
        pool=pool.id if pool else None,
        near_misses=[NearMiss(rule=missed.rule, because=missed.because) for missed in match.near_misses],
        candidates=[_candidate(standing, soonest) for standing in answer.standings[:MOST_CANDIDATES]],
        inputs_hash=inputs.hash,
    )


def _candidate(standing: Standing, soonest: datetime | None) -> Candidate:
    if standing.objection is not None:
        return Candidate(rep=standing.rep, objection=standing.objection.why)
    if standing.opens_at is not None and standing.opens_at != soonest:
        return Candidate(rep=standing.rep, objection=f"others open sooner; he opens {standing.opens_at.isoformat()}")
    return Candidate(rep=standing.rep, credit=standing.credit)


def place_again(document: Mapping[str, Any], house: House, roster: Roster) -> Placed | Unplaced:
    """Answer a kept question again, from its own accounts. Raises ValueError for another playbook or roster."""
    if (document["playbook"], document["roster"]) != (house.playbook.hash, roster.hash):
        raise ValueError("this is not the playbook or not the roster that the decision was made with")
    accounts = {rep: Account(*account) for rep, account in document["accounts"].items()}
    return place(Asked.from_document(document["asked"]), house, roster, lambda _, reps: {r: accounts[r] for r in reps})
