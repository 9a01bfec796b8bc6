"""Asking for the owner of a lead: those the rule prefers, its pool, and the pools it falls back to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baton.contracts import Preferred
from baton.playbook import Pool, RepTrait, RoutingRule, match_key
from baton.playbook.routing import OF_THE_LEAD
from baton.routing.domain.books import Account
from baton.routing.domain.house import House
from baton.routing.domain.roster import Member, Roster
from baton.routing.domain.rotation import Chosen, Nobody, Standing, Terms, Wants, choose_rep

Accounts = Mapping[str, Account]
Ledger = Mapping[str, Accounts]
"""Pool to the accounts that were looked at there."""
OpenAccounts = Callable[[str, Iterable[str]], Accounts]
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
    prior: Mapping[str, str] = field(default_factory=dict)
    """`previous_owner` and `account_owner`, as far as there are such reps."""
    is_handed_on: bool = False
    """True once those who qualify by phone have handed it on: their rules are passed over."""

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
            "prior": dict(self.prior),
            "is_handed_on": self.is_handed_on,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Asked:
        """A question that was kept."""
        agreed = tuple(document.get("agreed", ()))  # older ones lack what rules could not ask for then
        return cls(**{**document, "at": datetime.fromisoformat(document["at"]), "agreed": agreed})


@dataclass(frozen=True, slots=True)
class Search:
    """What was found out by asking: whose it was to be, and what each pool in turn answered."""

    preferred: tuple[Preferred, ...] = ()
    asked: tuple[tuple[Pool, Chosen | Nobody], ...] = ()

    @property
    def last(self) -> tuple[Pool | None, Chosen | Nobody]:
        return self.asked[-1] if self.asked else (None, Nobody(()))

    @property
    def answers(self) -> tuple[Chosen | Nobody, ...]:
        """That of the pool that answered last, then those of the pools before it in turn."""
        return tuple(answer for _, answer in (*self.asked[-1:], *self.asked[:-1]))

    @property
    def standings(self) -> tuple[Standing, ...]:
        """Everybody the pools asked about."""
        return tuple(standing for answer in self.answers for standing in answer.standings)

    @property
    def shares(self) -> Mapping[str, float]:
        """What the rotation that answered owes for the lead. A queue has none."""
        pool, answer = self.last
        rotates = pool is not None and pool.rotation != "pull"
        return answer.shares if rotates and isinstance(answer, Chosen) else {}

    @property
    def rep(self) -> str | None:
        """Who gets it."""
        taken = [one.rep for one in self.preferred if one.objection is None]
        return taken[0] if taken else getattr(self.last[1], "rep", None)


def search(asked: Asked, rule: RoutingRule, house: House, roster: Roster, accounts: OpenAccounts) -> Search:
    """Ask those the rule prefers, then its pool, then the pools it falls back to, until somebody can have the lead."""
    caps = house.playbook.routing.caps
    strict = rule.hours == "must_be_on_shift"
    preferred: list[Preferred] = []
    for word, rep in _preferred(asked, rule, roster):
        terms = Terms(caps, strict, asked.excluded)
        answer = choose_rep(
            [Member(roster.reps[rep], 1.0)], accounts(rule.pool, [rep]), terms, house.playbook.calendar, asked.at
        )
        objection = answer.standings[0].objection
        preferred.append(Preferred(by=word, rep=rep, objection=objection.why if objection else None))
        if objection is None and asked.to is None:
            return Search(tuple(preferred))
    wants = {part: wants_of(getattr(rule, part), asked.view) for part in ("must_have", "best_fit")}
    terms = Terms(caps, strict, asked.excluded, **wants)
    answers: list[tuple[Pool, Chosen | Nobody]] = []
    for pool in house.chain(rule.pool):
        if pool.rotation == "pull" and asked.to is None:
            return Search(tuple(preferred), (*answers, (pool, Nobody(()))))
        members = roster.members(pool)
        of = accounts(pool.id, [member.rep.id for member in members])
        answers.append((pool, choose_rep(members, of, terms, house.playbook.calendar, asked.at)))
        if isinstance(answers[-1][1], Chosen) or asked.to is not None:
            break
    return Search(tuple(preferred), tuple(answers))


def _preferred(asked: Asked, rule: RoutingRule, roster: Roster) -> Iterator[tuple[str, str]]:
    """Who is to have it before anybody else, each once, in the rule's order; a name nobody bears is left out."""
    seen: set[str] = set()
    for word in rule.prefer:
        if word.startswith(OF_THE_LEAD):
            named = _texts(asked.view.get(word.removeprefix(OF_THE_LEAD)))
            rep = next(filter(None, map(roster.known_as, named)), None)
        else:
            rep = asked.prior.get(word)
        if rep is not None and rep in roster.reps and rep not in seen:
            seen.add(rep)
            yield word, rep


def wants_of(fields: Mapping[RepTrait, str], view: Mapping[str, Any]) -> Wants:
    """What the lead says is wanted of a rep; of what nobody knows nothing is."""
    said = {trait: frozenset(map(match_key, _texts(view.get(name)))) for trait, name in fields.items()}
    return {trait: wanted for trait, wanted in said.items() if wanted}


def _texts(value: Any) -> list[str]:
    return [] if value is None else [str(item) for item in (value if isinstance(value, list | tuple) else (value,))]
