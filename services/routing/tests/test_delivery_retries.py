"""Tried again for three days, given up aloud, done again when asked."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from services.routing.tests.delivering import Delivering

from baton.routing.domain.schedule import TRIES_AFTER, next_try
from tests.world.outside import Asked, Outside, Says


def down(_: Asked) -> Says:
    return Says(500, b"not today")


async def test_it_is_tried_ten_times_over_three_days_and_then_the_endpoint_is_dead(
    deliver: Delivering, facts: Any
) -> None:
    async with Outside(down) as crm:
        made = await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        begun, times = deliver.bench.clock.now(), []
        while (state := await deliver.endpoint(made["id"]))["state"] == "on":
            [one] = await deliver.deliveries()
            due = max(
                datetime.fromisoformat(one["due_at"]), datetime.fromisoformat(state["paused_until"] or one["due_at"])
            )
            deliver.bench.clock.move_to(max(due, deliver.bench.clock.now()))
            assert await deliver.send() == 1
            times.append(deliver.bench.clock.now() - begun)
        assert len(times) == len(crm.asked) == 10
        assert {asked.headers["webhook-id"] for asked in crm.asked} == {one["event_id"]}
        pauses = [after - before for before, after in itertools.pairwise(times)]
        for pause, wanted in zip(pauses, TRIES_AFTER[1:], strict=True):
            assert wanted <= pause <= wanted * 1.2
        assert len({round(pause / wanted, 6) for pause, wanted in zip(pauses, TRIES_AFTER[1:], strict=True)}) > 5
        assert (state["reason"], state["waiting"], state["last_error"]) == ("dead", 1, "500 not today")
        assert await deliver.after(timedelta(days=9)) == 0
        crm.answers = lambda _: Says()
        assert (await deliver.web.post(f"/routing/v1/subscriptions/{made['id']}/resume")).json()["state"] == "on"
        assert await deliver.send() == 1
    assert await deliver.states() == ["delivered"]
    assert deliver.counted("rejected") == 10


async def test_one_that_nobody_takes_is_given_up_and_its_endpoint_goes_on(deliver: Delivering, facts: Any) -> None:
    bad = facts.lead_id(1)
    async with Outside(lambda asked: Says(422 if bad.encode() in asked.body else 200)) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=bad)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(2))
        for _ in range(12):
            await deliver.send()
            await deliver.after(timedelta(hours=30))
    assert sorted(await deliver.states()) == ["delivered", "given_up"]
    [given_up] = await deliver.deliveries(state="given_up")
    assert (given_up["lead_id"], given_up["tries"], given_up["status"], given_up["due_at"]) == (bad, 10, 422, None)
    assert len(crm.asked) == 11


async def test_a_dead_endpoint_is_shown_to_whoever_watches(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(410)) as crm:
        made = await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    deliver.bench.clock.advance(timedelta(hours=1))
    await deliver.sender.keep_house(deliver.bench.engine)
    found = deliver.routing.registry.get_sample_value
    assert found("baton_endpoint_disabled", {"endpoint": made["id"]}) == 1
    assert found("baton_deliveries_waiting", {"endpoint": made["id"]}) == 1
    assert found("baton_delivery_age_seconds", {"endpoint": made["id"]}) == 3600


async def test_410_ends_it_and_what_is_said_meanwhile_waits(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(410)) as crm:
        made = await deliver.subscribe(crm.url)
        for number in range(3):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
            await deliver.send()
        assert len(crm.asked) == 1
        assert (await deliver.endpoint(made["id"]))["reason"] == "gone"
        assert await deliver.after(timedelta(days=4)) == 0
        crm.answers = lambda _: Says()
        [first, *_] = await deliver.deliveries()
        again = await deliver.web.post(f"/routing/v1/deliveries/{first['id']}/replay")
        assert again.status_code == 202
        assert await deliver.send() == 3
    assert await deliver.states() == ["delivered"] * 3


async def test_whoever_is_overwhelmed_is_left_alone_as_long_as_he_asks(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(429, headers={"Retry-After": "600"})) as crm:
        made = await deliver.subscribe(crm.url)
        for number in range(5):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
        await deliver.send()
        begun = len(crm.asked)
        assert begun <= 4  # as many as are told at once
        assert await deliver.after(timedelta(seconds=590)) == 0
        assert (await deliver.endpoint(made["id"]))["paused_until"] is not None
        crm.answers = lambda _: Says()
        assert await deliver.after(timedelta(seconds=20)) == 5
    assert deliver.counted("throttled") == begun
    assert await deliver.states() == ["delivered"] * 5


async def test_retry_after_may_be_a_date(deliver: Delivering, facts: Any) -> None:
    until = format_datetime(deliver.bench.clock.now() + timedelta(minutes=40), usegmt=True)
    async with Outside(lambda _: Says(503, headers={"Retry-After": until})) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        assert await deliver.after(timedelta(minutes=39)) == 0
        assert await deliver.after(timedelta(minutes=2)) == 1
    assert len(crm.asked) == 2


async def test_a_redirect_is_a_failure_and_is_not_followed(deliver: Delivering, facts: Any) -> None:
    async with Outside() as elsewhere, Outside(lambda _: Says(307, headers={"location": elsewhere.url})) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    assert (len(crm.asked), len(elsewhere.asked)) == (1, 0)
    [one] = await deliver.deliveries()
    assert (one["state"], one["status"]) == ("pending", 307)


def test_a_wish_is_obeyed_up_to_three_days() -> None:
    assert next_try(1, "x", timedelta(hours=1)) == timedelta(hours=1)
    assert next_try(1, "x", timedelta(days=30)) == timedelta(days=3)
    assert next_try(10, "x") is None
