"""From a lead to its owner, or to the reason why it is held: rule, then rotation, then the trace of both.

Everything it looks at is in `Asked`, the accounts, the roster and the playbook. These are kept beside the journal, and
their hash stands in the trace; so the same answer can be computed again at any time
(docs/adr/0004-books-and-reproducibility.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any

import orjson

from baton.contracts import Candidate, HeldReason, NearMiss, RuleRef, Trace
from baton.playbook import Pool
from baton.routing.domain.books import Account
from baton.routing.domain.consents import lacks
from baton.routing.domain.house import House
from baton.routing.domain.roster import Roster
from baton.routing.domain.rotation import Chosen, Nobody, Standing
from baton.routing.domain.rules import Match
from baton.routing.domain.searching import Accounts, Asked, Ledger, OpenAccounts, Search, search, wants_of
from baton.routing.domain.waiting import ANYBODY, kind_of

MOST_CANDIDATES = 25
MOST_OBJECTIONS = 100


@dataclass(frozen=True)
class Inputs:
    """All that was looked at: what must be kept to answer again."""

    asked: Asked
    ledger: Ledger
    playbook: str
    roster: str

    @property
    def accounts(self) -> Accounts:
        """Those of all pools that were looked at, the last pool's before the others."""
        return {rep: account for accounts in self.ledger.values() for rep, account in accounts.items()}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The inputs as plain data; playbook and roster by hash."""
        ledger = {pool: {rep: list(of[rep]) for rep in sorted(of)} for pool, of in self.ledger.items()}
        return {"asked": self.asked.document(), "ledger": ledger, "playbook": self.playbook, "roster": self.roster}

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
    """What the rotation of the pool owes for it; empty where the lead was given past rotation."""
    trace: Trace
    inputs: Inputs
    standings: tuple[Standing, ...] = ()
    """Everybody the pools asked about, the pool that answered first, by rank; the trace names the first of them."""


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
    needs: str = ANYBODY
    """What it asks of whoever gets it (`waiting.py`)."""


def place(asked: Asked, house: House, roster: Roster, open_accounts: OpenAccounts) -> Placed | Unplaced:
    """Find the owner of a lead, or say why it is held. A rep named by hand (`asked.to`) is taken in any case."""
    match = house.match(asked.view, passing_over=house.qualifying if asked.is_handed_on else frozenset())
    rule = match.rule
    ledger: dict[str, Accounts] = {}

    def accounts(pool: str, reps: Iterable[str]) -> Accounts:
        ledger[pool] = open_accounts(pool, sorted({*reps, *ledger.get(pool, ()), *([asked.to] if asked.to else ())}))
        return ledger[pool]

    found = search(asked, rule, house, roster, accounts) if rule else Search()
    if not ledger:
        accounts("", ())
    pool = found.last[0] or (house.pool(rule.pool) if rule else None)
    inputs = Inputs(asked, ledger, house.playbook.hash, roster.hash)
    trace = _trace(match, pool, found, inputs)
    ref = house.ref(rule) if rule else None
    if asked.to is not None:
        by_hand = ref or RuleRef(id="by_hand", label="No rule matched; given by hand", playbook=house.playbook.version)
        policy = rule.policy if rule else house.playbook.sla.policies[0].id
        return Placed(
            asked.to, by_hand, pool.id if pool else None, policy, found.shares, trace, inputs, found.standings
        )
    if rule is None or pool is None or ref is None:
        return Unplaced("no_rule", _why_no_rule(match), None, None, {}, None, trace, inputs)
    if lacks(rule.consent, asked.agreed):
        detail = f"{rule.label} needs consent to {rule.consent}."
        return Unplaced("no_consent", detail, ref, pool.id, {}, None, trace, inputs, found.standings)
    if found.rep is not None:
        return Placed(found.rep, ref, pool.id, rule.policy, found.shares, trace, inputs, found.standings)
    needs = kind_of(wants_of(rule.must_have, asked.view), on_shift=rule.hours == "must_be_on_shift")
    return replace(_unplaced(found, ref, trace, inputs), needs=needs)


def _unplaced(found: Search, ref: RuleRef, trace: Trace, inputs: Inputs) -> Unplaced:
    last, first = found.asked[-1][0], found.asked[0][0]
    objections = {s.rep: s.objection.why for s in found.standings if s.objection is not None}
    objections = dict(list(objections.items())[:MOST_OBJECTIONS])
    if last.rotation == "pull":
        detail = f"Waits in {last.label} for somebody to take it."
        return Unplaced("queued", detail, ref, last.id, objections, None, trace, inputs, found.standings)
    nobodies = [answer for _, answer in found.asked if isinstance(answer, Nobody)]
    where = " and ".join(pool.label for pool, _ in found.asked)
    if any(nobody.is_exhausted for nobody in nobodies) and all(
        nobody.is_exhausted or not nobody.standings for nobody in nobodies
    ):
        detail = f"Everybody in {where} has had this lead in this round."
        return Unplaced("manager", detail, ref, first.id, objections, None, trace, inputs, found.standings)
    detail = f"Nobody in {where} can have it now." if objections else f"There is nobody in {where}."
    soonest = min((nobody.next_try_at for nobody in nobodies if nobody.next_try_at is not None), default=None)
    return Unplaced("nobody_eligible", detail, ref, first.id, objections, soonest, trace, inputs, found.standings)


def _why_no_rule(match: Match) -> str:
    if not match.near_misses:
        return "No rule matches."
    first = match.near_misses[0]
    return f"No rule matches. The nearest is {first.rule}: {first.because}."


def _trace(match: Match, pool: Pool | None, found: Search, inputs: Inputs) -> Trace:
    shown = [candidate for answer in found.answers for candidate in _candidates(answer)]
    return Trace(
        rule=match.rule.id if match.rule else None,
        pool=pool.id if pool else None,
        near_misses=[NearMiss(rule=missed.rule, because=missed.because) for missed in match.near_misses],
        preferred=list(found.preferred),
        passed_over=[tried.id for tried, _ in found.asked[:-1]],
        candidates=shown[:MOST_CANDIDATES],
        inputs_hash=inputs.hash,
    )


def _candidates(answer: Chosen | Nobody) -> Iterator[Candidate]:
    running = frozenset(answer.shares) if isinstance(answer, Chosen) else frozenset()
    best = max((standing.fit for standing in answer.standings if standing.rep in running), default=0)
    for standing in islice(answer.standings, MOST_CANDIDATES):
        if standing.objection is not None:
            yield Candidate(rep=standing.rep, objection=standing.objection.why)
        elif standing.rep in running:
            yield Candidate(rep=standing.rep, credit=standing.credit)
        elif standing.fit < best or standing.opens_at is None:
            yield Candidate(rep=standing.rep, objection="others fit better")
        else:
            opens = standing.opens_at.isoformat()
            yield Candidate(rep=standing.rep, objection=f"others open sooner; he opens {opens}")


def place_again(document: Mapping[str, Any], house: House, roster: Roster) -> Placed | Unplaced:
    """Answer a kept question again, from its own accounts. Raises ValueError for another playbook or roster."""
    if (document["playbook"], document["roster"]) != (house.playbook.hash, roster.hash):
        raise ValueError("this is not the playbook or not the roster that the decision was made with")
    if "ledger" not in document:
        raise ValueError("this was decided by an earlier version of Baton, which kept what it looked at otherwise")
    ledger = {pool: {rep: Account(*of) for rep, of in reps.items()} for pool, reps in document["ledger"].items()}
    asked = Asked.from_document(document["asked"])
    return place(asked, house, roster, lambda pool, reps: {rep: ledger[pool][rep] for rep in reps})
