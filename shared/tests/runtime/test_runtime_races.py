"""Batches of two topics, people's commands and timers that meet on the same leads and books at the same moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.tests.runtime.crowd import crowd_on
from shared.tests.runtime.test_runtime_replicas import Load, drained, published
from shared.tests.runtime.toy import Toy
from sqlalchemy import func, select

from baton.runtime.engine import Engine
from baton.runtime.handler import Command
from baton.runtime.store import upsert

ROUNDS = 25
LEADS = [f"lead-{n}" for n in range(6)]


async def test_batches_commands_and_timers_that_meet_on_a_lead_and_its_books_take_turns(
    postgres: Any, tmp_path: Path
) -> None:
    async with crowd_on(str(postgres.new_database()), tmp_path) as crowd:
        toy = Toy()
        worker, clerk = await crowd.ready(toy), crowd.engine()
        await worker.store.write(lambda tx: upsert(tx, toy.grand, [{"id": 1, "total": 0}]))
        load = Load(crowd, 1)
        for number in range(ROUNDS):
            await load.publish(60)
            await asyncio.gather(read_all(worker), *(ask(clerk, lead, f"{number}-{lead}") for lead in LEADS))
        async with asyncio.timeout(60):
            while timers := await worker.read(lambda tx: tx.execute(open_timers(toy)).scalar()):
                worker.timers.look_again()
                await worker.worker.once(0.01)
            while await worker.relay.once():
                continue
        assert timers == 0
        assert await drained(crowd, worker, 10)
        await check(crowd, worker, load)


def open_timers(toy: Toy) -> Any:
    timer = toy.metadata.tables["timer"].c
    return select(func.count()).where(timer.due_at.is_not(None), timer.kind.like("wake%"))


async def read_all(engine: Engine) -> None:
    """What a worker does, batch after batch."""
    for _ in range(4):
        engine.timers.look_again()
        await engine.worker.once(0.01)


async def ask(clerk: Engine, lead: str, name: str) -> None:
    """Add a number by hand, and set a timer that is due at once."""
    soon = clerk.clock.now() + timedelta(milliseconds=5)
    await clerk.command(Command(f"add-{name}", lead, "add", 1000))
    await clerk.command(Command(f"wait-{name}", lead, "wait", (f"wake-{name}", soon)))


async def check(crowd: Any, engine: Engine, load: Load) -> None:
    """Every number counted once, in the lead and in the books; every timer fired once; sequences without a gap."""
    tables = engine.service.metadata.tables
    toy, grand, journal = tables["toy"].c, tables["grand"].c, tables["journal"].c
    totals = Counter(load.totals) + Counter(dict.fromkeys(LEADS, 1000 * ROUNDS))
    sums = await engine.read(lambda tx: tx.execute(select(toy.subject, toy.total)).all())
    assert {row.subject: row.total for row in sums} == totals
    assert await engine.read(lambda tx: tx.execute(select(grand.total)).scalar()) == totals.total()
    rows = await engine.read(lambda tx: tx.execute(select(journal.subject, journal.sequence, journal.value)).all())
    fired = Counter(str(row.value).partition("wake-")[2].split('"')[0] for row in rows if b"wake-" in row.value)
    assert fired == Counter({f"{number}-{lead}": 1 for number in range(ROUNDS) for lead in LEADS})
    sequences: dict[str, list[int]] = {}
    for row in sorted(rows, key=lambda row: row.sequence):
        sequences.setdefault(row.subject, []).append(row.sequence)
    assert sequences == {subject: list(range(1, len(numbers) + 1)) for subject, numbers in sequences.items()}
    assert await published(crowd) == sequences
    assert await engine.parked.list() == []
