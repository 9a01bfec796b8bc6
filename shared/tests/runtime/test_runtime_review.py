"""What a sceptical reading of the runtime found: races, order, and what happens while something is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from shared.tests.runtime.conftest import START, Open
from shared.tests.runtime.crowd import Crowd, Switchable, SwitchableBus, crowd_on
from shared.tests.runtime.toy import Extra, Number, Sum, Summed, Toy
from sqlalchemy import Connection, select, text, update
from sqlalchemy.engine import make_url

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.bus.port import Outgoing
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine, Refused
from baton.runtime.envelope import headers_of, to_wire
from baton.runtime.events import read_cursor, write_cursor
from baton.runtime.failures import BrokenInvariant, Fenced, NotNow
from baton.runtime.fence import Move, pass_fence
from baton.runtime.handler import Cause, Command, Decision, Draft, Due, JobDone
from baton.runtime.journal import put_out
from baton.runtime.micro import Unit
from baton.runtime.partition import lane_of
from baton.runtime.store import open_store
from baton.runtime.store.tables import runtime_tables
from baton.runtime.testing import Bench
from baton.runtime.timers import JumpWatch


@pytest.fixture
def postgres_url(postgres: Any) -> str:
    return str(postgres.new_database())


@pytest.fixture
async def crowd(postgres_url: str, tmp_path: Path) -> AsyncIterator[Crowd]:
    async with crowd_on(postgres_url, tmp_path) as crowd:
        yield crowd


class Bookless(Toy):
    """A toy that shares nothing between subjects, so that nothing but the subjects' own locks is in the way."""

    def books(self, tx: Connection) -> int:
        return 0

    def keep(self, tx: Connection, states: Mapping[str, Sum], books: int | None, now: datetime) -> None:
        super().keep(tx, states, None, now)


async def totals(bench: Bench) -> list[int]:
    return [fact.body["sum"] for fact in await bench.said()]


async def parked(bench: Bench) -> list[tuple[str, str]]:
    return [(row["subject"], row["reason"]) for row in await bench.engine.parked.list()]


# -- locks ------------------------------------------------------------------------------------------------------------


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


# -- the queue of parked facts -----------------------------------------------------------------------------------------


async def test_a_gap_filled_in_the_same_poll_leaves_nothing_parked(bench: Bench) -> None:
    for sequence in (1, 3, 2):
        await bench.publish(Number(n=10**sequence), subject="a", sequence=sequence)
    await bench.settle()
    assert await totals(bench) == [10, 110, 1110]
    assert await parked(bench) == []
    await bench.hear(Number(n=5), subject="a", sequence=4)
    assert (await totals(bench))[-1] == 1115


async def test_a_poison_fact_behind_a_gap_of_the_same_poll_holds_its_lead(bench: Bench) -> None:
    await bench.publish(Number(n=1), subject="a", sequence=1)
    await bench.publish(Number(n=0, poison=True), subject="a", sequence=3)
    await bench.publish(Number(n=2), subject="a", sequence=2)
    await bench.settle()
    assert await parked(bench) == [("a", "poison")]
    await bench.hear(Extra(n=100), subject="a", source="extras")
    assert await totals(bench) == [1, 3]
    assert await parked(bench) == [("a", "poison"), ("a", "behind")]


async def test_poison_holds_its_lead_also_where_a_gap_was_parked_before_it_and_can_be_settled_first(
    bench: Bench,
) -> None:
    await bench.hear(Number(n=4), subject="a", sequence=2)
    await bench.hear(Extra(n=0), subject="a", source="extras", sequence=1)
    await bench.hear(Number(n=0, poison=True), subject="a", source="others", sequence=1)
    await bench.hear(Extra(n=100), subject="a", source="extras", sequence=2)
    await bench.hear(Number(n=2), subject="a", sequence=1)
    assert await totals(bench) == [0]
    gap, poison, *behind = await bench.engine.parked.list()
    assert (gap["reason"], poison["reason"], [row["reason"] for row in behind]) == ("gap", "poison", ["behind"] * 2)
    done = await bench.engine.parked.discard(poison["id"], "test", "cannot be mended")
    assert done is not None
    assert done["left"] == 0
    assert await totals(bench) == [0, 100, 102, 106]


async def test_a_gap_given_up_takes_those_it_was_waiting_for_along(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a", sequence=3)
    [gap] = await bench.engine.parked.list()
    await bench.engine.parked.discard(gap["id"], "test", "lost for good")
    await bench.hear(Number(n=2), subject="a", sequence=4)
    assert await totals(bench) == [2]
    assert await parked(bench) == []


# -- poison on every road ---------------------------------------------------------------------------------------------


class Fussy(Toy):
    """Cannot take the answers of its jobs, or says of timers what no store will keep, until it is mended."""

    is_mended = False

    def decide(self, state: Sum, books: int, cause: Cause, now: datetime) -> Decision[Sum]:
        if not self.is_mended and isinstance(cause, JobDone):
            raise RuntimeError("this answer is poison")
        if not self.is_mended and isinstance(cause, Due):
            return Decision(replace(state, note="\x00"))
        return super().decide(state, books, cause, now)


async def test_a_jobs_answer_that_cannot_be_handled_is_parked_and_can_be_replayed(open_bench: Open) -> None:
    async with open_bench(toy := Fussy()) as bench:
        await bench.command("fetch", "a", "x")
        [(timer, payload, tries)] = await bench.engine.read(bench.engine.jobs._due)
        await bench.engine.jobs._one(timer, payload, tries)
        async with asyncio.timeout(10):
            await bench.settle()
        [row] = await bench.engine.parked.list()
        assert (row["subject"], row["reason"], row["error"]) == ("a", "timer", "RuntimeError")
        with pytest.raises(Refused, match="Still poison"):
            await bench.engine.parked.replay(row["id"], "test")
        toy.is_mended = True
        await bench.engine.parked.replay(row["id"], "test")
        assert [fact.body["because"] for fact in await bench.said()] == ["job got x"]


async def test_a_timer_whose_decision_cannot_be_stored_is_parked_alone(open_bench: Open, clock: FixedClock) -> None:
    async with open_bench(toy := Fussy()) as bench:
        await bench.command("wait", "a", ("wake", clock.now() + timedelta(minutes=5)))
        await bench.publish(Number(n=3), subject="b")
        clock.advance(timedelta(minutes=6))
        bench.engine.timers.look_again()
        await bench.settle()
        assert await totals(bench) == [3]
        assert await parked(bench) == [("a", "timer")]
        [row] = await bench.engine.parked.list()
        with pytest.raises(Refused, match="Still poison"):
            await bench.engine.parked.replay(row["id"], "test")
        toy.is_mended = True
        await bench.engine.parked.replay(row["id"], "test")
        assert [fact.body["because"] for fact in await bench.said()] == ["toy.number", "wake"]


async def test_facts_the_handler_refuses_and_facts_the_store_refuses_in_one_poll_are_all_parked(bench: Bench) -> None:
    for n in range(8):
        await bench.publish(Number(n=n, poison=n == 1, unstorable=n in (4, 5)), subject=f"s{n}")
    await bench.settle()
    assert sorted(await parked(bench)) == [("s1", "poison"), ("s4", "poison"), ("s5", "poison")]
    assert len(await bench.said()) == 5


async def test_a_number_no_column_can_hold_is_the_facts_fault_and_not_the_stores(bench: Bench) -> None:
    await bench.publish(Number(n=2**70), subject="a")
    await bench.publish(Number(n=1), subject="b")
    await bench.settle()
    assert await parked(bench) == [("a", "poison")]
    assert await totals(bench) == [1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ce_sequence": b"0"}, "ce_sequence"),
        ({"ce_sequence": b"-3"}, "ce_sequence"),
        ({"ce_sequence": b"99999999999999999999999"}, "ce_sequence"),
        ({"ce_subject": b"a\x00b"}, "NUL"),
        ({"ce_source": b"urn:baton:x\x00"}, "NUL"),
    ],
)
async def test_headers_no_row_can_hold_are_undecodable(bench: Bench, change: dict[str, bytes], error: str) -> None:
    now = bench.clock.now()
    good = headers_of(
        service="n", event_id="1", type="toy.number", subject="a", sequence=1, at=now, now=now, cause_id="t",
        playbook=None, trace=None,
    )  # fmt: skip
    headers = tuple({**dict(to_wire(good)), **change}.items())
    await bench.engine.bus.publish([Outgoing("toys.numbers", 0, "a\x00b", headers, b'{"n":1}')])
    await bench.hear(Number(n=2), subject="b")
    [row] = await bench.engine.parked.list()
    assert row["reason"] == "undecodable"
    assert error in row["error"]
    assert await totals(bench) == [2]


# -- Postgres goes away, or is slow -----------------------------------------------------------------------------------


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
        with suppress(NotNow):
            await bench.settle()
        await bench.engine.worker.let_go()
        await bench.settle()
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


# -- jobs -------------------------------------------------------------------------------------------------------------


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


# -- the end ----------------------------------------------------------------------------------------------------------


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
        assert b"baton_facts_published_total{" not in bench.engine.metrics_text()
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


# -- the fence, the log, the cursor ------------------------------------------------------------------------------------


async def test_a_place_moves_only_with_its_lane(bench: Bench) -> None:
    engine = bench.engine
    epochs = {lane: lease.epoch for lane, lease in engine.lanes.held.items() if lane != 2}

    def pass_it(tx: Connection) -> None:
        move = Move(("toys.numbers", 2), 0, 5)
        pass_fence(tx, owner=engine.lanes.owner, epochs=epochs, moves=[move], ttl=3, clock=bench.clock)

    with pytest.raises(Fenced):
        await engine.store.write(pass_it)


async def test_a_topic_made_while_another_is_written_is_there_afterwards(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    await bus.prepare(["t"], 2)
    for n in range(40):
        one = Outgoing("t", 0, "k", (), b"1")
        await asyncio.gather(bus.publish([one]), bus.prepare([f"t{n}"], 2), bus.publish([one]))
        await bus.publish([Outgoing(f"t{n}", 1, "k", (), b"1")])
        assert bus.end_of((f"t{n}", 1)) == 1
    await bus.close()


@pytest.mark.parametrize("position", [2**63, 10**40])
async def test_a_cursor_beyond_all_numbers_is_no_cursor(bench: Bench, position: int) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await bench.engine.events(write_cursor([position, 0, 0, 0]), 10, 0)


async def test_a_cursor_beyond_the_end_is_an_empty_page(bench: Bench) -> None:
    assert read_cursor(write_cursor([2**40] * 4), 4) == [2**40] * 4
    assert await bench.engine.events(write_cursor([2**40] * 4), 10, 0) == []


async def test_facts_that_are_put_out_again_are_published_again_and_stop_nobody_who_reads_them(bench: Bench) -> None:
    engine, journal = bench.engine, bench.engine.service.metadata.tables["journal"]
    for n in range(40):
        await bench.publish(Number(n=n), subject="a")
    await bench.settle()
    while await engine.relay.once():
        continue
    again = select(journal.c.id, journal.c.lane).where(journal.c.sequence.between(3, 36)).order_by(journal.c.id)
    tables = runtime_tables(engine.service.metadata)
    await engine.store.write(lambda tx: put_out(tx, tables, [(row.id, row.lane) for row in tx.execute(again)]))
    assert await engine.relay.pending() == 34
    while await engine.relay.once():
        continue
    reader = await engine.bus.reader()
    lane = lane_of("a", 4)
    await reader.assign({("toys.sums", lane): 40})
    assert len((await reader.poll(500, 0))["toys.sums", lane]) == 34
    sequences, cursor = [], None
    while lines := await engine.events(cursor, 5, 0):
        events = [orjson.loads(line) for line in lines]
        sequences += [int(event["sequence"]) for event in events]
        cursor = events[-1]["cursor"]
    assert sequences == [*range(1, 41), *range(3, 37)]
