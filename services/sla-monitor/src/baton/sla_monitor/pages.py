"""The board for people, and what its page asks for every few seconds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response

from baton.playbook import Playbook
from baton.runtime.http import page, requires
from baton.sla_monitor import store
from baton.sla_monitor.api import Named
from baton.sla_monitor.board import Wanted, look

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

Look = Callable[[Wanted], Awaitable[dict[str, Any]]]


class SharedLook:
    """One look at the store for all who watch the same: however many do, it takes a tenth of the time at most."""

    fresh_for = 1.0
    """Seconds a look is good for at least; nobody asks more often than every few."""
    share = 10
    """A look that took a second is good for ten: on a store with a million promises watching stays cheap."""
    most = 64
    """Looks kept: one for each team and rep somebody watches."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._seen: OrderedDict[Wanted, tuple[float, dict[str, Any]]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def at(self, wanted: Wanted) -> dict[str, Any]:
        """Return what is shown of `wanted`, from a moment ago or from now. One look is taken at a time."""
        async with self._lock:
            good_until, seen = self._seen.get(wanted, (0.0, {}))
            if _clock() < good_until:
                return seen
            began = _clock()
            seen = await self._look(wanted)
            took = _clock() - began
            self._seen[wanted] = (_clock() + max(self.fresh_for, took * self.share), seen)
            self._seen.move_to_end(wanted)
            if len(self._seen) > self.most:
                self._seen.popitem(last=False)
            return seen


def _clock() -> float:
    return asyncio.get_running_loop().time()


def pages_router(engine: Engine, tables: store.Tables, playbook: Callable[[], Playbook]) -> APIRouter:
    """Return the board; reading needs the scope `leads:read`."""
    routes = APIRouter(prefix="/sla-monitor", dependencies=[Depends(requires("leads:read"))], include_in_schema=False)

    async def seen_now(wanted: Wanted) -> dict[str, Any]:
        now = engine.clock.now()
        seen = await engine.read(lambda tx: look(tx, tables, wanted, playbook(), now))
        return {**seen, "now": now}

    shared = SharedLook(seen_now)

    @routes.get("/")
    async def show_board(request: Request, team: Named = None, owner: Named = None) -> Response:
        """The board: what is overdue, at risk and open, with the time left, per team and rep."""
        return page(request, "board.html", **await seen_now(Wanted(team or None, owner or None)))

    @routes.get("/board")
    async def show_news(
        request: Request,
        team: Named = None,
        owner: Named = None,
        if_none_match: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        """The part of the board that changes; 304 while it is what `If-None-Match` names."""
        seen = await shared.at(Wanted(team or None, owner or None))
        if if_none_match == seen["tag"]:
            return Response(status_code=304, headers={"ETag": seen["tag"]})
        fresh = {**seen, "now": engine.clock.now()}  # by which the browser sets its clock
        return page(request, "board_live.html", headers={"ETag": seen["tag"]}, **fresh)

    return routes
