"""HTTP of scoring: the definition, who has read it, one person's judgement, a draft's judgement."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from baton.contracts import Activity, Contact, Json
from baton.playbook import Playbook
from baton.runtime.http import Principal, Problem, body_of, page, problems, read_json, requires
from baton.scoring import store
from baton.scoring.domain.moments import text_of
from baton.scoring.domain.person import Person, history_of, with_activity, with_answers
from baton.scoring.views import definition_shown, judgement_shown, per_source

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

Reader = Annotated[Principal, Depends(requires("leads:read"))]
LeadId = Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")]


class ReadIn(BaseModel):
    """A confirmation of having read the definition (D5)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: str = Field(description="The version that was read; must be the one in force.")
    reader: str | None = Field(
        default=None, min_length=1, max_length=100, description="Who read it; without it the name of the token."
    )


class PreviewIn(BaseModel):
    """A lead that is judged without being kept."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(default="preview", max_length=100)
    contact: Contact = Field(default_factory=Contact)
    properties: dict[str, Json] = Field(default_factory=dict)
    answers: dict[str, Json] = Field(default_factory=dict, description="Question to value.")
    activity: list[Activity] = Field(default_factory=list, max_length=300)


_READ = TypeAdapter(ReadIn)
_PREVIEW = TypeAdapter(PreviewIn)


def router(engine: Engine, tables: store.Tables, playbook: Callable[[], Playbook]) -> APIRouter:
    """Return the routes; all need the scope `leads:read`."""
    routes = APIRouter(prefix="/scoring")

    @routes.get("/v1/definition", tags=["definition"])
    async def show_definition(_: Reader) -> dict[str, Any]:
        """The lead definition in force: fields, criteria, must-know list, points and reasons, and who read it."""
        readers = await engine.read(lambda tx: store.readings(tx, tables, playbook().version))
        return {**definition_shown(playbook()), "read_by": readers}

    @routes.post(
        "/v1/definition/read",
        status_code=201,
        tags=["definition"],
        openapi_extra=body_of(ReadIn),
        responses=problems(409),
    )
    async def confirm_reading(request: Request, who: Reader) -> dict[str, Any]:
        """Confirm having read the version in force. 409 if another is in force by now; repeating it changes nothing."""
        said = await read_json(request, _READ)
        version = playbook().version
        if said.version != version:
            raise Problem(409, "Another version is in force", f"The definition in force is {version}.", version=version)
        reader = said.reader or who.name
        now = engine.clock.now()
        await engine.store.write(lambda tx: store.note_reading(tx, tables, version, reader, now))
        readers = await engine.read(lambda tx: store.readings(tx, tables, version))
        return {"version": version, "read_by": readers}

    @routes.get("/v1/leads/{lead_id}", tags=["leads"])
    async def show_lead(lead_id: LeadId, _: Reader) -> dict[str, Any]:
        """How a person stands: outcome, score with its contributions, what is unmet or unknown, history."""
        found = await engine.read(lambda tx: store.find(tx, tables, lead_id))
        if found is None:
            raise Problem(404, "Unknown lead", "No fact about this lead has come here yet.")
        person, judged_at = found
        now = engine.clock.now()
        return {
            "lead_id": lead_id,
            "outcome": person.verdict.outcome,
            "round": person.round.number,
            "standing": person.round.standing,
            "is_test": person.is_test,
            "last_judged_at": judged_at,
            "look_again_at": person.verdict.look_again_at,
            "flags": person.verdict.flags,
            "reason": person.verdict.reason,
            "now": judgement_shown(person, playbook(), now),
            "history": history_of(person),
        }

    @routes.post("/v1/preview", tags=["leads"], openapi_extra=body_of(PreviewIn))
    async def preview(request: Request, _: Reader) -> dict[str, Any]:
        """What would be said of such a lead now, with the reasons. Nothing is kept or published."""
        draft = await read_json(request, _PREVIEW)
        now = engine.clock.now()
        return judgement_shown(_person_of(draft, text_of(now)), playbook(), now)

    @routes.get("/", include_in_schema=False)
    async def show_page(request: Request, _: Reader) -> Response:
        """The definition on one page that everyone can read and print."""
        readers = await engine.read(lambda tx: store.readings(tx, tables, playbook().version))
        sources = await engine.read(lambda tx: store.by_source(tx, tables))
        shown = definition_shown(playbook())
        return page(request, "definition.html", readers=readers, sources=per_source(sources), **shown)

    return routes


def _person_of(draft: PreviewIn, now: str) -> Person:
    person = Person(
        "preview",
        source=draft.source,
        first_seen_at=now,
        last_fact_at=now,
        contact=draft.contact.model_dump(exclude_none=True),
        properties=draft.properties,
    )
    acts = [{**a.model_dump(exclude_none=True), "occurred_at": text_of(a.occurred_at)} for a in draft.activity]
    answers = [{"question": q, "value": value, "occurred_at": now} for q, value in draft.answers.items()]
    return with_answers(with_activity(person, acts), answers)
