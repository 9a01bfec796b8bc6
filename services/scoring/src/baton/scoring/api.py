"""HTTP of scoring: one person's judgement, a draft's judgement, and the page of the definition."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from baton.contracts import Activity, Contact, Json
from baton.playbook.posted import drafted_by
from baton.runtime.http import Principal, Problem, body_of, page, read_json, requires
from baton.scoring import store, store_versions
from baton.scoring.api_definition import Desk
from baton.scoring.domain.alerts import watched
from baton.scoring.domain.moments import text_of
from baton.scoring.domain.person import Person, history_of, with_activity, with_answers
from baton.scoring.domain.pipeline import tested_at
from baton.scoring.views import definition_shown, judgement_shown, per_reason, per_source
from baton.values import changed

Reader = Annotated[Principal, Depends(requires("leads:read"))]
LeadId = Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")]


class PreviewIn(BaseModel):
    """A lead that is judged without being kept."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(default="preview", max_length=100)
    contact: Contact = Field(default_factory=Contact)
    properties: dict[str, Json] = Field(default_factory=dict)
    answers: dict[str, Json] = Field(default_factory=dict, description="Question to value.")
    activity: list[Activity] = Field(default_factory=list, max_length=300)
    lead_id: str | None = Field(
        default=None, max_length=200, description="A person whose values stand where nothing else is given here."
    )
    draft: dict[str, str] | None = Field(
        default=None,
        max_length=20,
        description="Files of a playbook by name, such as `scoring.yaml`, as text: judged by these, the others as "
        "they are in force. Needs the scope admin.",
    )


_PREVIEW = TypeAdapter(PreviewIn)


def router(desk: Desk) -> APIRouter:
    """Return the routes; all need the scope `leads:read`."""
    routes = APIRouter(prefix="/scoring")
    engine, tables, watch = desk.engine, desk.tables, desk.watch
    _add_counts(routes, desk)

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
            "last_tested_at": tested_at(person),
            **watched(watch.current, person, now).as_dict,
            "details": person.details,
            "deal": person.deal,
            "now": judgement_shown(person, watch.current, now),
            "history": history_of(person),
        }

    @routes.post("/v1/preview", tags=["leads"], openapi_extra=body_of(PreviewIn))
    async def preview(request: Request, who: Reader) -> dict[str, Any]:
        """What would be said of such a lead now, with the reasons. Nothing is kept or published.

        With `lead_id` a person who is known, with whatever else is given changed; with `draft` by other rules.
        """
        asked = await read_json(request, _PREVIEW)
        now = engine.clock.now()
        playbook = await drafted_by(watch.current, asked.draft, who) if asked.draft else watch.current
        known = await _known(asked.lead_id) if asked.lead_id else None
        return judgement_shown(_person_of(asked, text_of(now), known), playbook, now)

    async def _known(lead_id: str) -> Person:
        found = await engine.read(lambda tx: store.find(tx, tables, lead_id))
        if found is None:
            raise Problem(422, "Unknown lead", "No fact about this lead has come here yet.")
        return found[0]

    @routes.get("/", include_in_schema=False)
    async def show_page(request: Request, _: Reader) -> Response:
        """The definition on one page that everyone can read and print."""
        shown = definition_shown(watch.current)
        version = watch.current.version
        readers = await engine.read(lambda tx: store_versions.readings(tx, tables.reading, version))
        sources = await engine.read(lambda tx: store.by_source(tx, tables))
        gone = per_reason(await engine.read(lambda tx: store.by_reason(tx, tables)), watch.current)
        more = {**await desk.standing(), "versions": await desk.versions(), "gone": gone}
        return page(
            request, "definition.html", readers=readers, sources=per_source(sources, watch.current), **shown, **more
        )

    return routes


def _add_counts(routes: APIRouter, desk: Desk) -> None:
    """Add what is counted over all people: who met the definition, and who is turned down."""
    engine, tables, watch = desk.engine, desk.tables, desk.watch

    @routes.get("/v1/sources", tags=["definition"])
    async def show_sources(_: Reader) -> list[dict[str, Any]]:
        """Per source and campaign how many people there are, how many ever met the definition, and which required
        criteria failed most: false, or unknown."""
        return per_source(await engine.read(lambda tx: store.by_source(tx, tables)), watch.current)

    @routes.get("/v1/disqualified", tags=["leads"])
    async def show_disqualified(_: Reader) -> list[dict[str, Any]]:
        """Who is turned down now, by reason: how many, after how many days and touches, which share before a meeting,
        and a rough estimate of the hours it has freed."""
        return per_reason(await engine.read(lambda tx: store.by_reason(tx, tables)), watch.current)


def _person_of(asked: PreviewIn, now: str, known: Person | None) -> Person:
    contact = asked.contact.model_dump(exclude_none=True)
    if known is None:
        person = Person(
            "preview",
            source=asked.source,
            first_seen_at=now,
            last_fact_at=now,
            contact=contact,
            properties=asked.properties,
        )
    else:
        contact, properties = {**known.contact, **contact}, {**known.properties, **asked.properties}
        person = changed(known, contact=contact, properties=properties)
    acts = [{**a.model_dump(exclude_none=True), "occurred_at": text_of(a.occurred_at)} for a in asked.activity]
    answers = [{"question": q, "value": value, "occurred_at": now} for q, value in asked.answers.items()]
    return with_answers(with_activity(person, acts), answers)
