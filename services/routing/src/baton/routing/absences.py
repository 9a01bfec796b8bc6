"""HTTP of absences that come from a rep's calendar."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from baton.routing.asking import KnownRepId, Seller, tell
from baton.routing.ical import CalendarRefused, read_calendar
from baton.runtime.http import Problem, body_of, problems, read_body

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

CALENDAR = "text/calendar"
HandOver = Annotated[bool, Query(description="When such an absence begins, leads not accepted yet go to others.")]


def absence_routes(engine: Engine, routing: Routing) -> APIRouter:
    """Return the route that takes a rep's calendar."""
    api = APIRouter(prefix="/routing/v1", tags=["roster"])

    @api.post(
        "/reps/{rep_id}/time-off/ical",
        openapi_extra=body_of(TypeAdapter(str), media_type=CALENDAR),
        responses=problems(409),
    )
    async def import_calendar(
        request: Request, rep_id: KnownRepId, who: Seller, hand_over: HandOver = False
    ) -> Response:
        """Replace what his calendar brought before by the absences it has now; those entered by hand stay."""
        text = await _calendar_text(request)
        rep = (await engine.read(routing.books_now)).roster.reps.get(rep_id)
        if rep is None:
            raise Problem(404, "Unknown rep", f"There is no rep {rep_id!r} on the roster.")
        read = partial(read_calendar, text, rep.zone, engine.clock.now(), routing.absence_words, hand_over=hand_over)
        try:
            calendar = await asyncio.to_thread(read)
        except CalendarRefused as fault:
            raise Problem(422, "Invalid calendar", str(fault)) from None
        reply = await tell(engine, rep_id, "calendar", calendar.absences, who)
        return JSONResponse({**reply.body, "ignored": [asdict(one) for one in calendar.ignored]})

    return api


async def _calendar_text(request: Request) -> str:
    """The body. 415 unless it is declared as a calendar in UTF-8, not compressed; 422 if it is not UTF-8."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters, re.IGNORECASE)
    is_plain = request.headers.get("content-encoding", "identity").strip().lower() == "identity"
    is_utf8 = charset is None or charset[1].lower() in {"utf-8", "utf8"}
    if kind.strip().lower() != CALENDAR or not is_plain or not is_utf8:
        raise Problem(415, "Unsupported media type", f"Send {CALENDAR} in UTF-8, not compressed.")
    try:
        return (await read_body(request)).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(422, "Invalid calendar", "It is not UTF-8.") from None
