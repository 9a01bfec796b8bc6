"""What intake knows of a lead, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from baton.intake import store
from baton.intake.domain.keys import email_key
from baton.intake.domain.mail import normal_address
from baton.runtime.engine import Engine
from baton.runtime.http import Principal, Problem, body_of, read_json, requires

Reader = Annotated[Principal, Depends(requires("leads:read"))]


class Search(BaseModel):
    """Whom to look for. In the body and not in the URL, because URLs end up in logs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    email: str = Field(min_length=3, max_length=400)


_SEARCH = TypeAdapter(Search)


def leads_router(engine: Engine) -> APIRouter:
    """What intake knows of a lead."""
    router = APIRouter(prefix="/intake/v1", tags=["leads"])

    @router.post("/leads/search", openapi_extra=body_of(Search))
    async def search(request: Request, _: Reader) -> dict[str, Any]:
        """Find leads by e-mail."""
        wanted = await read_json(request, _SEARCH)
        address = normal_address(wanted.email)
        if address is None:
            return {"leads": []}
        key = email_key(address)
        lead_id = await engine.read(lambda tx: store.lead_of(tx, key))
        found = None if lead_id is None else await _find(engine, lead_id)
        return {"leads": [found] if found else []}

    @router.get("/leads/{lead_id}")
    async def show(lead_id: str, _: Reader) -> dict[str, Any]:
        """Show one lead: contact, properties, and by what it is known."""
        found = await _find(engine, lead_id.replace("\0", "")[:100])
        if found is None:
            raise Problem(404, "Unknown lead", "Intake knows no lead by this id.")
        return found

    return router


async def _find(engine: Engine, lead_id: str) -> dict[str, Any] | None:
    found = await engine.read(lambda tx: store.find_lead(tx, lead_id))
    if found is None:
        return None
    person = found["person"]
    names = (
        "lead_id",
        "source",
        "external_id",
        "is_test",
        "contact",
        "properties",
        "as_of",
        "created_at",
        "updated_at",
    )
    about = {
        "merged_into": person.merged_into,
        "absorbed": sorted(name for name in person.layers or {} if name),
        "may_be": found["may_be"],
        "known_by": [_identity(key) for key in found["keys"]],
    }
    return {**{name: getattr(person, name) for name in names}, **about}


def _identity(key: str) -> dict[str, str]:
    kind, _, rest = key.partition(":")
    if kind != "id":
        return {kind: rest}
    system, _, external_id = rest.partition(":")
    return {"system": system, "id": external_id}
