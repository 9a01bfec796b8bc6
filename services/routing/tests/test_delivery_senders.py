"""Senders that wait, die, or meet each other lose nothing and tell nothing twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from services.routing.tests.delivering import Delivering

from baton.runtime.testing import types_of
from tests.world.outside import Asked, Outside, Says


async def test_a_slow_receiver_keeps_nobody_else_waiting(deliver: Delivering, facts: Any) -> None:
    release = asyncio.Event()

    async def slowly(_: Asked) -> Says:
        await release.wait()
        return Says()

    async with Outside(slowly) as slow, Outside() as quick:
        await deliver.subscribe(slow.url, at_once=2)
        await deliver.subscribe(quick.url)
        for number in range(6):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
        engine = deliver.bench.engine
        while len(quick.asked) < 6 or len(slow.asked) < 2:
            await deliver.sender.once(engine)
            await asyncio.sleep(0.01)
        for _ in range(3):
            await deliver.sender.once(engine)
            await asyncio.sleep(0.01)
        assert len(slow.asked) == 2
        release.set()
        await deliver.send()
        assert len(slow.asked) == 6


async def test_a_process_that_dies_before_it_sends_loses_nothing(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)  # committed, and never sent by this process
        assert await deliver.send(deliver.another_sender()) == 1
    assert len(crm.asked) == 1


async def test_a_process_that_dies_while_it_sends_is_followed_by_one_that_sends_it_again(
    deliver: Delivering, facts: Any
) -> None:
    stays = asyncio.Event()

    async def never(_: Asked) -> Says:
        await stays.wait()
        return Says()

    async with Outside(never) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.sender.once(deliver.bench.engine)
        while not crm.asked:
            await asyncio.sleep(0.01)
        await deliver.sender.stop()
        crm.answers = lambda _: Says()
        heir = deliver.another_sender()
        assert await deliver.send(heir) == 0  # the claim of the dead is still respected
        deliver.bench.clock.advance(timedelta(seconds=50))
        assert await deliver.send(heir) == 1
    assert [asked.headers["webhook-id"] for asked in crm.asked] == [crm.asked[0].headers["webhook-id"]] * 2
    assert len(await deliver.bench.said("lead.delivered")) == 1


async def test_what_was_taken_is_said_by_whoever_comes_after(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)

        async def dies(*_: Any) -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(deliver.sender, "_say_taken", dies)
        await deliver.send()
        assert await deliver.bench.said("lead.delivered") == []
        heir = deliver.another_sender()
        deliver.bench.clock.advance(timedelta(seconds=11))
        for _ in range(2):
            await deliver.send(heir)
    assert len(crm.asked) == 1
    assert types_of(await deliver.bench.said("lead.delivered")) == ["lead.delivered"]


async def test_two_senders_never_try_the_same_delivery_at_once(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url, at_once=32)
        for number in range(40):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
        other = deliver.another_sender()
        await asyncio.gather(*(deliver.send(one) for one in (deliver.sender, other)))
        await deliver.send()
    ids = [asked.headers["webhook-id"] for asked in crm.asked]
    assert len(ids) == len(set(ids)) == 40


async def test_a_sender_whose_lane_has_gone_sends_nothing(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        lane = deliver.routing.metadata.tables["lane"]
        await deliver.bench.engine.store.write(lambda tx: tx.execute(lane.update().values(epoch=lane.c.epoch + 1)))
        assert await deliver.send() == 0
    assert crm.asked == []
