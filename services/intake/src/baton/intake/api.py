"""Intake's HTTP: the doors for senders, what is known of a lead, and the quarantine."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from baton.intake import store
from baton.intake.delivery import Receipt
from baton.intake.domain.keys import email_key
from baton.intake.domain.mail import normal_address
from baton.intake.domain.posts import MODELS, Kind, LeadIn
from baton.intake.domain.reading import NDJSON
from baton.intake.reception import Letter, Reception
from baton.intake.settings import IntakeSettings
from baton.playbook.opening import media_type
from baton.runtime.engine import Engine
from baton.runtime.failures import NotNow
from baton.runtime.http import (
    Principal,
    Problem,
    body_of,
    next_cursor,
    not_now,
    problems,
    read_body,
    read_cursor,
    read_json,
    requires,
    requires_one_of,
)
from baton.runtime.http.bodies import require_json

DOORS: Final[dict[str, Kind]] = {
    "activities": "activity",
    "touches": "touch",
    "answers": "answer",
    "statuses": "status",
}
SHOWN_BYTES: Final = 65_536
"""As much of a raw body as a list shows; all of it is in the store."""

RETRY_SECONDS: Final = 2
SEND_AGAIN: Final = (
    "It was not stored, or nobody can tell. Send it again: what was stored is known then as a duplicate."
)

REPLAY_PAGE: Final = 200
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


class Search(BaseModel):
    """Whom to look for. In the body and not in the URL, because URLs end up in logs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    email: str = Field(min_length=3, max_length=400)


_SEARCH = TypeAdapter(Search)


Sender = Annotated[Principal, Depends(requires("intake:write"))]
Sales = Annotated[Principal, Depends(requires_one_of("sales:write", "intake:write"))]
Reader = Annotated[Principal, Depends(requires("leads:read"))]
Admin = Annotated[Principal, Depends(requires("admin"))]


def posts_router(reception: Reception, settings: IntakeSettings) -> APIRouter:
    """The native API: leads, activities, touches, answers, statuses."""
    router = APIRouter(prefix="/intake/v1", tags=["intake"])

    @router.post("/leads", status_code=202, openapi_extra=_described(LeadIn), responses=problems(409))
    async def submit_leads(request: Request, who: Sender) -> Response:
        """Take in one lead, an array, or NDJSON.

        Safe to repeat: for 24 hours the same `Idempotency-Key` gives the same receipts.
        202 once everything is on disk, with a receipt for each element in the order sent.
        """
        return await _native(request, "lead", who, reception, settings)

    async def submit_activities(request: Request, who: Sender) -> Response:
        """Take in what people did: one activity, an array, or NDJSON."""
        return await _native(request, "activity", who, reception, settings)

    router.add_api_route(
        "/activities",
        submit_activities,
        methods=["POST"],
        status_code=202,
        openapi_extra=_described(MODELS["activity"]),
        responses=problems(409),
    )
    for door in ("touches", "answers", "statuses"):
        route = _sales_door(DOORS[door], reception, settings)
        router.add_api_route(
            f"/{door}", route, methods=["POST"], status_code=202, openapi_extra=_described(MODELS[DOORS[door]]),
            responses=problems(409), name=f"submit_{door}", summary=f"Submit {door}",
        )  # fmt: skip
    return router


def _sales_door(kind: Kind, reception: Reception, settings: IntakeSettings) -> Callable[..., Awaitable[Response]]:
    async def submit(request: Request, who: Sales) -> Response:
        """Take in what sales did, heard or decided: one, an array, or NDJSON."""
        return await _native(request, kind, who, reception, settings)

    return submit


async def _native(
    request: Request, kind: Kind, who: Principal, reception: Reception, settings: IntakeSettings
) -> Response:
    is_lines = _require_json_or_lines(request)
    limit = settings.max_stream_bytes if is_lines else settings.max_body_bytes
    key = _idempotency_key(request)
    with room(reception, RETRY_SECONDS) as more:
        letter = _letter(request, await read_body(request, limit, more=more))
        receipts, was_replayed = await reception.native(kind, letter, who.name, key)
    headers = {"Idempotent-Replayed": "true"} if was_replayed else {}
    return Response(orjson.dumps(receipts), 202, headers, media_type="application/json")


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


def quarantine_router(engine: Engine, reception: Reception) -> APIRouter:
    """What was posted and could not be taken in, and how to try again."""
    router = APIRouter(prefix="/intake/v1/quarantine", tags=["quarantine"])

    @router.get("")
    async def listed(
        _: Admin,
        source: Annotated[str | None, Query(description="Only what this source posted.")] = None,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """List elements in quarantine, oldest first, each with the reason and its raw body."""
        start = read_cursor(after, (str,))[0] if after else ""
        rows = await engine.read(lambda tx: store.quarantine_page(tx, start, limit, source))
        items = [_quarantined(row) for row in rows]
        return {"items": items, "next": next_cursor(rows[-1].id) if len(rows) == limit else None}

    @router.post("/replay")
    async def replay_all(
        _: Admin, source: Annotated[str | None, Query(description="Only what this source posted.")] = None
    ) -> dict[str, Any]:
        """Try everything in quarantine again, or everything of one source."""
        counts = Counter(replayed=0, accepted=0, duplicate=0, quarantined=0)
        place: str | None = ""
        last = await engine.read(store.newest_quarantined)
        while place is not None:
            start = place
            ids = await engine.read(lambda tx, start=start: store.quarantine_ids(tx, start, REPLAY_PAGE, source))  # type: ignore[misc]
            ids = [id_ for id_ in ids if last is not None and id_ <= last]
            for receipt in await reception.replay(ids):
                counts[receipt.status] += 1
            counts["replayed"] += len(ids)
            place = ids[-1] if len(ids) == REPLAY_PAGE else None
        return counts

    @router.post("/{quarantine_id}/replay")
    async def replay(quarantine_id: str, _: Admin) -> dict[str, Any]:
        """Try one element again, by the playbook as it is now."""
        receipts = await reception.replay([quarantine_id.replace("\0", "")[:100]])
        if not receipts:
            raise Problem(404, "Not in quarantine", "Nothing is in quarantine under this id.")
        return summary(receipts)

    return router


# -- requests ---------------------------------------------------------------------------------------------------------


@contextmanager
def room(reception: Reception, retry_after: int) -> Iterator[Callable[[int], None]]:
    """Room for one request; whatever cannot be stored now is a 503 that says when to come again."""
    try:
        with reception.room() as more:
            yield more
    except NotNow as problem:
        raise not_now(problem, SEND_AGAIN, retry_after=retry_after) from problem


def _letter(request: Request, body: bytes) -> Letter:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    return Letter(body, headers.get("content-type"), headers)


def _require_json_or_lines(request: Request) -> bool:
    """Whether the body is NDJSON. 415 unless it is that or JSON, in UTF-8 and not compressed."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    content_type = request.headers.get("content-type")
    if coding == "identity" and content_type == "application/json":
        return False  # nearly everybody, word for word
    if coding == "identity" and media_type(content_type) in NDJSON:
        return True
    try:
        require_json(request)
    except Problem as problem:
        accepted = "application/json, application/x-ndjson"
        raise Problem(
            415, problem.title, f"Send {accepted}.", headers={**problem.headers, "Accept": accepted}
        ) from None
    return False


def _idempotency_key(request: Request) -> str | None:
    """The key without the quotes that the draft asks for and many clients leave out."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    text = given.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    if not _KEY.fullmatch(text):
        raise Problem(400, "Idempotency-Key", "A key is 1 to 255 printable ASCII characters.")
    return text


def _described(model: type[BaseModel]) -> dict[str, Any]:
    """One, an array, or NDJSON of `model`, for OpenAPI."""
    described = body_of(model)
    one = described["requestBody"]["content"]["application/json"]["schema"]
    one_or_many = {"anyOf": [one, {"type": "array", "items": one}]}
    described["requestBody"]["content"] = {
        "application/json": {"schema": one_or_many},
        "application/x-ndjson": {"schema": one},
    }
    return described


# -- answers ----------------------------------------------------------------------------------------------------------


def summary(receipts: list[Receipt]) -> dict[str, Any]:
    """A small answer: the first element's receipt, and how many of each there were (`ignored` only if any was)."""
    counts = dict.fromkeys(("accepted", "duplicate", "quarantined"), 0)
    counts |= Counter(receipt.status for receipt in receipts)
    status = next(name for name in counts if counts[name])
    first = next(receipt for receipt in receipts if receipt.status == status)
    return {"status": status, "lead_id": first.lead_id, "event_id": first.event_id, **counts}


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


def _quarantined(row: Any) -> dict[str, Any]:
    names = ("id", "received_at", "source", "kind", "cause", "detail", "raw_id")
    return {**{name: getattr(row, name) for name in names}, "element": row.form, "raw": _shown_raw(row)}


def _shown_raw(row: Any) -> dict[str, Any] | None:
    """The bytes as text where they are text, else in base64."""
    if row.body is None or row.sealed_at is not None:
        return None
    body = bytes(row.body)
    shown: dict[str, Any] = {"door": row.door, "content_type": row.content_type, "bytes": len(body)}
    try:
        shown["text"] = body[:SHOWN_BYTES].decode()
    except UnicodeDecodeError:
        shown["base64"] = b64encode(body[:SHOWN_BYTES]).decode()
    return {**shown, "is_cut": len(body) > SHOWN_BYTES}
