"""Everything is down while promises run out, and people go on calling: no false breach, each true one once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from tests.journeys.people import somebody
from tests.journeys.running import SERVICES, eventually
from tests.outages.conftest import World
from tests.outages.people import first_clocks, first_promise, hot_leads, tell, touch

EACH = 3
MUCH = 1_000
"""Leads that came meanwhile, pages to read before the calls: a deadline that does not wait for them is misjudged."""


def test_what_came_due_while_everything_was_down_is_judged_by_what_was_accepted_before_and_meanwhile(
    world: World,
) -> None:
    leads = hot_leads(world, 4 * EACH)
    called_before, called_meanwhile, never_called, told_late = (leads[n : n + EACH] for n in range(0, len(leads), EACH))
    clocks = first_clocks(world, leads)
    due = {lead_id: datetime.fromisoformat(clock["due_at"]) for lead_id, clock in clocks.items()}
    in_time = datetime.now(UTC)
    tell(world, [touch(lead_id, clocks[lead_id], in_time) for lead_id in called_before])
    world.kill("scoring", "routing", "sla-monitor", "reporting")
    assert datetime.now(UTC) < min(due.values()), "this machine is too busy: promises ran out before the outage"
    world.baton.post("/intake/v1/leads", [somebody(answers={}) for _ in range(MUCH)])  # only intake is up
    tell(world, [touch(lead_id, clocks[lead_id], in_time) for lead_id in called_meanwhile])
    eventually(lambda: not world.unpublished("intake"), "intake has published what it accepted")
    world.kill("intake")
    with world.no_broker(), world.no_postgres():
        time.sleep((max(due.values()) + timedelta(seconds=2) - datetime.now(UTC)).total_seconds())
    world.start(*SERVICES)
    broken = never_called + told_late
    eventually(lambda: all(first_promise(world, broken)), "the breaches are declared", 120)
    tell(world, [touch(lead_id, clocks[lead_id], in_time) for lead_id in told_late])
    eventually(lambda: all(len(said) > 1 for said in first_promise(world, told_late)), "they are corrected", 60)
    world.await_quiet(60)
    assert first_promise(world, called_before + called_meanwhile) == [["sla.met"]] * 2 * EACH
    assert first_promise(world, never_called) == [["sla.breached"]] * EACH
    assert first_promise(world, told_late) == [["sla.breached", "sla.met!"]] * EACH
