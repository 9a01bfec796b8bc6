"""A store that is older than what its service has said: noticed, and rolled forward as it was said, in that order."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.toy import Extra, Number, Sum, Summed, Toy
from sqlalchemy import select, update

from baton.runtime.failures import BrokenInvariant, Fenced, NotNow
from baton.runtime.handler import Cause, Decision, Heard
from baton.runtime.republish import start_from
from baton.runtime.testing import Bench

pytestmark = pytest.mark.parametrize("database_url", [None])  # PostgreSQL: tests/journeys/test_roll_forward.py


class Changeable(Toy):
    """A toy that can be rolled forward, and in its second life adds `more` to each number."""

    vocabulary: Mapping[str, type[BaseModel]] = {Summed.type: Summed}

    def __init__(self, more: int = 0) -> None:
        super().__init__()
        self.more = more
        self.adopted: list[str | None] = []

    def decide(self, state: Sum, books: int, cause: Cause, now: datetime) -> Decision[Sum]:
        if isinstance(cause, Heard) and self.more:
            cause = replace(cause, body=cause.body.model_copy(update={"n": cause.body.n + self.more}))
        return super().decide(state, books, cause, now)

    def adopt(self, state: Sum, books: int, cause: Heard | None, said: Sequence[Heard], now: datetime) -> Decision[Sum]:
        self.adopted.append(cause.type if cause else None)
        return Decision(replace(state, total=said[-1].body.sum), books=said[-1].body.grand_total)


async def relayed(bench: Bench) -> None:
    while await bench.engine.relay.once():
        continue


async def words(bench: Bench) -> list[tuple[str, int, str]]:
    """All that was said, subject by subject."""
    said = sorted(await bench.said(), key=lambda fact: (fact.subject, fact.sequence))
    return [(fact.id, fact.sequence, str(fact.body)) for fact in said]


async def first_life(open_bench: Open, home: Path) -> list[tuple[str, int, str]]:
    """One number, a backup of the store, then a number of each publisher in turn, a command and a timer."""
    async with open_bench(Changeable()) as bench:
        await bench.hear(Number(n=1), subject="a", source="n")
        await relayed(bench)
        with (
            contextlib.closing(sqlite3.connect(home / "toy.db")) as source,
            contextlib.closing(sqlite3.connect(home / "saved")) as target,
        ):
            source.backup(target)
        await bench.hear(Extra(n=10), subject="a", source="x")
        await bench.hear(Number(n=2), subject="a", source="n")
        await bench.command("add", "a", 100)
        await bench.hear(Extra(n=20), subject="a", source="x")
        await bench.command("wait", "b", ("wake", bench.clock.now() + timedelta(seconds=5)))
        await bench.advance(timedelta(seconds=6))
        await relayed(bench)
        return await words(bench)


def put_back(home: Path) -> None:
    for file in home.glob("toy.db*"):
        file.unlink()
    shutil.copy(home / "saved", home / "toy.db")


async def rolled_forward(bench: Bench) -> None:
    await bench.engine.forward.check()
    assert bench.engine.forward.is_under_way
    with pytest.raises(NotNow, match="rolled forward"):
        await bench.command("add", "a", 1)
    await bench.settle()
    await bench.engine.forward._look(bench.engine.worker.places_of)
    assert not bench.engine.forward.is_under_way


async def test_a_store_older_than_what_was_said_stops_the_service(open_bench: Open, tmp_path: Path) -> None:
    await first_life(open_bench, tmp_path)
    async with open_bench(Changeable()) as bench:
        await bench.engine.forward.check()
        assert not bench.engine.forward.is_under_way, "the store that said it all is not behind"
    put_back(tmp_path)
    async with open_bench(Changeable()) as bench:
        with pytest.raises(BrokenInvariant, match="older than what it has said"):
            await bench.engine.forward.check()


@pytest.mark.parametrize("more", [0, 1000])
async def test_what_was_said_stands_whatever_would_be_decided_today(
    open_bench: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    before = await first_life(open_bench, tmp_path)
    put_back(tmp_path)
    monkeypatch.setenv("BATON_ROLL_FORWARD", "toy")
    toy = Changeable(more)
    async with open_bench(toy) as bench:
        await rolled_forward(bench)
        assert await words(bench) == before
        # In the order of then, though the topics are read one after the other; timers first where they need nothing.
        order = [cause for cause in toy.adopted if cause is not None] if more else []
        assert order == ([Extra.type, Number.type, Extra.type] if more else [])
        assert toy.adopted.count(None) == 2
        toy.more = 0
        await bench.hear(Number(n=1000), subject="a", source="n", sequence=3)
        new = [fact for fact in await bench.said() if fact.sequence > 5]
        assert [(fact.sequence, fact.body["sum"]) for fact in new] == [(6, 1133)]


async def test_a_timer_of_the_second_life_says_nothing_under_an_id_of_the_first(
    open_bench: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await first_life(open_bench, tmp_path)
    put_back(tmp_path)
    monkeypatch.setenv("BATON_ROLL_FORWARD", "toy")
    async with open_bench(Changeable()) as bench:
        await rolled_forward(bench)
        await bench.command("wait", "b", ("wake", bench.clock.now() + timedelta(seconds=5)))
        await bench.advance(timedelta(seconds=6))
        said = [fact.id for fact in await bench.said()]
        assert len(set(said)) == len(before) + 1


async def test_a_backup_older_than_the_own_topic_is_refused(
    open_bench: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await first_life(open_bench, tmp_path)
    put_back(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "bus.db")) as log:
        log.execute("DELETE FROM record WHERE topic = 'toys.sums' AND record_offset < 2")
        log.commit()
    monkeypatch.setenv("BATON_ROLL_FORWARD", "toy")
    async with open_bench(Changeable()) as bench:
        with pytest.raises(BrokenInvariant, match="too old to be rolled forward"):
            await bench.engine.forward.check()


async def test_a_store_that_has_gone_on_after_it_came_back_is_refused(
    open_bench: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await first_life(open_bench, tmp_path)
    put_back(tmp_path)
    async with open_bench(Changeable()) as bench:
        await bench.command("add", "a", 5)
    monkeypatch.setenv("BATON_ROLL_FORWARD", "toy")
    async with open_bench(Changeable()) as bench:
        with pytest.raises(BrokenInvariant, match="is another in the journal than on the topic"):
            await bench.engine.forward.check()


async def test_what_was_said_on_facts_that_are_lost_stands_all_the_same(
    open_bench: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await first_life(open_bench, tmp_path)
    put_back(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "bus.db")) as log:
        log.execute("DELETE FROM record WHERE topic = 'toys.extras'")
        log.commit()
    monkeypatch.setenv("BATON_ROLL_FORWARD", "toy")
    async with open_bench(Changeable()) as bench:
        place = bench.engine.service.metadata.tables["place"]
        await bench.engine.forward.check()
        await bench.settle()
        gone = update(place).where(place.c.topic == "toys.extras").values(next_off=2)  # retention has passed it
        await bench.engine.store.write(lambda tx: tx.execute(gone))
        await bench.engine.forward._look(bench.engine.worker.places_of)
        assert await words(bench) == before
        toy = bench.engine.service.metadata.tables["toy"]
        assert await bench.engine.read(lambda tx: tx.execute(select(toy.c.total)).scalars().first()) == 133
        assert await bench.engine.parked.list() == []


async def test_a_journal_told_anew_is_heard_from_its_first_fact(open_bench: Open, tmp_path: Path) -> None:
    before = await first_life(open_bench, tmp_path)
    async with open_bench(Changeable()) as bench:
        facts, begins = await bench.engine.republish(None)
        assert facts == len(before)
        with pytest.raises(Fenced):  # whoever was sending knows the old epochs
            await bench.engine.relay.once()
        await bench.engine.lanes.tend()
        await relayed(bench)
        assert {fact.sequence for fact in await bench.said()} == {sequence for _, sequence, _ in before}
    with contextlib.closing(sqlite3.connect(tmp_path / "bus.db")) as log:
        rows = log.execute("SELECT lane, record_offset, headers FROM record WHERE topic = 'toys.sums'").fetchall()
    heard = [dict(json.loads(raw)) for lane, at, raw in rows if at >= begins["toys.sums"][str(lane)]]
    told = dict.fromkeys((fact["ce_subject"], int(fact["ce_sequence"]), fact["ce_id"]) for fact in heard)
    for subject in ("a", "b"):
        sequences = [sequence for whose, sequence, _ in told if whose == subject]
        assert sequences == list(range(1, len(sequences) + 1)), "from its first fact on"
    assert {identity for *_, identity in told} == {identity for identity, *_ in before}


async def test_only_a_consumer_that_has_read_nothing_begins_where_it_is_told(open_bench: Open, tmp_path: Path) -> None:
    file = tmp_path / "from.json"
    file.write_text(json.dumps({topic: dict.fromkeys("0123", 7) for topic in Toy.hears}))
    async with open_bench(Changeable()) as bench:
        engine = bench.engine
        hears, tables = list(Toy.hears), engine._tables
        assert await start_from(engine.store, tables, hears, file)
        assert set((await engine.read(engine.worker.places_of)).values()) == {7}
        file.write_text(json.dumps({topic: dict.fromkeys("0123", 9) for topic in Toy.hears}))
        assert await start_from(engine.store, tables, hears, file), "told once, and for good"
        assert set((await engine.read(engine.worker.places_of)).values()) == {7}
        file.write_text("{}")
        with pytest.raises(ValueError, match="does not say where"):
            await start_from(engine.store, tables, hears, file)
