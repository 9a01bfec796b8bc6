"""A burst over several replicas: all leads at once, people who interfere, a replica that dies, more room in the end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from baton.contracts import Rep
from baton.routing.service import Routing
from baton.runtime.engine import Engine
from baton.runtime.failures import NotNow, Refused
from baton.runtime.handler import Command
from baton.runtime.ids import event_id
from baton.runtime.migrate import migrate_now
from baton.runtime.observe import set_up_logs
from bench.inside import Log
from tests.burst.checks import Account, account_of
from tests.burst.house import Size
from tests.burst.replica import replica
from tests.world.servers import postgres_server

ROOMIER = 40
"""Reps who get more room once everything was read: enough to see held leads go, at a bearable price."""
LOOK_SECONDS = 0.05
PATIENCE = 1800.0


@dataclass(frozen=True)
class Outcome:
    """What a burst came to, and what it took."""

    account: Account
    seconds: float
    """From the first lead to rest, people's interference included."""
    processor_seconds: float
    """Of the replicas that lived to the end."""
    seed_seconds: float
    """Until the roster was in the store."""


async def burst(url: str, home: Path, size: Size, replicas: int, *, kill: bool) -> Outcome:
    """Let a burst go over so many replicas on an empty database; look at everything once it has come to rest."""
    await migrate_now("routing", url)
    engine = await replica(url, home, size, Log())
    routing: Routing = engine.service  # type: ignore[assignment]
    try:
        seeding = time.monotonic()
        await routing.take_playbook(engine, routing.watch.current)
        seeded = time.monotonic() - seeding
        async with _replicas(url, home, size, replicas) as running:
            began = time.monotonic()
            await _interfered(engine, routing, size, running if kill else ())
            await _more_room(engine, size)
            await _until(lambda: _at_rest(engine, size))
            seconds = time.monotonic() - began
            spent = [await _ended(process) for process in running]

        def work(tx: Connection) -> Account:
            books = routing.books_now(tx)
            return account_of(tx, routing.tables, routing.metadata.tables["journal"], books, size)

        return Outcome(await engine.read(work), seconds, sum(spent), seeded)
    finally:
        await engine.store.close()


@asynccontextmanager
async def _replicas(url: str, home: Path, size: Size, count: int) -> AsyncIterator[list[Process]]:
    """Replicas that have all leads before them and begin at once."""
    command = [sys.executable, "-m", "tests.burst.replica", url]
    started: list[Process] = []
    try:
        for number in range(count):
            words = [*command, str(home / f"replica-{number}"), *size.words]
            started.append(await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE))
        for process in started:
            assert process.stdout is not None
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError("a replica did not start")
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        yield started
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _ended(process: Process) -> float:
    """Let a replica end; return the processor seconds it took. One that was killed took none that we know of."""
    if process.returncode is not None:
        return 0.0
    assert process.stdin is not None
    process.stdin.close()
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"a replica ended with {process.returncode}")
    return float(said)


async def _interfered(engine: Engine, routing: Routing, size: Size, victims: Sequence[Process]) -> None:
    """While leads are read: people take leads away from their owners, and in the middle of it a replica dies."""
    chance = random.Random(size.seed + 2)
    lead = routing.tables.lead.c
    ids, killed = size.lead_ids(), not victims
    while (done := await _read_so_far(engine)) < size.leads:
        if not killed and done > size.leads / 3:
            victims[0].kill()
            await victims[0].wait()
            killed = True
        after = chance.choice(ids)
        query = select(lead.lead_id).where(lead.fate == "routed", lead.lead_id > after).order_by(lead.lead_id).limit(1)
        for lead_id in await engine.read(partial(_ids, query)):
            command = Command(event_id("burst", lead_id, chance.random()), lead_id, "reassign", {})
            with suppress(Refused, NotNow):
                await engine.command(command)
        await asyncio.sleep(LOOK_SECONDS)


def _ids(query: Any, tx: Connection) -> list[str]:
    return list(tx.execute(query).scalars())


async def _more_room(engine: Engine, size: Size) -> None:
    room = max(1, size.leads // 20 // min(ROOMIER, size.reps))
    for number in range(min(ROOMIER, size.reps)):
        rep = Rep.model_validate(size.rep(number, room))
        await engine.command(Command(event_id("room", rep.id), rep.id, "put", rep))


async def _read_so_far(engine: Engine) -> int:
    place = engine.service.metadata.tables["place"].c
    return int(await engine.read(lambda tx: tx.execute(select(func.sum(place.next_off))).scalar() or 0))


async def _at_rest(engine: Engine, size: Size) -> bool:
    """True once every lead was read and nobody is still to be woken."""
    timer = engine.service.metadata.tables["timer"].c
    waiting = select(func.count()).where(timer.due_at.is_not(None))
    return await _read_so_far(engine) == size.leads and not await engine.read(lambda tx: tx.execute(waiting).scalar())


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    until = time.monotonic() + PATIENCE
    while not await holds():
        if time.monotonic() > until:
            raise TimeoutError("the burst has not come to rest")
        await asyncio.sleep(LOOK_SECONDS)


SIZES = ((3, 1), (1500, 300), (1500, 1))
"""Reps and pools."""


async def _all(leads: int, sizes: Sequence[tuple[int, int]], replicas: Sequence[int]) -> int:
    wrong = 0
    with postgres_server() as postgres:
        for reps, pools in sizes:
            for count in replicas:
                size = Size(leads, reps, pools)
                with tempfile.TemporaryDirectory() as home:
                    outcome = await burst(postgres.new_database(), Path(home), size, count, kill=False)
                wrong += len(outcome.account.wrong)
                print(_line(size, count, outcome), *outcome.account.wrong, sep="\n", flush=True)
    return min(wrong, 1)


def _line(size: Size, replicas: int, outcome: Outcome) -> str:
    account = outcome.account
    return (
        f"| {size.reps} | {size.pools} | {replicas} | {size.leads / outcome.seconds:.0f} "
        f"| {outcome.processor_seconds / size.leads * 1000:.2f} | {account.furthest:.2f} "
        f"| {account.largest_trace / 1024:.1f} | {account.held} | {len(account.wrong)} |"
    )


def _pair(text: str) -> tuple[int, int]:
    reps, pools = text.split(",")
    return int(reps), int(pools)


def main() -> None:
    """Run the bursts that were asked for; the exit status says whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--size", action="append", metavar="REPS,POOLS", help="default: 3,1 1500,300 1500,1")
    parser.add_argument("--replicas", type=int, action="append", help="default: 1 and 3")
    given = parser.parse_args()
    sizes = [_pair(one) for one in given.size or ()] or SIZES
    set_up_logs("error")
    print("| reps | pools | replicas | leads/s | replicas' ms/lead | furthest | trace KiB | held | wrong |", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_all(given.leads, sizes, given.replicas or (1, 3))))


if __name__ == "__main__":
    main()
