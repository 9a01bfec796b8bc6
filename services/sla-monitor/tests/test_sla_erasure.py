"""An erased lead has no clock any more: those that ran are stopped, and said to be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from baton.contracts import LeadErased
from baton.runtime.testing import Bench


def erased(bench: Bench) -> LeadErased:
    return LeadErased(requested_at=bench.clock.now(), gone_by=bench.clock.now() + timedelta(days=30))


async def kept(bench: Bench) -> list[str]:
    """The tables that hold anything of a lead."""
    found = []
    for name in ("lead", "obligation", "timer"):
        table = bench.engine.service.metadata.tables[name]
        found += [name] if await bench.engine.read(lambda tx, t=table: tx.execute(select(t)).all()) else []
    return found


async def test_the_clocks_of_an_erased_lead_are_stopped_and_nothing_is_kept(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(), subject=facts.lead)
    await bench.hear(facts.touched(0.5), subject=facts.lead)
    running = len(await bench.said("sla.started")) - len(await bench.said("sla.met"))
    await bench.hear(erased(bench), subject=facts.lead)
    stopped = await bench.said("sla.stopped")
    assert [fact.body["rule"] for fact in stopped] == ["erased"] * running
    assert await kept(bench) == []
    await bench.advance(facts.at(100))
    assert await bench.said("sla.breached", "sla.warned") == []


async def test_a_hand_off_that_comes_after_the_erasure_starts_no_clock(bench: Bench, facts: Any) -> None:
    await bench.hear(erased(bench), subject=facts.lead)
    await bench.hear(facts.routed(), subject=facts.lead)
    assert await bench.said() == []
    assert await kept(bench) == []
