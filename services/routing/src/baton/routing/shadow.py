"""A draft beside the playbook in force: what it would have decided on live leads. It publishes and stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from baton.playbook import Draft
from baton.routing import store
from baton.routing.asking import Reader
from baton.routing.domain.books import Books
from baton.routing.domain.house import House
from baton.routing.domain.placement import Placed, Unplaced, place
from baton.routing.domain.searching import Asked
from baton.runtime.http import Problem, page, problems

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

OUTCOMES = ("same", "rerouted", "other_promise", "held", "freed")
MOST_SHOWN = 200


class Shadow(Draft):
    """The draft, as routing works by it."""

    _house: House | None = None

    @property
    def house(self) -> House | None:
        """The draft's rules; None while there is no valid one."""
        if self.playbook is None:
            return None
        if self._house is None or self._house.playbook is not self.playbook:
            self._house = House(self.playbook)
        return self._house


def compared(inputs: Mapping[str, Any], live: House, draft: House, books: Books) -> dict[str, Any]:
    """What the draft makes of a kept question, and how that differs from what the playbook in force does.

    Both are asked on the same books, those of now: within one pool nobody moves.
    """
    asked = Asked.from_document(inputs["asked"])
    was = place(asked, live, books.roster, books.accounts)
    will = place(asked, draft, books.roster, books.accounts)
    return {
        "outcome": _outcome(was, will),
        "live": _side(was),
        "draft": _side(will),
        "because": [f"{missed.rule}: {missed.because}" for missed in will.trace.near_misses[:3]],
    }


def _side(answer: Placed | Unplaced) -> dict[str, Any]:
    return {
        "rule": answer.rule.id if answer.rule else None,
        "pool": answer.pool,
        "policy": answer.policy if isinstance(answer, Placed) else None,
        "held": None if isinstance(answer, Placed) else answer.reason,
    }


def _outcome(was: Placed | Unplaced, will: Placed | Unplaced) -> str:
    if isinstance(was, Placed) != isinstance(will, Placed):
        return "freed" if isinstance(will, Placed) else "held"
    if was.pool != will.pool:
        return "rerouted"
    if isinstance(was, Placed) and isinstance(will, Placed) and was.policy != will.policy:
        return "other_promise"
    return "same"


def shadow_routes(engine: Engine, routing: Routing) -> APIRouter:
    """Return the API and the page; both need the scope `leads:read`."""
    routes = APIRouter(prefix="/routing")

    async def told(limit: int) -> dict[str, Any]:
        shadow, live = routing.shadow, routing.house
        if shadow is None:
            raise Problem(404, "No draft", "BATON_SHADOW_PLAYBOOK names no draft to run beside the playbook.")
        said = {"live": live.playbook.version, "refused": shadow.refused}
        draft = shadow.house
        if draft is None:
            return {**said, "draft": None, "decisions": 0, "differing": 0, "differences": []}
        books = await engine.read(routing.books_now)
        rows = await engine.read(lambda tx: store.newest_decisions(tx, routing.tables, limit))
        found = []
        for row in rows:
            one = compared(row["inputs"], live, draft, books)
            if one["outcome"] != "same":
                found.append({name: row[name] for name in ("lead_id", "round", "number", "decided_at")} | one)
        counts = {"decisions": len(rows), "differing": len(found)}
        return {**said, "draft": draft.playbook.version, **counts, "differences": found}

    @routes.get("/v1/shadow", tags=["playbook"], responses=problems(404))
    async def show_shadow(who: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 200) -> dict[str, Any]:
        """Where the draft of BATON_SHADOW_PLAYBOOK would have decided the newest leads otherwise, and why."""
        return await told(limit)

    @routes.get("/shadow", include_in_schema=False)
    async def show_page(request: Request, who: Reader) -> Response:
        """The same as a page."""
        return page(request, "shadow.html", **await told(MOST_SHOWN))

    return routes
