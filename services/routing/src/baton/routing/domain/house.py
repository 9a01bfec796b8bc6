"""One version of the playbook as routing works by it: compiled once, then only asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from baton.calendars import Calendar
from baton.contracts import Contact, Owner, RuleRef, Score
from baton.playbook import Definition, Playbook, Policy, Pool, RoutingRule, lead_view
from baton.playbook.routing import ACCOUNT_OWNER
from baton.routing.domain.rules import Considered, Match, RuleIndex

_OURS = ("contact.", "decision.")
"""Where values stand that routing knows better than scoring's fields: the contact as it now is, and the decision."""


@dataclass(frozen=True)
class House:
    """The rules, pools, caps, policies and calendars of one playbook."""

    playbook: Playbook

    @cached_property
    def rules(self) -> RuleIndex:
        """The routing rules, indexed."""
        return RuleIndex(self.playbook.routing.in_order())

    @cached_property
    def qualifying(self) -> frozenset[str]:
        """The rules whose people find out what is unknown, and hand on."""
        return frozenset(rule.id for rule in self.rules.rules if rule.qualifies)

    @cached_property
    def _own_fields(self) -> Definition:
        definition = self.playbook.definition
        fields = tuple(field for field in definition.fields if field.source.startswith(_OURS))
        return definition.model_copy(update={"fields": fields})

    def view(
        self, fields: Mapping[str, Any], contact: Contact, score: Score, temperature: str, now: datetime
    ) -> dict[str, Any]:
        """The lead as rules see it: the fields scoring saw, with the contact and the decision as routing knows them."""
        known: dict[str, Any] = {"contact": contact.model_dump(exclude_none=True), "temperature": temperature}
        known |= {"score": score.total, "fit": score.fit, "interest": score.interest, "energy": score.energy}
        return {**fields, **lead_view(self._own_fields, known, now)}

    def match(self, view: Mapping[str, Any], passing_over: frozenset[str] = frozenset()) -> Match:
        """The rule that decides this lead; none of those passed over."""
        return self.rules.match(view, lambda rule_id: self.playbook.residuals.judge_one(rule_id, view), passing_over)

    def considered(self, view: Mapping[str, Any], passing_over: frozenset[str] = frozenset()) -> Iterator[Considered]:
        """Every rule that was asked about this lead, in order, the one that decides last; none of those passed over."""
        judge = self.playbook.residuals.judge_one
        return self.rules.considered(view, lambda rule_id: judge(rule_id, view), passing_over)

    def ref(self, rule: RoutingRule) -> RuleRef:
        """How a decision names one of this playbook's rules."""
        return self._refs[rule.id]

    @cached_property
    def _refs(self) -> dict[str, RuleRef]:
        version = self.playbook.version
        return {rule.id: RuleRef(id=rule.id, label=rule.label, playbook=version) for rule in self.rules.rules}

    def pool(self, pool_id: str) -> Pool:
        """The pool with this id. Raises KeyError."""
        return self._pools[pool_id]

    def find_pool(self, pool_id: str | None) -> Pool | None:
        """The pool with this id; None if the playbook has it no more."""
        return self._pools.get(pool_id or "")

    @cached_property
    def follows_accounts(self) -> bool:
        """True if a rule prefers whoever has the leads of the company."""
        return any(ACCOUNT_OWNER in rule.prefer for rule in self.rules.rules)

    def chain(self, pool_id: str) -> tuple[Pool, ...]:
        """The pool, and those it falls back to, in the order in which they are asked. Raises KeyError."""
        found: list[Pool] = []
        following: str | None = pool_id
        while following is not None and following not in {pool.id for pool in found}:
            found.append(self.pool(following))
            following = found[-1].fallback
        return tuple(found)

    def waiting_on(self, pools: Iterable[str]) -> frozenset[str]:
        """The pools whose leads somebody in one of these may get: they themselves, and those that fall back on them."""
        changed = frozenset(pools)
        return changed | {one for one in self._pools if changed & {pool.id for pool in self.chain(one)}}

    @cached_property
    def _pools(self) -> dict[str, Pool]:
        return {pool.id: pool for pool in self.playbook.routing.pools}

    def policy(self, policy_id: str) -> Policy:
        """The policy with this id. Raises KeyError."""
        return self.playbook.sla.policy(policy_id)

    def clock(self, policy: Policy, owner: Owner, contact: Contact) -> Calendar:
        """The calendar in which the time to respond runs: the owner's, or as the policy says. Raises KeyError."""
        meant = self.playbook.calendar_for(policy.calendar, owner.calendar, owner.team, contact)
        return self.playbook.calendar(meant)

    def reassigns_on_breach(self, policy_id: str) -> bool:
        """True unless the policy says that a lead stays with its owner; a policy that is gone says nothing."""
        named = [policy for policy in self.playbook.sla.policies if policy.id == policy_id]
        return all(policy.on_breach == "reassign" for policy in named)
