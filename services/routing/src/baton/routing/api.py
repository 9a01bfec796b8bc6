"""HTTP of routing: leads and their owners, the roster, pools, held leads, and what people may ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from sqlalchemy import Connection

from baton.contracts import HeldReason
from baton.playbook.posted import drafted_by
from baton.routing import store, views
from baton.routing.absences import absence_routes
from baton.routing.api_accounts import account_routes
from baton.routing.asking import Admin, KnownRepId, LeadId, Reader, Seller, ask
from baton.routing.bodies import ClaimIn, HandOnIn, NextIn, PreviewIn, ReassignIn, RejectIn, RepIn, TimeOffIn
from baton.routing.deliveries.api import delivery_routers
from baton.routing.domain.house import House
from baton.routing.domain.lead import Lead
from baton.routing.embedding import embedding_routes
from baton.routing.explain import explain_routes
from baton.routing.pages import pages
from baton.routing.queues import next_of_queue
from baton.routing.shadow import shadow_routes
from baton.runtime.http import Problem, body_of, next_cursor, problems, read_cursor, read_json

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

Limit = Annotated[int, Query(ge=1, le=500)]

_REP, _TIME_OFF, _PREVIEW = TypeAdapter(RepIn), TypeAdapter(TimeOffIn), TypeAdapter(PreviewIn)
_HAND_ON, _NEXT = TypeAdapter(HandOnIn), TypeAdapter(NextIn)
_CLAIM, _REASSIGN, _REJECT = TypeAdapter(ClaimIn), TypeAdapter(ReassignIn), TypeAdapter(RejectIn)


def routers(engine: Engine, routing: Routing) -> Sequence[APIRouter]:
    """Return routing's routes: the API under `/routing/v1`, the pages under `/routing`."""
    return (
        _leads(engine, routing),
        explain_routes(engine, routing),
        shadow_routes(engine, routing),
        _commands(engine),
        _roster(engine, routing),
        absence_routes(engine, routing),
        _work(engine, routing),
        account_routes(engine, routing),
        embedding_routes(engine, routing),
        pages(engine, routing),
        *delivery_routers(engine, routing),
    )


def _leads(engine: Engine, routing: Routing) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["leads"])

    @api.get("/leads/{lead_id}")
    async def show_lead(lead_id: LeadId, who: Reader) -> dict[str, Any]:
        """Who has the lead and why, who had it before, or why it is held."""

        def work(tx: Connection) -> Lead:
            return store.load_leads(tx, routing.tables, [lead_id])[lead_id]

        lead = await engine.read(work)
        if lead.qualified is None:
            raise Problem(404, "Unknown lead", "Scoring has not qualified a lead with this id.")
        return views.lead_shown(lead)

    @api.post("/preview", openapi_extra=body_of(PreviewIn))
    async def preview(request: Request, who: Reader) -> dict[str, Any]:
        """What would be decided about this lead now: rule, owner, deadline, trace. Writes nothing.

        With `lead_id` a lead that is known, with whatever else is given changed; with `draft` by other rules.
        """
        body = await read_json(request, _PREVIEW)
        house = House(await drafted_by(routing.house.playbook, body.draft, who)) if body.draft else routing.house
        lead_id = body.lead_id
        known = await engine.read(lambda tx: _known(tx, routing, lead_id)) if lead_id else None
        books = await engine.read(routing.books_now)
        return views.preview_shown(body, books, house, engine.clock.now(), known)

    @api.get("/held")
    async def list_held(
        who: Reader, reason: HeldReason | None = None, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        """Leads nobody has, the longest waiting first, each with the reason and when it is tried again by itself."""
        after = read_cursor(cursor, (str, str)) if cursor else None
        place = (after[0], after[1]) if after else None
        leads = await engine.read(lambda tx: store.held(tx, routing.tables, limit + 1, place, reason))
        shown, last = leads[:limit], leads[limit - 1] if len(leads) > limit else None
        following = next_cursor(last.hold.since.isoformat(), last.lead_id) if last and last.hold else None
        return {"held": [views.held_shown(lead) for lead in shown], "next": following}

    return api


def _known(tx: Connection, routing: Routing, lead_id: str) -> Lead:
    lead = store.load_leads(tx, routing.tables, [lead_id])[lead_id]
    if lead.qualified is None:
        raise Problem(422, "Unknown lead", "Scoring has not qualified a lead with this id.")
    return lead


def _commands(engine: Engine) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["leads"])

    @api.post("/leads/{lead_id}/claim", openapi_extra=body_of(ClaimIn), responses=problems(409))
    async def claim(request: Request, lead_id: LeadId, who: Seller) -> Response:
        """Take the lead, whoever has it and whatever state it is in. A closed one is opened again by this."""
        body = await read_json(request, _CLAIM)
        return await ask(engine, lead_id, "claim", body.model_dump(), who)

    @api.post("/leads/{lead_id}/reassign", openapi_extra=body_of(ReassignIn), responses=problems(409))
    async def reassign(request: Request, lead_id: LeadId, who: Seller) -> Response:
        """Give the lead to somebody, or without `to` let the rotation choose among those who have not had it."""
        body = await read_json(request, _REASSIGN)
        return await ask(engine, lead_id, "reassign", body.model_dump(), who)

    @api.post("/leads/{lead_id}/reject", openapi_extra=body_of(RejectIn), responses=problems(409))
    async def reject(request: Request, lead_id: LeadId, who: Seller) -> Response:
        """Say "not mine": somebody else gets the lead, and a mis-route is counted (H13)."""
        body = await read_json(request, _REJECT)
        return await ask(engine, lead_id, "reject", body.model_dump(), who)

    @api.post("/leads/{lead_id}/hand-on", openapi_extra=body_of(HandOnIn), responses=problems(409))
    async def hand_on(request: Request, lead_id: LeadId, who: Seller) -> Response:
        """Qualified by phone: the lead goes on to whom the rules without `qualifies` choose, or to `to` (H1)."""
        body = await read_json(request, _HAND_ON)
        return await ask(engine, lead_id, "hand_on", body.model_dump(), who)

    return api


_CREATED: dict[str, Any] = {"description": "The rep is new.", "content": {"application/json": {}}}


def _roster(engine: Engine, routing: Routing) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["roster"])

    @api.get("/reps")
    async def list_reps(who: Reader, limit: Limit = 100, cursor: str | None = None) -> dict[str, Any]:
        """The roster by id: each rep with his load and credit."""
        after = str(read_cursor(cursor, (str,))[0]) if cursor else ""
        books = await engine.read(routing.books_now)
        reps = [rep for rep in books.roster.reps.values() if rep.id > after]
        following = next_cursor(reps[limit - 1].id) if len(reps) > limit else None
        shown = [views.rep_shown(rep, books, routing.house) for rep in reps[:limit]]
        return {"reps": shown, "roster_version": books.roster.version, "next": following}

    @api.get("/reps/{rep_id}")
    async def show_rep(rep_id: KnownRepId, who: Reader) -> dict[str, Any]:
        """One rep with his load, and his credit in each pool."""
        books = await engine.read(routing.books_now)
        rep = books.roster.reps.get(rep_id)
        if rep is None:
            raise Problem(404, "Unknown rep", f"There is no rep {rep_id!r} on the roster.")
        return views.rep_shown(rep, books, routing.house)

    @api.put("/reps/{rep_id}", openapi_extra=body_of(RepIn), responses={201: _CREATED, **problems(409)})
    async def put_rep(request: Request, rep_id: KnownRepId, who: Admin) -> Response:
        """Create the rep (201) or replace him whole (200). Held leads he may have are tried again at once."""
        body = await read_json(request, _REP)
        if body.id not in (None, rep_id):
            errors = [{"detail": f"the path names {rep_id}", "pointer": "#/id"}]
            raise Problem(422, "Invalid content", errors=errors)
        return await ask(engine, rep_id, "put", body.rep(rep_id), who)

    @api.post("/reps/{rep_id}/time-off", openapi_extra=body_of(TimeOffIn), responses=problems(409))
    async def add_time_off(request: Request, rep_id: KnownRepId, who: Seller) -> Response:
        """Add an absence. During it the rep gets nothing, and afterwards neither more nor less than the others."""
        body = await read_json(request, _TIME_OFF)
        return await ask(engine, rep_id, "time_off", body.time_off(), who)

    @api.post("/reps/{rep_id}/departure", status_code=202)
    async def let_go(rep_id: KnownRepId, who: Admin) -> Response:
        """The rep leaves: he gets nothing any more, and all his open leads go to others, a few at a time."""
        return await ask(engine, rep_id, "departure", None, who)

    return api


def _work(engine: Engine, routing: Routing) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["work"])

    @api.get("/reps/{rep_id}/queue")
    async def show_queue(
        rep_id: KnownRepId, who: Reader, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        """The rep's open leads, best first, each with the reason for its rank (H5)."""
        after = read_cursor(cursor, (float, str, int)) if cursor else None
        place, rank = ((after[0], after[1]), after[2] + 1) if after else (None, 1)
        leads = await engine.read(lambda tx: store.queue_of(tx, routing.tables, rep_id, limit + 1, place))
        shown = leads[:limit]
        following = None
        if len(leads) > limit and (seen := shown[-1].qualified):
            following = next_cursor(float(seen.score.total), shown[-1].lead_id, rank + limit - 1)
        return {"rep": rep_id, "leads": views.queue_shown(shown, rank), "next": following}

    @api.get("/pools/{pool_id}")
    async def show_pool(pool_id: str, who: Reader) -> dict[str, Any]:
        """A pool's members with credit and load, who of them could have a lead now, and who is next."""
        house = routing.house
        pool = next((pool for pool in house.playbook.routing.pools if pool.id == pool_id), None)
        if pool is None:
            raise Problem(404, "Unknown pool", f"The playbook has no pool {pool_id!r}.")
        books = await engine.read(routing.books_now)
        return views.pool_shown(pool, books, house, engine.clock.now())

    @api.post("/pools/{pool_id}/next", openapi_extra=body_of(NextIn), responses=problems(404, 409))
    async def take_next(request: Request, pool_id: str, who: Seller) -> Response:
        """Take the best lead that waits in a queue; `lead_id` is null where none does. No lead is given twice."""
        body = await read_json(request, _NEXT)
        return JSONResponse(await next_of_queue(engine, routing, pool_id, body.rep, who))

    return api
