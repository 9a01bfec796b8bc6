"""A store, a clock or a broker that goes away, stands still or jumps costs no fact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from shared.tests.runtime.conftest import START, Open
from shared.tests.runtime.crowd import SwitchableBus, crowd_on
from shared.tests.runtime.toy import Bookless, Number, Sum, parked, totals
from sqlalchemy import Connection, text, update

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.clock import FixedClock
from baton.runtime.failures import NotNow
from baton.runtime.store import open_store
from baton.runtime.testing import Bench
from baton.runtime.timers import JumpWatch


class Stopped(Bookless):
    """Is stopped for a while in the middle of a transaction, as by SIGSTOP."""

    stops = 1

    def keep(self, tx: Connection, states: Mapping[str, Sum], books: int | None, now: datetime) -> None:
        if self.stops:
            self.stops -= 1
            tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            time.sleep(0.3)
        super().keep(tx, states, books, now)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_transaction_that_was_given_up_while_the_process_stood_still_is_done_again(open_bench: Open) -> None:
    async with open_bench(Stopped()) as bench:
        await bench.publish(Number(n=1), subject="a")
        for _ in range(20):  # as its loop would
            with suppress(NotNow):
                await bench.settle()
                break
            await bench.engine.worker.let_go()
        assert await parked(bench) == []
        assert await totals(bench) == [1]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_column_that_another_process_changed_does_not_fail_a_command(
    open_bench: Open, database_url: str
) -> None:
    async with open_bench() as bench:
        await bench.command("add", "a", 1, id="1")
        other = open_store(database_url)
        await other.write(lambda tx: tx.execute(text("ALTER TABLE toy ALTER COLUMN note TYPE varchar(99)")))
        await other.close()
        reply = await bench.command("add", "a", 2, id="2")
        assert reply.body == {"sum": 3}


def test_a_slow_answer_of_the_store_is_not_a_jump_of_its_clock() -> None:
    watch = JumpWatch()
    watch.sample(START, 100.0, 100.1)
    watch.sample(START + timedelta(seconds=9), 101.0, 109.0)  # asked at 101, answered at 109
    watch.sample(START + timedelta(seconds=10), 110.0, 110.1)
    assert watch.calm(110.1)
    watch.sample(START + timedelta(seconds=3611), 111.0, 111.1)
    assert not watch.calm(111.1)
    assert watch.calm(171.2)


async def test_a_clock_set_back_delays_no_deadline_until_it_is_as_late_again(bench: Bench, clock: FixedClock) -> None:
    await bench.command("wait", "a", ("wake", clock.now()))
    await bench.settle()
    clock.jump_to(clock.now() - timedelta(hours=2))
    await bench.command("wait", "a", ("deadline", clock.now() + timedelta(minutes=30)))
    await bench.advance(timedelta(minutes=29))
    assert [fact.body["because"] for fact in await bench.said()] == ["wake"]
    await bench.advance(timedelta(minutes=2))
    assert [fact.body["because"] for fact in await bench.said()] == ["wake", "deadline"]


async def test_a_service_that_has_nothing_to_publish_notices_too_that_the_broker_is_away(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baton.runtime.engine.HOUSEKEEPING_SECONDS", 0.05)
    bus = SwitchableBus(EmbeddedBus(tmp_path / "bus.db"))
    async with crowd_on(postgres_url, tmp_path, bus=bus) as crowd:
        engine = crowd.engine()
        await engine.start()
        async with asyncio.timeout(10):
            while (await engine.readiness())["bus"] is not None:
                await asyncio.sleep(0.02)
            bus.away = True
            while (await engine.readiness())["bus"] is None:
                await asyncio.sleep(0.02)
            bus.away = False
            while (await engine.readiness())["bus"] is not None:
                await asyncio.sleep(0.02)
        await engine.stop()


async def test_a_log_that_ends_before_the_place_that_was_read_is_not_read_on_silently(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a")
    place = bench.engine.service.metadata.tables["place"]
    await bench.engine.store.write(lambda tx: tx.execute(update(place).values(next_off=50)))
    await bench.engine.worker.let_go()
    with pytest.raises(NotNow, match="ends at"):
        await bench.settle()
