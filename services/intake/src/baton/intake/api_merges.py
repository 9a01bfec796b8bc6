"""Intake's HTTP about who is whom: merge two leads, undo it, keep them apart, and what posts have shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from baton.intake import store_merges
from baton.intake.matchmaker import Matchmaker
from baton.intake.merging import KeepApart, Merge, Unmerge
from baton.runtime.engine import Engine
from baton.runtime.http import (
    Principal,
    body_of,
    next_cursor,
    problems,
    read_cursor,
    read_json,
    requires,
    requires_one_of,
)

State = Literal["due", "proposed", "apart", "merged"]
People = Annotated[Principal, Depends(requires_one_of("sales:write", "admin"))]
Reader = Annotated[Principal, Depends(requires("leads:read"))]
LeadId = Annotated[str, Field(min_length=1, max_length=100)]


class Into(BaseModel):
    """The lead that goes on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    into: LeadId


class From(BaseModel):
    """The lead that is another person, whatever posts show."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    other: LeadId = Field(alias="from")


_INTO, _FROM = TypeAdapter(Into), TypeAdapter(From)


def merges_router(engine: Engine, matchmaker: Matchmaker) -> APIRouter:
    """Merging and its undoing, by people; and the pairs that posts have shown."""
    router = APIRouter(prefix="/intake/v1", tags=["merges"])

    @router.post("/leads/{lead_id}/merge", openapi_extra=body_of(Into), responses=problems(404, 409))
    async def merge(lead_id: str, request: Request, who: People) -> Any:
        """Let this lead go on as another one: `lead.merged` on this, `lead.updated` with `absorbed` on that.

        Repeating it changes nothing. 409 where one of the two goes on as yet another, or one is a test and one is not.
        """
        wanted = await read_json(request, _INTO)
        return (await matchmaker.ask(Merge(_id(lead_id), _id(wanted.into), by=who.name))).body

    @router.post("/leads/{lead_id}/unmerge", responses=problems(404, 409))
    async def unmerge(lead_id: str, who: People) -> Any:
        """Let a merged lead be one of its own again: `lead.updated` with `restored` on both.

        It has its identities, its contact and its history again; what was posted in the meantime stays with the other.
        The two are kept apart from then on, whatever posts show.
        """
        return (await matchmaker.ask(Unmerge(_id(lead_id), by=who.name))).body

    @router.post("/leads/{lead_id}/keep-apart", openapi_extra=body_of(From), responses=problems(404, 409))
    async def keep_apart(lead_id: str, request: Request, who: People) -> Any:
        """Say that two leads are two people: a proposal to merge them is settled, and none comes again."""
        wanted = await read_json(request, _FROM)
        return (await matchmaker.ask(KeepApart(_id(lead_id), _id(wanted.other), by=who.name))).body

    @router.get("/merges")
    async def merges(
        _: Reader,
        state: Annotated[State | None, Query(description="`proposed`: what waits for somebody to decide.")] = None,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """List pairs of leads that a post, or somebody, said are one person, and what became of that."""
        place = read_cursor(after, (str, str)) if after else ["", ""]
        rows = await engine.read(lambda tx: store_merges.page(tx, (place[0], place[1]), limit, state))
        follow = next_cursor(rows[-1].one, rows[-1].other) if len(rows) == limit else None
        return {"items": [_shown(row) for row in rows], "next": follow}

    return router


def _id(text: str) -> str:
    return text.replace("\0", "")[:100]


def _shown(row: Any) -> dict[str, Any]:
    names = ("state", "because", "found_at", "decided_at", "decided_by", "detail")
    goes = {"lead_id": row.loser, "merged_into": row.other if row.loser == row.one else row.one} if row.loser else {}
    return {"leads": [row.one, row.other], **goes, **{name: getattr(row, name) for name in names}}
