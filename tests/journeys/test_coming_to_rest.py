"""A lead left alone comes to rest: under whatever playbook, its facts have an end, and so have its timers."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from baton.intake.reception import Letter, Reception
from baton.runtime import testing
from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.clock import FixedClock
from baton.runtime.run import build_service
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench
from tests.layout.tree import ROOT

SERVICES = ("intake", "scoring", "routing", "sla-monitor")
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
JUDGED = ("lead.qualified", "lead.nurtured", "lead.disqualified")
STEPS = 250
"""Moments at which something is due. A lead needs some forty; one that never rests would need them all."""
GRACE = timedelta(seconds=5)


def playbook(folder: Path, chance: random.Random) -> dict[str, Any]:
    """The example with every knob turned that decides how long a lead goes on; returns what was chosen."""
    shutil.copytree(ROOT / "deploy/playbook", folder)
    files = {
        name: yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("sla", "routing", "nurture", "roster")
    }
    chosen: dict[str, Any] = {"max_reassigns": chance.choice([0, 1, 2])}
    files["routing"]["max_reassigns"] = chosen["max_reassigns"]
    files["routing"]["caps"] = chance.choice([{}, {"open_leads": 1}, {"per_day": 1}, {"open_leads": 2, "per_day": 1}])
    for policy in files["sla"]["policies"]:
        spans = [("1m", "2m"), ("1h", "8h"), ("9h", "9h"), ("40h", "80h")]
        policy["first_attempt"], policy["first_contact"] = chance.choice(spans)
        policy["warn_at"] = chance.randint(1, 99)
        policy["on_breach"] = chance.choice(["reassign", "reassign", "keep"])
        policy["stop"] = {"touches": 8, "after": chance.choice(["1h", "3d", "90d"]), "reason": "never_reached"}
        then = chance.choice(["recycle", "unreachable"])
        policy["after_work"] = {
            "work_for": chance.choice(["1h", "5d", "200d"]),
            "then": then,
            "reason": "never_reached",
        }
        for optional in ("first_contact", "touches", "stop", "after_work"):
            if chance.random() < 0.3:
                del policy[optional]
        chosen[policy["id"]] = policy
    for track in files["nurture"]["tracks"]:
        track["look_again_days"] = chance.choice([1, 7, 180])
    for rep in files["roster"]["reps"]:
        rep["capacity"] = chance.choice([1, 2, 60])
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return chosen


def leads(chance: random.Random) -> list[dict[str, Any]]:
    """One each who is ready, hot, not ready yet, and silent, from anywhere."""
    ready = {"product": "planning", "cause": "told", "problem": "none", "horizon": "3_months", "will_talk": True}
    hot = ready | {"cause": "event", "problem": "known", "horizon": "now"}
    return [_lead(number, chance, answers) for number, answers in enumerate((ready, hot, {"horizon": "later"}, {}))]


def _lead(number: int, chance: random.Random, answers: dict[str, Any]) -> dict[str, Any]:
    country = chance.choice(["DE", "GB", "US"])
    return {
        "source": "web",
        "external_id": str(number),
        "contact": {"email": f"p{number}@q{number}.example", "country": country, "job_title": "Head"},
        "properties": {"employees": 420, "industry": "wholesale", "warehouses": 3},
        "answers": answers,
    }


async def post(intake: Bench, body: list[dict[str, Any]]) -> None:
    """Through intake's own reception."""
    service: Any = intake.engine.service
    reception = Reception(intake.engine, service.book, service.settings, service.metrics)
    committing = asyncio.create_task(reception._batch.run())
    await reception.native("lead", Letter(orjson.dumps(body), "application/json", {}), "test", None)
    committing.cancel()


async def settle(benches: Sequence[Bench]) -> None:
    """Let everybody read, decide and publish until nobody has anything new to say."""
    moved = True
    while moved:
        moved = False
        for bench in benches:
            await bench.engine.lanes.tend()
            for _ in range(2):
                bench.engine.timers.look_again()
                while await bench.engine.worker.once(0):
                    moved = True
            while await bench.engine.relay.once():
                moved = True


async def left_alone(benches: Sequence[Bench], clock: FixedClock) -> int:
    """Let time pass from timer to timer until none is set, at most STEPS of them; returns how many there were."""
    for step in range(STEPS):
        await settle(benches)
        timers = [due for bench in benches for *_, due in await bench.timers()]
        if not timers:
            return step
        clock.move_to(max(min(timers), clock.now()) + timedelta(seconds=1))
        await settle(benches)
        clock.move_to(clock.now() + GRACE)
    return STEPS


@pytest.mark.parametrize("seed", range(1, 7))
async def test_a_lead_left_alone_emits_finitely_many_facts_under_any_playbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    log = EmbeddedBus(tmp_path / "bus.db")  # one for all: each hears what the others say
    monkeypatch.setattr(testing, "EmbeddedBus", lambda _: log)
    chance, clock = random.Random(seed), FixedClock(START)
    chosen = playbook(tmp_path / "playbook", chance)
    settings = Settings(home=tmp_path, playbook=tmp_path / "playbook", partitions=4)
    async with AsyncExitStack() as stack:
        services = [build_service(name, settings) for name in SERVICES]
        benches = [await stack.enter_async_context(Bench.of(one, tmp_path, clock)) for one in services]
        routing: Any = services[2]
        await routing.take_playbook(benches[2].engine, routing.watch.current)  # as its start does: the roster is there
        await post(benches[0], leads(chance))
        steps = await left_alone(benches, clock)
        assert steps < STEPS, chosen
        said = [fact for bench in benches for fact in await bench.said()]
        assert [row for bench in benches for row in await bench.engine.parked.list()] == []
    types = Counter((fact.subject, fact.type) for fact in said)
    assert len({lead_id for lead_id, type_ in types if type_ in JUDGED}) == 4
    assert {"lead.routed", "sla.breached"} <= {type_ for _, type_ in types}  # two were ready, and nobody called them
    for (lead_id, type_), number in types.items():
        if type_ == "lead.reassigned":
            assert number <= chosen["max_reassigns"], (lead_id, chosen)
        if type_ == "lead.routed":
            assert number == 1, (lead_id, chosen)  # nobody did anything: there is no second round
