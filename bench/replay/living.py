"""The five services live through a log: their own engines, real stores, the simulation's bus and clock.

Time goes from one application, and from one deadline, to the next. What is posted in between (calls, statuses) is told
at the time of the last of it, each with the time it happened at: before any deadline that it could have met.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import structlog

from baton.contracts import Rep
from baton.intake.reception import Letter
from baton.playbook import Playbook
from baton.reporting.api import read_funnel
from baton.reporting.store_queries import FunnelQuery, Period
from baton.runtime.handler import Command
from baton.runtime.settings import Settings
from bench.replay.log import Log, Post
from bench.replay.record import Record
from tests.simulation.shortcuts import determined
from tests.simulation.world import World

GRACE = timedelta(seconds=3)
"""A deadline is judged once its inputs are read up to two seconds behind it."""
TEAM = "desk"
MOST_TOLD = 20
"""Refused lines that are named."""
ORDER = {"lead": 0, "touch": 1, "status": 2}
"""What is told together goes by kind: the evidence has its own times, and one request is cheaper than many."""


@dataclass
class Lived:
    """What is left in the end."""

    record: Record = field(default_factory=Record)
    funnel: dict[str, Any] = field(default_factory=dict)
    """As `GET /reporting/v1/funnel` answers."""
    receipts: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    """The first lines that intake put into quarantine, and why."""


def live(log: Log, folder: Path, playbook: Playbook, told: Callable[[int], None] = lambda _: None) -> Lived:
    """Live through the log by the playbook in `folder`; `told` hears how many posts are done. Raises RuntimeError if a
    service stops."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    chance = random.Random(1)
    try:
        with determined(chance):
            return asyncio.run(_House(log, folder, playbook, chance).live(told))
    finally:
        structlog.reset_defaults()


class _House:
    def __init__(self, log: Log, folder: Path, playbook: Playbook, chance: random.Random) -> None:
        settings = Settings(home=Path("/nowhere"), partitions=1, playbook=folder.resolve())
        self.log = log
        self.calendar = playbook.models.calendars.calendars[0]
        self.world = World(chance, log.posts[0].at - timedelta(hours=1), settings=settings)
        self.lived = Lived()

    async def live(self, told: Callable[[int], None]) -> Lived:
        await self._begin()
        waiting: list[Post] = []
        for done, post in enumerate(self.log.posts, 1):
            if self._due_before(post.at) is not None:
                await self._tell(waiting)
                await self._pass_until(post.at)
            if post.kind == "lead":
                await self._tell(waiting)
            waiting.append(post)
            if post.kind == "lead":
                await self._tell(waiting)
            told(done)
        await self._tell(waiting)
        await self._pass_until(self.log.posts[-1].at + GRACE)
        await self._end()
        return self.lived

    async def _begin(self) -> None:
        world = self.world
        await world.begin()
        await world.turns.calm()
        await self._drain()
        world.is_quiet = True
        (routing,) = world.of("routing")
        for rep in sorted(self.log.reps):
            who = Rep(id=rep, name=f"Rep {rep}", team=TEAM, zone=self.calendar.zone, calendar=self.calendar.id)
            await routing.engine.command(Command(f"put-{rep}", rep, "put", who))
        await self._drain()

    async def _end(self) -> None:
        (reporting,) = self.world.of("reporting")
        query = FunnelQuery(Period(None, None), None, None, 0, False)
        self.lived.funnel = await reporting.engine.read(lambda tx: read_funnel(tx, query, None))
        await self.world.end()

    def _due_before(self, moment: datetime) -> datetime | None:
        due = self.world.next_due()
        return due if due is not None and due + GRACE <= moment else None

    async def _pass_until(self, moment: datetime) -> None:
        """Whatever falls due by then is done, each at its time."""
        while (due := self._due_before(moment)) is not None:
            self._move_to(due + GRACE)
            await self._drain()

    async def _tell(self, posts: list[Post]) -> None:
        """Post these at the time of the last, and let everybody work; none are left."""
        if not posts:
            return
        self._move_to(posts[-1].at)
        posts.sort(key=lambda post: ORDER[post.kind])
        for kind, some in groupby(posts, key=lambda post: post.kind):
            await self._post(kind, list(some))
        posts.clear()
        await self._drain()

    async def _post(self, kind: Any, posts: Sequence[Post]) -> None:
        (intake,) = self.world.of("intake")
        assert intake.reception is not None  # or it is no intake
        letter = Letter(orjson.dumps([post.body for post in posts]), "application/json", {})
        receipts, _ = await intake.reception.native(kind, letter, "replay", None)
        for post, receipt in zip(posts, receipts, strict=True):
            self.lived.receipts[receipt["status"]] += 1
            if receipt["status"] == "quarantined" and len(self.lived.refused) < MOST_TOLD:
                why = receipt.get("detail") or receipt.get("cause")
                self.lived.refused.append(f"line {post.line}: {why}")

    def _move_to(self, moment: datetime) -> None:
        self.world.clock.move_to(max(moment, self.world.clock.now()))

    async def _drain(self) -> None:
        if not await self.world.drain():
            raise RuntimeError("; ".join(self.world.wrong) or "it does not drain")
        self.lived.record.take(self.world.bus)
