"""What operators see of follow-up: how long people waited, and which promises hold. No lead ids, no names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Connection

from baton.playbook import Playbook
from baton.runtime.labels import Values
from baton.runtime.store import after_commit
from baton.sla_monitor.decide import Watched
from baton.sla_monitor.domain.follow_up import FollowedUp
from baton.sla_monitor.domain.obligation import Obligation

# One minute to a month: the odds of qualifying fall between 5 and 30 minutes; most of sales answers in hours and days.
WAITS = (60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800, 2_592_000)
NO_TEAM = "none"


class Metrics:
    """The SLA monitor's own metrics, in the service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.follow_up = Histogram(
            "baton_follow_up_seconds",
            "Routed to first attempt, on the wall.",
            ["team"],
            buckets=WAITS,
            registry=registry,
        )
        self.follow_up_business = Histogram(
            "baton_follow_up_business_seconds",
            "Routed to first attempt, while the owner's calendar was open.",
            ["team"],
            buckets=WAITS,
            registry=registry,
        )
        self.first_contact = Histogram(
            "baton_first_contact_seconds",
            "Routed to first contact reached, on the wall.",
            ["team"],
            buckets=WAITS,
            registry=registry,
        )
        self.obligations = Gauge(
            "baton_sla_obligations", "Promises by policy and state.", ["policy", "state"], registry=registry
        )
        self.breaches = Counter(
            "baton_sla_breaches", "Promises declared broken.", ["policy", "team"], registry=registry
        )
        self.escalations = Counter(
            "baton_sla_escalations",
            "Steps taken after a promise was broken.",
            ["policy", "to"],
            registry=registry,
        )
        self.kept = Counter(
            "baton_sla_kept",
            "Promises kept; one that was declared broken before its evidence came counts as both.",
            ["policy", "team"],
            registry=registry,
        )
        self._teams, self._policies = Values(), Values()
        self._known_teams: set[str] = {NO_TEAM}
        self._in_force: Sequence[str] = ()
        self.excesses = Counter(
            "baton_follow_up_excessive",
            "Touches above the plan or against the person's wish, by reason.",
            ["reason", "team"],
            registry=registry,
        )
        self.playbook = Gauge("baton_playbook_info", "1 for the playbook in force.", ["version"], registry=registry)

    def show_playbook(self, playbook: Playbook) -> None:
        """Name the playbook in force; the ones before it disappear."""
        self.playbook.clear()
        self.playbook.labels(playbook.version).set(1)
        self._in_force = [policy.id for policy in playbook.sla.policies]
        self.expect(self._known_teams)

    def expect(self, teams: Iterable[str | None]) -> None:
        """Begin the series of these teams at 0: a rate needs a value before the first event."""
        self._known_teams |= {self._teams.of(team or NO_TEAM) for team in teams}
        for team in self._known_teams:
            for histogram in (self.follow_up, self.follow_up_business, self.first_contact):
                histogram.labels(team)
            for policy in map(self._policies.of, self._in_force):
                self.breaches.labels(policy, team)
                self.kept.labels(policy, team)

    def count_when_committed(self, tx: Connection, states: Iterable[Watched]) -> None:
        """Count what became known in this transaction at its commit: one rolled back and tried again counts once."""
        seen = list(states)
        measured = [deed for state in seen for deed in state.measured]
        breaches = [clock for state in seen for clock in state.breaches]
        kept = [clock for state in seen for clock in _newly_kept(state)]
        escalations = [step for state in seen for step in state.escalations]
        teams = {state.rep.team for state in seen if state.rep is not None}
        if teams:
            after_commit(tx, lambda: self.expect(teams))
        if measured or breaches or kept or escalations:
            after_commit(tx, lambda: self._count(measured, breaches, kept, escalations))
        if excesses := [excess for state in seen for excess in state.excesses]:
            after_commit(tx, lambda: self._count_excesses(excesses))

    def _count_excesses(self, excesses: Iterable[tuple[str, str | None]]) -> None:
        for reason, team in excesses:
            self.excesses.labels(reason, self._teams.of(team or NO_TEAM)).inc()

    def _count(
        self,
        measured: Iterable[FollowedUp],
        breaches: Iterable[Obligation],
        kept: Iterable[Obligation],
        escalations: Iterable[tuple[str, str]],
    ) -> None:
        for deed in measured:
            team = self._teams.of(deed.team or NO_TEAM)
            if deed.deed == "contact":
                self.first_contact.labels(team).observe(deed.seconds)
            else:
                self.follow_up.labels(team).observe(deed.seconds)
                self.follow_up_business.labels(team).observe(deed.business_seconds)
        self.expect(clock.team for clock in (*breaches, *kept))
        for counter, clocks in ((self.breaches, breaches), (self.kept, kept)):
            for clock in clocks:
                counter.labels(self._policies.of(clock.policy), self._teams.of(clock.team or NO_TEAM)).inc()
        for policy, to in escalations:
            self.escalations.labels(self._policies.of(policy), to).inc()

    def show(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set the gauge of obligations to `counts` of (policy, state); what is no longer there becomes 0."""
        shown: dict[tuple[str, str], int] = {}
        for (policy, state), count in counts.items():
            pair = (self._policies.of(policy), state)
            shown[pair] = shown.get(pair, 0) + count
        seen: set[Any] = set(shown)
        for sample in next(iter(self.obligations.collect())).samples:
            pair = (sample.labels["policy"], sample.labels["state"])
            if pair not in seen:
                self.obligations.labels(*pair).set(0)
        for (policy, state), count in shown.items():
            self.obligations.labels(policy, state).set(count)


def _newly_kept(state: Watched) -> Iterator[Obligation]:
    for key, clock in state.obligations.items():
        before = state.stored.get(key)
        if clock.state == "met" and (before is None or before.state != "met"):
            yield clock
