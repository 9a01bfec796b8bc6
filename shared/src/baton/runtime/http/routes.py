"""The routes every service answers: is it well, what has it counted, what has it parked, what has it said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from baton.runtime.http.access import Access, Principal, comes_from_loopback, requires
from baton.runtime.http.bodies import body_of, read_json
from baton.runtime.http.cursor import next_cursor, read_cursor
from baton.runtime.http.describe import problems
from baton.runtime.http.problem import Problem
from baton.runtime.observe import METRICS_TEXT, OPEN_METRICS

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

NDJSON = "application/x-ndjson"
LONGEST_WAIT_SECONDS = 30.0
"""Below the minute after which most proxies give up on a silent answer."""


class DiscardIn(BaseModel):
    """Why parked records are thrown away; kept with the record of it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=500)


class RepublishIn(BaseModel):
    """Since when; without it, all that was ever said."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None


_NOT_READY: dict[str, Any] = {"description": "`checks` says why.", "content": {"application/json": {}}}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_METRICS = {"description": "The metrics.", "content": {METRICS_TEXT: _TEXT, OPEN_METRICS: _TEXT}}
_EVENTS = {"description": "One fact a line.", "content": {NDJSON: {"schema": {"type": "string"}}}}
_DISCARD = TypeAdapter(DiscardIn)
_REPUBLISH = TypeAdapter(RepublishIn)
Admin = Annotated[Principal, Depends(requires("admin"))]
Reader = Annotated[Principal, Depends(requires("leads:read"))]
ParkedId = Annotated[int, Path(ge=1, lt=2**63, description="As listed; a store has no larger ones.")]


def health_router(engine: Engine, name: str) -> APIRouter:
    """Return `healthz`, `readyz` and `metrics`."""
    router = APIRouter(prefix=f"/{name}", tags=["operations"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the process answers. Open to all."""
        return {"status": "ok", "service": name}

    @router.get("/readyz", responses={503: _NOT_READY})
    async def readyz(response: Response) -> dict[str, Any]:
        """Say whether it can do its work, with a reason for each dependency that keeps it from it. Open to all.

        What only needs a look is not `ok` either, but leaves it ready: a playbook with a fault must not take every
        replica out of service.
        """
        reasons = await engine.readiness()
        ready = not any(reasons.values())
        response.status_code = 200 if ready else 503
        reasons |= engine.concerns()
        checks = {dependency: {"ok": why is None, "reason": why} for dependency, why in sorted(reasons.items())}
        return {"ready": ready, "service": name, "checks": checks}

    @router.get("/metrics", response_class=Response, responses={200: _METRICS, **problems(401, 403)})
    async def metrics(request: Request) -> Response:
        """Show the metrics for Prometheus. Open on this machine until a public URL is set; else scope `metrics`.

        Who accepts `application/openmetrics-text` gets exemplars as well.
        """
        access: Access = request.app.state.access
        is_local = comes_from_loopback(request) and access.knows_host(request.headers.get("host", ""))
        if access.is_published or not is_local:
            access.admit(request, requires("metrics"))
        text, media_type = await engine.scrape(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": media_type, "Vary": "Accept"})

    return router


def records_router(engine: Engine, name: str) -> APIRouter:
    """Return `v1/ledger` and, for publishers, `v1/events`."""
    router = APIRouter(prefix=f"/{name}/v1", tags=["operations"])

    @router.get("/ledger")
    async def ledger(
        _: Reader,
        ids: Annotated[bool, Query(description="Also list the leads and their fates, in the order of ids.")] = False,
        erased: Annotated[bool, Query(description="List the leads whose erasure is acknowledged instead.")] = False,
        after: Annotated[str, Query(description="The `next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 2000,
    ) -> dict[str, Any]:
        """Count what the service has done with the leads it knows; `baton audit` balances these."""
        answer = await engine.ledger()
        if erased:
            gone = await engine.erased_page(after, limit)
            return {**answer, "erased": gone, "next": gone[-1]["lead_id"] if len(gone) == limit else None}
        if ids:
            leads = await engine.ledger_page(after, limit)
            answer |= {"leads": leads, "next": leads[-1]["lead_id"] if len(leads) == limit else None}
        return answer

    @router.get("/leads/{lead_id}/personal-data", tags=["personal data"])
    async def personal_data(lead_id: str, _: Admin) -> dict[str, Any]:
        """Show everything this service holds of a person, whole: for the person, who may ask for it.

        404 if it holds nothing. Of an erased lead only blank facts are left, and `erased_at`.
        """
        found = await engine.personal_data(lead_id.replace("\0", "")[:100])
        if not any(found[name] for name in ("erased_at", "said", "parked", "timers")) and not _holds(found["kept"]):
            raise Problem(404, "Unknown lead", "This service holds nothing of a lead by this id.")
        return found

    if engine.service.says:
        events: dict[int | str, dict[str, Any]] = {200: _EVENTS}
        router.add_api_route("/events", _events_of(engine), response_class=Response, responses=events)
        body = body_of(RepublishIn)
        router.add_api_route("/republish", _republish_of(engine), methods=["POST"], openapi_extra=body)
    return router


def parked_router(engine: Engine, name: str) -> APIRouter:
    """Return `v1/parked` and what can be done about what stands there."""
    router = APIRouter(prefix=f"/{name}/v1", tags=["operations"])

    @router.get("/parked")
    async def parked(
        _: Admin,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> dict[str, Any]:
        """List the records that wait because one of their lead's could not be handled; newest last."""
        start = read_cursor(after, (int,))[0] if after else 0
        rows = await engine.parked.list(after=start, limit=limit)
        return {"parked": rows, "next": next_cursor(rows[-1]["id"]) if len(rows) == limit else None}

    @router.get("/parked/{parked_id}")
    async def parked_one(parked_id: ParkedId, _: Admin) -> dict[str, Any]:
        """Show one parked record whole: headers, data, reason and stack. Of a discarded one: who did it, and why."""
        row = await engine.parked.show(parked_id)
        if row is None:
            raise _not_parked(parked_id)
        return row

    @router.post("/parked/{parked_id}/replay", responses=problems(409))
    async def replay(parked_id: ParkedId, who: Admin) -> dict[str, Any]:
        """Try the record again, and after it whatever waits behind it."""
        done = await engine.parked.replay(parked_id, who.name)
        if done is None:
            raise _not_parked(parked_id)
        return done

    @router.post("/parked/{parked_id}/discard", openapi_extra=body_of(DiscardIn), responses=problems(409))
    async def discard(parked_id: ParkedId, request: Request, who: Admin) -> dict[str, Any]:
        """Give the record up for good, with a reason; what waits behind it goes on."""
        why = await read_json(request, _DISCARD)
        done = await engine.parked.discard(parked_id, who.name, why.reason)
        if done is None:
            raise _not_parked(parked_id)
        return done

    return router


def _events_of(engine: Engine) -> Any:
    async def events(
        _: Reader,
        after: Annotated[str | None, Query(description="`cursor` of the last line read; none: all.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 500,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait.")] = 20.0,
    ) -> Response:
        """Return the service's facts as NDJSON: one CloudEvents JSON object a line, with its `cursor`.

        Facts about one subject keep their order, and may repeat after a restart. An empty answer means there was
        nothing new within `wait` seconds: ask again with the same cursor.
        """
        try:
            lines = await engine.events(after, limit, wait)
        except ValueError as exc:
            raise Problem(400, "Unknown cursor", "Use the `cursor` of a line that was read here.") from exc
        return Response(b"".join(line + b"\n" for line in lines), media_type=NDJSON)

    return events


def _republish_of(engine: Engine) -> Any:
    async def republish(request: Request, _: Admin) -> dict[str, Any]:
        """Publish the journal again, for a consumer that needs what the topic no longer has.

        `from` says at which offset of each partition it begins: whoever reads from there hears everything from its
        first fact. Whoever knows a fact drops it.
        """
        asked = await read_json(request, _REPUBLISH)
        facts, begins = await engine.republish(asked.since)
        return {"facts": facts, "from": begins}

    return republish


def _holds(kept: dict[str, Any]) -> bool:
    return any(value not in (None, [], {}) for value in kept.values())


def _not_parked(parked_id: int) -> Problem:
    return Problem(404, "Not found", f"Nothing is parked under {parked_id}.")
