"""A job is run again only when nobody knows its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from shared.tests.runtime.crowd import Switchable, crowd_on
from shared.tests.runtime.toy import Toy

from baton.runtime.failures import NotNow
from baton.runtime.handler import Command
from baton.runtime.store import open_store
from baton.runtime.testing import Bench


async def test_a_job_whose_answer_waits_to_be_written_is_not_run_again(bench: Bench) -> None:
    await bench.command("fetch", "a", "x")
    [(timer, payload, tries)] = await bench.engine.read(bench.engine.jobs._due)
    await bench.engine.jobs._one(timer, payload, tries)
    assert await bench.engine.read(bench.engine.jobs._due) == []
    await bench.settle()
    assert [fact.body["because"] for fact in await bench.said()] == ["job got x"]


async def test_an_answer_survives_a_store_that_was_away_when_it_came(postgres_url: str, tmp_path: Path) -> None:
    async with crowd_on(postgres_url, tmp_path) as crowd:
        store = Switchable(open_store(postgres_url))
        engine = await crowd.ready(toy := Toy(), store=store)
        await engine.command(Command("1", "a", "fetch", "x"))
        [(timer, payload, tries)] = await engine.read(engine.jobs._due)
        await engine.jobs._one(timer, payload, tries)
        await engine.worker.once(0)
        store.away = True
        with pytest.raises(NotNow):
            await engine.worker.once(0)
        store.away = False
        assert await engine.read(engine.jobs._due) == []
        await engine.worker.once(0)
        assert await engine.read(engine.jobs._due) == []
        assert toy.job_runs == 1


class Failing(Toy):
    """Its job fails, and the store is away when that is to be written down."""

    def __init__(self) -> None:
        super().__init__()
        self.store: Switchable | None = None

    def jobs(self) -> Mapping[str, Callable[[Any], Awaitable[Any]]]:
        return {"fetch": self._fail}

    async def _fail(self, what: Any) -> Any:
        assert self.store is not None
        self.store.away = True
        raise RuntimeError("no answer")


async def test_a_store_that_is_away_when_a_job_has_failed_does_not_stop_the_service(
    postgres_url: str, tmp_path: Path
) -> None:
    async with crowd_on(postgres_url, tmp_path) as crowd:
        toy = Failing()
        toy.store = Switchable(open_store(postgres_url))
        engine = await crowd.ready(toy, store=toy.store)
        await engine.command(Command("1", "a", "fetch", "x"))
        [(timer, payload, tries)] = await engine.read(engine.jobs._due)
        await engine.jobs._one(timer, payload, tries)
        toy.store.away = False
        assert len(await engine.read(engine.jobs._due)) == 1
