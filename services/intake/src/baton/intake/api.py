"""The native API: leads, activities, touches, answers, statuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from baton.intake.domain.posts import MODELS, Kind
from baton.intake.metrics import IntakeMetrics
from baton.intake.reception import Reception
from baton.intake.requests import (
    RETRY_SECONDS,
    coding_of,
    idempotency_key,
    letter_of,
    require_json_or_lines,
    room,
    told_the_way_out,
)
from baton.intake.settings import IntakeSettings
from baton.intake.stream_api import RECEIPTS, StreamAnswer
from baton.intake.streaming import Stream
from baton.runtime.http import Principal, Problem, body_of, problems, read_body, requires, requires_one_of
from baton.runtime.http.lean import LeanRoute

DOORS: Final[dict[str, Kind]] = {
    "activities": "activity",
    "touches": "touch",
    "answers": "answer",
    "statuses": "status",
}

Sender = Annotated[Principal, Depends(requires("intake:write"))]
Sales = Annotated[Principal, Depends(requires_one_of("sales:write", "intake:write"))]


def posts_router(reception: Reception, settings: IntakeSettings, metrics: IntakeMetrics) -> APIRouter:
    """The native API: leads, activities, touches, answers, statuses."""
    router = APIRouter(prefix="/intake/v1", tags=["intake"])
    doors = _Doors(reception, settings, metrics)

    async def submit_leads(request: Request, who: Sender) -> Response:
        """Take in one lead, an array, or NDJSON of any length.

        Safe to repeat: for 24 hours the same `Idempotency-Key` gives the same receipts.
        202 once everything is on disk, with a receipt for each element in the order sent. NDJSON without such a key is
        taken in as it comes; `Accept: application/x-ndjson` is told of each line as soon as it is on disk.
        """
        return await doors.post(request, "lead", who)

    async def submit_activities(request: Request, who: Sender) -> Response:
        """Take in what people did: one activity, an array, or NDJSON."""
        return await doors.post(request, "activity", who)

    _add(router, "leads", "lead", submit_leads)
    _add(router, "activities", "activity", submit_activities)
    for path in ("touches", "answers", "statuses"):
        _add(router, path, DOORS[path], _sales_door(DOORS[path], doors))
    return router


def _add(router: APIRouter, path: str, kind: Kind, submit: Callable[..., Awaitable[Response]]) -> None:
    router.add_api_route(
        f"/{path}",
        submit,
        methods=["POST"],
        status_code=202,
        openapi_extra=_described(MODELS[kind]),
        responses={202: RECEIPTS, **problems(409)},
        name=f"submit_{path}",
        summary=f"Submit {path}",
        route_class_override=LeanRoute,
    )


def _sales_door(kind: Kind, doors: _Doors) -> Callable[..., Awaitable[Response]]:
    async def submit(request: Request, who: Sales) -> Response:
        """Take in what sales did, heard or decided: one, an array, or NDJSON."""
        return await doors.post(request, kind, who)

    return submit


class _Doors:
    def __init__(self, reception: Reception, settings: IntakeSettings, metrics: IntakeMetrics) -> None:
        self._reception = reception
        self._settings = settings
        self._metrics = metrics

    async def post(self, request: Request, kind: Kind, who: Principal) -> Response:
        """Take in what was posted: at once, or lines as they come."""
        is_lines = require_json_or_lines(request)
        key = idempotency_key(request)
        if is_lines and key is None:
            letter, longest = letter_of(request, b""), self._settings.max_body_bytes
            return StreamAnswer(Stream(self._reception, self._metrics, kind, letter, longest), request)
        if coding_of(request) != "identity":
            raise Problem(415, "Unsupported content coding", "Under an Idempotency-Key nothing is compressed.")
        with room(self._reception, RETRY_SECONDS) as more, told_the_way_out(is_lines=is_lines):
            limit = self._settings.max_stream_bytes if is_lines else self._settings.max_body_bytes
            letter = letter_of(request, await read_body(request, limit, more=more))
            receipts, was_replayed = await self._reception.native(kind, letter, who.name, key)
        headers = {"Idempotent-Replayed": "true"} if was_replayed else {}
        return Response(orjson.dumps(receipts), 202, headers, media_type="application/json")


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
