"""Pages for people: a rep's list, and the leads nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from baton.routing import store, views
from baton.routing.asking import KnownRepId, LeadId, Reader, Seller, tell
from baton.routing.queues import next_of_queue
from baton.runtime.http import Problem, page, read_body

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

MOST_SHOWN = 200
FORM_BYTES = 4096


def pages(engine: Engine, routing: Routing) -> APIRouter:
    """Return the pages under `/routing`."""
    routes = APIRouter(prefix="/routing", include_in_schema=False)

    @routes.get("/reps/{rep_id}")
    async def show_list(request: Request, rep_id: KnownRepId, who: Reader) -> Response:
        """A rep's list, best lead first, with the reason for each rank."""
        books = await engine.read(routing.books_now)
        rep = books.roster.reps.get(rep_id)
        if rep is None:
            raise Problem(404, "Unknown rep", f"There is no rep {rep_id!r} on the roster.")
        leads = await engine.read(lambda tx: store.queue_of(tx, routing.tables, rep_id, MOST_SHOWN, None))
        waiting = await engine.read(lambda tx: store.queue_lengths(tx, routing.tables))
        return page(
            request,
            "rep.html",
            rep=views.rep_shown(rep, books, routing.house),
            colleagues=list(books.roster.reps.values()),
            queues=views.queues_shown(rep_id, books, routing.house, waiting),
            leads=views.list_shown(leads, routing.house),
            limit=MOST_SHOWN,
            now=engine.clock.now(),
            may_sell=who.may("sales:write"),
        )

    @routes.get("/held")
    async def show_held(request: Request, who: Reader) -> Response:
        """The leads nobody has, and why."""
        books = await engine.read(routing.books_now)
        leads = await engine.read(lambda tx: store.held(tx, routing.tables, MOST_SHOWN, None, None))
        counts = await engine.read(lambda tx: store.held_counts(tx, routing.tables))
        return page(
            request,
            "held.html",
            leads=[views.held_shown(lead) for lead in leads],
            counts=counts,
            reps=[rep for rep in books.roster.reps.values() if rep.active],
            everybody=list(books.roster.reps.values()),
            limit=MOST_SHOWN,
            may_sell=who.may("sales:write"),
        )

    @routes.post("/held/{lead_id}/assign")
    async def assign(request: Request, lead_id: LeadId, who: Seller) -> Response:
        """The button on the held page: give the lead to somebody."""
        form = await _form(request)
        await tell(engine, lead_id, "reassign", {"to": form.get("to")}, who)
        return RedirectResponse("/routing/held", status_code=303)

    @routes.post("/reps/{rep_id}/leads/{lead_id}/reject")
    async def reject(request: Request, rep_id: KnownRepId, lead_id: LeadId, who: Seller) -> Response:
        """The button on a rep's list: not mine."""
        await tell(engine, lead_id, "reject", {"rep": rep_id}, who)
        return RedirectResponse(f"/routing/reps/{rep_id}", status_code=303)

    @routes.post("/reps/{rep_id}/leads/{lead_id}/hand-on")
    async def hand_on(rep_id: KnownRepId, lead_id: LeadId, who: Seller) -> Response:
        """The button of those who qualify by phone: on to whom the other rules choose."""
        await tell(engine, lead_id, "hand_on", {}, who)
        return RedirectResponse(f"/routing/reps/{rep_id}", status_code=303)

    @routes.post("/reps/{rep_id}/queues/{pool_id}/next")
    async def take_next(rep_id: KnownRepId, pool_id: str, who: Seller) -> Response:
        """The button of a queue: the best that waits there, unless somebody was quicker."""
        await next_of_queue(engine, routing, pool_id, rep_id, who)
        return RedirectResponse(f"/routing/reps/{rep_id}", status_code=303)

    return routes


async def _form(request: Request) -> dict[str, str]:
    raw = await read_body(request, FORM_BYTES)
    return {name: values[-1] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}
