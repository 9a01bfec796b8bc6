"""From a request to a command: whose id is in the path, and what the command answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from baton.routing.bodies import RepId
from baton.routing.rep_commands import PLAYBOOK
from baton.routing.subjects import is_lead
from baton.runtime.handler import Command, Reply
from baton.runtime.http import Principal, Problem, requires
from baton.runtime.ids import uuid7

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

Reader = Annotated[Principal, Depends(requires("leads:read"))]
Seller = Annotated[Principal, Depends(requires("sales:write"))]
Admin = Annotated[Principal, Depends(requires("admin"))]

_REP_ID: TypeAdapter[str] = TypeAdapter(RepId)
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


async def tell(engine: Engine, subject: str, name: str, body: Any, who: Principal) -> Reply:
    """Send a command; return its reply. A refusal becomes problem details by itself."""
    return await engine.command(Command(uuid7(engine.clock.now()), subject, name, body, actor=who.name))


async def ask(engine: Engine, subject: str, name: str, body: Any, who: Principal) -> Response:
    """Send a command and answer with its reply as JSON."""
    reply = await tell(engine, subject, name, body, who)
    return JSONResponse(_ANY.dump_python(reply.body, mode="json"), status_code=reply.status)


def lead_id_of(lead_id: str) -> str:
    """The id of a lead in a path; 404 for what cannot be one."""
    if not is_lead(lead_id):
        raise Problem(404, "Unknown lead", "Lead ids are UUIDs.")
    return lead_id.lower()


def rep_id_of(rep_id: str) -> str:
    """The id of a rep in a path; 404 for what cannot be one."""
    try:
        _REP_ID.validate_python(rep_id)
    except ValueError:
        raise Problem(404, "Unknown rep", "Rep ids are made of a-z, 0-9, _ and -.") from None
    if is_lead(rep_id) or rep_id == PLAYBOOK:
        raise Problem(404, "Unknown rep", "No rep can have such an id.")
    return rep_id


def lead_id_asked(lead_id: str | None = None) -> str | None:
    """The id of a lead in a query, if there is one; 404 for what cannot be one."""
    return None if lead_id is None else lead_id_of(lead_id)


LeadId = Annotated[str, Depends(lead_id_of)]
LeadIdAsked = Annotated[str | None, Depends(lead_id_asked)]
KnownRepId = Annotated[str, Depends(rep_id_of)]
