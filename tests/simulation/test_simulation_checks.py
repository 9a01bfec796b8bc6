"""Each check says what is wrong when something is: one thing is broken in a world that has ended well."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from tests.simulation import run
from tests.simulation.checks import faults_of
from tests.simulation.facts import Fact
from tests.simulation.world import World

SEED = 11
"""Any that begins with leads and their owners."""
BREAKAGES = (
    ("intake", "UPDATE journal SET event_id = 'another' WHERE id = 1", "journal and bus differ"),
    ("intake", "UPDATE page SET position = position + 100 WHERE id = 1", "have gaps"),
    ("intake", "UPDATE page SET facts = '[1000000]' WHERE id = 1", "are not its journal"),
    ("scoring", "UPDATE subject SET heard = '{}'", "has not heard"),
    ("routing", "DELETE FROM lead", "lead"),
    (
        "routing",
        "INSERT INTO parked VALUES (1, 'x', 0, 't', 0, NULL, NULL, NULL, '{}', '', 'poison', '', '', 0)",
        "has parked",
    ),
    ("sla-monitor", "DELETE FROM obligation", "was handed over and has no clock"),
    ("sla-monitor", "UPDATE obligation SET round = 9", "has a clock and was not handed over"),
    ("sla-monitor", "UPDATE obligation SET state = 'open', due_at = 0", "nothing was done about"),
    (
        "reporting",
        "DELETE FROM told WHERE lead_id = (SELECT min(lead_id) FROM told)",
        "was said 1 times and is told 0 times",
    ),
    ("reporting", "UPDATE funnel SET received = received + 1", "reporting counts"),
    ("reporting", "UPDATE lead SET received_at = NULL", "was accepted and is nowhere"),
)

pytestmark = [pytest.mark.slow]


def test_what_is_broken_in_a_store_is_said() -> None:
    def unsaid(world: World, *given: Any, **named: Any) -> list[str]:
        found = faults_of(world, *given, **named)
        for service, sql, said in BREAKAGES:
            world.databases[service].rows("BEGIN")
            world.databases[service].rows(sql)
            if not _says(faults_of(world, *given, **named), said):
                found.append(f"nobody minds: {sql}")
            world.databases[service].rows("ROLLBACK")
        return found

    with patch.object(run, "faults_of", unsaid):
        assert run.simulate(SEED).wrong == ()


def test_what_is_broken_on_the_bus_is_said() -> None:
    def broken(world: World, facts: list[Fact], *given: Any, **named: Any) -> list[str]:
        routed = next(fact for fact in facts if fact.type == "lead.routed")
        found = faults_of(world, [*facts, routed], *given, **named)
        lost = faults_of(world, [fact for fact in facts if fact.type != "lead.received"], *given, **named)
        return [] if _says(found, "routed 2 times", "after") and _says(lost, "is on the bus about None") else found

    with patch.object(run, "faults_of", broken):
        assert run.simulate(SEED).wrong == ()


def _says(found: list[str], *words: str) -> bool:
    return all(any(word in fault for fault in found) for word in words)
