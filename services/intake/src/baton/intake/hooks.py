"""The doors of the playbook's sources: `/intake/v1/hooks/{source}`, by whatever method their platform likes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from baton.intake.book import Book
from baton.intake.delivery import Receipt, summary
from baton.intake.domain.envelopes import envelope_of
from baton.intake.domain.handshakes import Answer, linkedin, meta
from baton.intake.domain.redirects import place_after
from baton.intake.domain.signatures import Knock, is_genuine
from baton.intake.in_hand import Carried
from baton.intake.metrics import IntakeMetrics
from baton.intake.reception import Letter, Reception
from baton.intake.requests import RETRY_SECONDS, room
from baton.intake.settings import IntakeSettings
from baton.playbook.bodies import BodyFault
from baton.playbook.doors import Signature
from baton.playbook.mapping import Mapper
from baton.playbook.opening import open_body
from baton.playbook.sources import Source
from baton.runtime.engine import Engine
from baton.runtime.http import Problem, problems, read_body
from baton.runtime.observe import log

SECRET_RETRY_SECONDS: Final = 60
"""Somebody has to set a secret first; asking sooner is no use."""

ANY_BODY: Final[dict[str, Any]] = {
    "requestBody": {"content": {kind: {} for kind in ("application/json", "application/x-www-form-urlencoded")}}
}
"""What platforms really send; whatever else comes is stored too."""
AWAY: Final[dict[str, Any]] = {"description": "To where the form of a browser leads."}
MET: Final[dict[str, Any]] = {"content": {"text/plain": {"schema": {"type": "string"}}, "application/json": {}}}

READY: Final = orjson.dumps({"status": "ready"})


def hooks_router(
    reception: Reception, book: Book, settings: IntakeSettings, metrics: IntakeMetrics, engine: Engine
) -> APIRouter:
    """The doors of the playbook's sources."""
    router = APIRouter(prefix="/intake/v1", tags=["hooks"])
    door = _Door(reception, book, settings, metrics, engine)

    async def hook(source: str, request: Request) -> Response:
        """Take in whatever a platform posts, by the mapping of its source in the playbook.

        404 unknown source, 401 not genuine, 413 too large; else 200 once the bytes are stored, whatever they are (303
        to where a browser's form leads), and 503 while they cannot be stored.
        """
        return await door.post(door.mapper(source), request)

    async def challenge(source: str, request: Request) -> Response:
        """Answer a platform's challenge, or say that somebody is here.

        Of a source that `takes_get` a GET with a query is a post. 403 for a challenge that is not ours to answer.
        """
        return await door.get(door.mapper(source), request)

    async def permission(source: str, request: Request) -> Response:
        """Give CloudEvents' senders the permission they ask for (abuse protection of HTTP webhooks)."""
        door.mapper(source)
        origin = request.headers.get("webhook-request-origin")
        granted = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"} if origin else {}
        return Response(READY, 200, {"Allow": "GET, POST, OPTIONS", **granted}, media_type="application/json")

    for method in ("POST", "PUT", "PATCH"):
        router.add_api_route(
            "/hooks/{source}", hook, methods=[method], name=f"hook_{method.lower()}",
            openapi_extra=ANY_BODY, responses={303: AWAY, **problems(401, 503)},
        )  # fmt: skip
    router.add_api_route(
        "/hooks/{source}", challenge, methods=["GET"], name="hook_challenge",
        responses={200: MET, 303: AWAY, **problems(401, 403, 503)},
    )  # fmt: skip
    router.add_api_route("/hooks/{source}", challenge, methods=["HEAD"], include_in_schema=False)
    router.add_api_route("/hooks/{source}", permission, methods=["OPTIONS"], name="hook_permission")
    return router


class _Door:
    def __init__(
        self, reception: Reception, book: Book, settings: IntakeSettings, metrics: IntakeMetrics, engine: Engine
    ) -> None:
        self._reception = reception
        self._book = book
        self._settings = settings
        self._metrics = metrics
        self._engine = engine

    def mapper(self, source: str) -> Mapper:
        """The mapping of a source. 404 where the playbook names no such webhook."""
        mapper = self._book.mapper(source)
        if mapper is None or mapper.source.signature is None:
            raise Problem(404, "Unknown source", "The playbook names no such webhook source.")
        return mapper

    async def post(self, mapper: Mapper, request: Request) -> Response:
        """Take in a body."""
        with self._room(mapper) as more:
            body = await read_body(request, self._settings.max_body_bytes, more=more)
            return await self._take(request, mapper, body) or _ready()

    async def get(self, mapper: Mapper, request: Request) -> Response:
        """Answer a challenge, take in a query, or say that somebody is here."""
        answer = self._met(mapper.source, dict(request.query_params))
        if answer is not None:
            self._metrics.handshake(mapper.source.id, is_met=answer.status == 200)
            return _shown(answer)
        with self._room(mapper):
            return await self._take(request, mapper, b"") or _ready()

    async def _take(self, request: Request, mapper: Mapper, body: bytes) -> Response | None:
        source = mapper.source
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
        envelope = envelope_of(source, request.method, request.url.query, headers.get("content-type"), body)
        if envelope is None:
            return None
        url = _public_url(request, source.public_url or self._settings.public_url, source.public_url is not None)
        self._require_genuine(source, Knock(request.method, url, headers, envelope.signed))
        letter = Letter(envelope.body, envelope.content_type, headers)
        receipts = await self._reception.hook(mapper, letter)
        place = _place(source, letter, receipts)
        if place is not None:
            return Response(None, 303, {"Location": place})
        return Response(orjson.dumps(summary(receipts)), 200, media_type="application/json")

    def _require_genuine(self, source: Source, knock: Knock) -> None:
        signature = _signature(source)
        secrets = self._book.secrets(source)
        if not secrets:
            # Ours to mend, not the sender's fault: a 4xx would lose the lead for good with most platforms.
            log.warning("source_without_secret", source=source.id)
            detail = f"No secret of the source {source.id} is set here. Nothing was stored."
            retry_after = _retry_after(signature, SECRET_RETRY_SECONDS)
            raise Problem(503, "Not now", detail, headers={"Retry-After": str(retry_after)})
        if not is_genuine(knock, signature, secrets, self._engine.clock.now()):
            self._metrics.refused(source.id)
            scheme = "Basic" if signature.scheme == "basic" else "Signature"
            raise Problem(401, "Not genuine", headers={"WWW-Authenticate": f'{scheme} realm="intake/{source.id}"'})

    def _met(self, source: Source, query: dict[str, str]) -> Answer | None:
        handshake = source.handshake
        if handshake is None:
            return None
        if handshake.verify_token is not None:
            return meta(query, self._book.found([handshake.verify_token]))
        return linkedin(query, self._book.secrets(source))

    def _room(self, mapper: Mapper) -> AbstractContextManager[Carried]:
        return room(self._reception, _retry_after(_signature(mapper.source), RETRY_SECONDS))


def _signature(source: Source) -> Signature:
    assert source.signature is not None
    return source.signature


def _retry_after(signature: Signature, seconds: int) -> int:
    """`Retry-After` as the platform reads it: HubSpot takes the number for milliseconds, everybody else for seconds."""
    return seconds * 1000 if signature.scheme == "hubspot-v3" else seconds


def _public_url(request: Request, given: str | None, is_whole: bool) -> str:
    """The URL the sender posted to and signed: as the playbook has it, else BATON_PUBLIC_URL and the path."""
    path = request.url.path
    if given is None:
        base = f"{request.url.scheme}://{request.headers.get('host', '')}{path}"
    else:
        base = given if is_whole else given.rstrip("/") + path
    query = request.url.query
    return f"{base}?{query}" if query and "?" not in base else base


def _ready() -> Response:
    return Response(READY, 200, media_type="application/json")


def _place(source: Source, letter: Letter, receipts: list[Receipt]) -> str | None:
    if source.redirect is None:
        return None
    try:
        body = open_body(letter.body, letter.content_type, source)
    except BodyFault:
        body = None
    is_taken_in = all(receipt.status != "quarantined" for receipt in receipts)
    return place_after(source.redirect, body, is_taken_in=is_taken_in)


def _shown(answer: Answer) -> Response:
    if answer.text is not None:
        return Response(answer.text, answer.status, media_type="text/plain")
    if answer.json is not None:
        return Response(orjson.dumps(answer.json), answer.status, media_type="application/json")
    raise Problem(answer.status, "Not ours", "The challenge is not one this source may answer.")
