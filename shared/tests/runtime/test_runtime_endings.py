"""Whoever waits is answered, and lanes are given back, however it ends."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.crowd import SwitchableBus, crowd_on
from shared.tests.runtime.toy import Sum, Toy
from sqlalchemy import Connection, text

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.engine import Engine
from baton.runtime.failures import BrokenInvariant, NotNow
from baton.runtime.handler import Command
from baton.runtime.micro import Unit
from baton.runtime.testing import Bench


async def test_a_stop_gives_the_lanes_back_though_the_broker_is_away(postgres_url: str, tmp_path: Path) -> None:
    bus = SwitchableBus(EmbeddedBus(tmp_path / "bus.db"))
    async with crowd_on(postgres_url, tmp_path, bus=bus) as crowd:
        engine = crowd.engine()
        await engine.start()
        while not engine.lanes.held:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        bus.away = True
        await engine.command(Command("1", "a", "add", 1))
        await engine.stop()
        heir = await crowd.ready()
        assert len(heir.lanes.held) == 6


async def test_nobody_waits_for_a_micro_batch_that_has_broken(open_bench: Open) -> None:
    async with open_bench() as bench:

        def work(unit: Unit, items: Sequence[str]) -> list[Any]:
            if "bad" in items:
                raise BrokenInvariant("as a test")
            return list(unit.handle([Command(item, "a", "add", 1) for item in items]))

        batch = bench.engine.micro_batch(work, limit=4)
        submitted = [asyncio.create_task(batch.submit(item)) for item in ("1", "2", "bad", "3", "4", "5", "6", "7")]
        await asyncio.sleep(0)
        running = asyncio.create_task(batch.run())
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*submitted, return_exceptions=True)
            with pytest.raises(BrokenInvariant):
                await running
            with pytest.raises(NotNow):
                await batch.submit("late")
        assert all(isinstance(answer, NotNow) for answer in answers)


async def test_a_micro_batch_that_is_cancelled_answers_those_who_wait(bench: Bench) -> None:
    loop = asyncio.get_running_loop()

    def work(unit: Unit, items: Sequence[str]) -> list[Any]:
        done = unit.handle([Command(item, "a", "add", 1) for item in items])
        loop.call_soon_threadsafe(running.cancel)  # before what was done can be committed
        time.sleep(0.1)
        return list(done)

    batch = bench.engine.micro_batch(work)
    running = asyncio.create_task(batch.run())
    waiting = asyncio.create_task(batch.submit("1"))
    with pytest.raises(NotNow):
        await asyncio.wait_for(waiting, 5)


async def test_who_hangs_up_still_counts_until_what_he_sent_is_stored(bench: Bench) -> None:
    def work(unit: Unit, items: Sequence[str]) -> list[str]:
        return list(items)

    batch = bench.engine.micro_batch(work, queue_limit=3)
    for _ in range(3):
        impatient = asyncio.create_task(batch.submit("x"))
        await asyncio.sleep(0)
        impatient.cancel()
        with suppress(asyncio.CancelledError):
            await impatient
    with pytest.raises(NotNow, match="too many"):
        await asyncio.wait_for(batch.submit("one more"), 1)
    running = asyncio.create_task(batch.run())
    await asyncio.sleep(0.2)
    assert await asyncio.wait_for(batch.submit("later"), 5) == "later"
    running.cancel()


class NoCommit(Toy):
    """A toy whose transactions do everything, and then cannot be committed."""

    def __init__(self) -> None:
        super().__init__()
        self.tx: Connection | None = None

    def keep(self, tx: Connection, states: Mapping[str, Sum], books: int | None, now: datetime) -> None:
        super().keep(tx, states, books, now)
        if tx.dialect.name == "postgresql":
            tx.execute(text("CREATE TEMP TABLE broken (n int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"))
            tx.execute(text("INSERT INTO broken VALUES (1), (1)"))
        else:
            tx.execute(text("PRAGMA defer_foreign_keys = ON"))
            tx.execute(text("CREATE TABLE IF NOT EXISTS parent (n INTEGER PRIMARY KEY)"))
            tx.execute(text("CREATE TABLE IF NOT EXISTS child (n INTEGER REFERENCES parent(n))"))
            tx.execute(text("INSERT INTO child VALUES (1)"))


async def test_a_commit_that_fails_is_an_error_for_each_who_waits_and_never_a_result(open_bench: Open) -> None:
    """Everything in the transaction went well; only COMMIT itself says no. Nobody may be told that it is stored."""
    async with open_bench(NoCommit()) as bench:
        if bench.engine.store.dialect == "sqlite":
            _enforce_foreign_keys(bench.engine)

        def work(unit: Unit, items: Sequence[str]) -> list[Any]:
            return list(unit.handle([Command(item, "a", "add", 1) for item in items]))

        batch = bench.engine.micro_batch(work)
        running = asyncio.create_task(batch.run())
        answers = await asyncio.gather(*(batch.submit(f"c{n}") for n in range(5)), return_exceptions=True)
        running.cancel()
        assert all(isinstance(answer, Exception) for answer in answers), answers
        assert await bench.said() == []
        assert not re.search(rb"baton_facts_published_total{[^}]*} [1-9]", bench.engine.metrics_text())
        with pytest.raises(Exception, match=r"broken|FOREIGN KEY"):
            await bench.command("add", "a", 1)
        assert await bench.said() == []


def _enforce_foreign_keys(engine: Engine) -> None:
    from sqlalchemy import event

    store: Any = engine.store

    @event.listens_for(store._writer, "connect")
    def enforce(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys=ON")

    store._writer.dispose()
