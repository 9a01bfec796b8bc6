"""One routing replica, as `baton run routing` is, but for its log: a list that every replica has the same of.

`python -m tests.burst.replica URL HOME LEADS REPS POOLS SEED` says "ready", works until its input is closed, and says
how many processor seconds that took. Which lanes are its own is settled in the database, as always.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from baton.playbook import Playbook
from baton.routing.service import Routing
from baton.runtime.clock import Clock
from baton.runtime.engine import Engine
from baton.runtime.observe import set_up_logs
from baton.runtime.settings import Settings
from baton.runtime.store.port import open_store
from bench.inside import Log
from tests.burst.house import LANES, Size

LEASE_SECONDS = 10.0


class StandingPlaybook:
    """A watched directory in which nothing ever changes."""

    refused: str | None = None

    def __init__(self, playbook: Playbook) -> None:
        self.current = playbook

    def poll(self) -> None:
        return None


async def replica(url: str, home: Path, size: Size, log: Log) -> Engine:
    """Return another replica over the database, not started."""
    settings = Settings(home=home, database_url=url, partitions=LANES, lease_seconds=LEASE_SECONDS)
    service = Routing(StandingPlaybook(size.playbook()), settings)  # type: ignore[arg-type]
    await log.prepare([*service.hears, *service.says], LANES)
    return Engine(service, settings, open_store(url), log, Clock(), alone=False)


async def work(url: str, home: Path, size: Size) -> None:
    """Work until our input is closed."""
    log = Log()
    await log.publish(size.records())
    engine = await replica(url, home, size, log)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.process_time()
    await engine.start()
    closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait({closed, engine.failed}, return_when=asyncio.FIRST_COMPLETED)
    if engine.failed.done():
        engine.failed.result()
    await engine.stop()
    print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    set_up_logs("error")
    database, place, *numbers = sys.argv[1:]
    asyncio.run(work(database, Path(place), Size(*map(int, numbers))))
