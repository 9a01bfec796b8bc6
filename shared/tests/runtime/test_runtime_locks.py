"""Two that want the same subject take turns, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import psycopg
import pytest
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.crowd import Crowd
from shared.tests.runtime.toy import Bookless, Number, Sum, Summed, parked
from sqlalchemy import select
from sqlalchemy.engine import make_url

from baton.runtime.engine import Refused
from baton.runtime.failures import NotNow
from baton.runtime.handler import Cause, Command, Decision, Draft
from baton.runtime.testing import Bench


async def test_two_replicas_that_meet_on_a_new_subject_take_turns(crowd: Crowd) -> None:
    """A row that is not there cannot be locked: both would say fact 1, and one would break an invariant."""
    one, two = await crowd.ready(Bookless()), await crowd.ready(Bookless())
    for n in range(20):
        subject = f"new-{n}"
        await asyncio.gather(
            one.command(Command(f"one-{n}", subject, "add", 1)), two.command(Command(f"two-{n}", subject, "add", 10))
        )
    journal = one.service.metadata.tables["journal"]
    rows = await one.read(lambda tx: tx.execute(select(journal.c.subject, journal.c.sequence)).all())
    assert sorted(tuple(row) for row in rows) == sorted((f"new-{n}", s) for n in range(20) for s in (1, 2))
    toy = one.service.metadata.tables["toy"]
    assert set(await one.read(lambda tx: tx.execute(select(toy.c.total)).scalars().all())) == {11}


async def test_a_refused_command_leaves_no_trace_of_its_subject(bench: Bench) -> None:
    with pytest.raises(Refused):
        await bench.command("refuse", "nobody")
    table = bench.engine.service.metadata.tables["subject"]
    assert await bench.engine.read(lambda tx: tx.execute(select(table.c.subject)).scalars().all()) == []


class Gossip(Bookless):
    """Says each number about a second subject too; `before_draft` is called before that one is locked."""

    def __init__(self, before_draft: Callable[[], None]) -> None:
        super().__init__()
        self._before_draft = before_draft

    def decide(self, state: Sum, books: int, cause: Cause, now: datetime) -> Decision[Sum]:
        decision = super().decide(state, books, cause, now)
        self._before_draft()
        said = Summed(sum=state.total, because="gossip", grand_total=0)
        return replace(decision, facts=(*decision.facts, Draft(said, subject="the-other")))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_store_that_goes_away_while_a_draft_is_locked_is_no_poison(open_bench: Open, database_url: str) -> None:
    kills = iter([True])
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)

    def cut() -> None:
        if next(kills, False):
            with psycopg.connect(plain, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    async with open_bench(Gossip(cut)) as bench:
        await bench.publish(Number(n=1), subject="a")
        with pytest.raises(NotNow):
            await bench.settle()
        await bench.engine.worker.let_go()
        await bench.settle()
        assert [(fact.subject, fact.sequence) for fact in await bench.said()] == [("a", 1), ("the-other", 1)]
        assert await parked(bench) == []
