"""Running errands: the call to the platform, at its pace, and what it gave handed to reception.

Nothing is lost by stopping anywhere: the notices wait in quarantine and the job stays due until what was fetched is
taken in, which is one transaction and safe to repeat.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from baton.intake import store
from baton.intake.book import Book
from baton.intake.delivery import Notice
from baton.intake.domain import answers
from baton.intake.domain.errands import Errand, Fetched, Later, Refused
from baton.intake.domain.reading import FetchedBody, is_json
from baton.intake.domain.spacing import Spacing
from baton.intake.metrics import IntakeMetrics
from baton.intake.reception import Reception
from baton.intake.settings import IntakeSettings
from baton.playbook.fetching import Beside, Fetch, Thing
from baton.runtime.engine import Engine
from baton.runtime.observe import log
from baton.runtime.outbound.addresses import Permits
from baton.runtime.outbound.client import Answer, Outbound, Unreachable
from baton.runtime.outbound.urls import Forbidden

NEAR: Final = 1.0
"""Seconds a job waits for its turn where it is; for longer it goes back to the store, so that others can run."""

TOKEN_SECONDS: Final = 60.0
"""Somebody has to set a token first."""

MAX_BYTES: Final = 1_048_576
KEPT: Final = 256
"""Second documents, such as forms, kept in memory; few houses have more forms in use."""

KEPT_SECONDS: Final = 3600.0
HERE: Final = frozenset({"localhost"})


class _Again(Exception):
    """It cannot be had now; the platform asked to be left alone for so many seconds."""

    def __init__(self, why: str, asked: float = 0.0) -> None:
        super().__init__(why)
        self.asked = asked


class _No(Exception):
    """It will not be had before somebody has done something."""


@dataclass(frozen=True, slots=True)
class _Trip:
    """One errand under way: where to, and as whom."""

    errand: Errand
    fetch: Fetch
    thing: Thing
    token: str


class Fetcher:
    """Fetches what notices name. One for a process; keeps to its part of each source's pace."""

    def __init__(
        self, engine: Engine, book: Book, reception: Reception, settings: IntakeSettings, metrics: IntakeMetrics
    ) -> None:
        self._engine = engine
        self._book = book
        self._reception = reception
        self._settings = settings
        self._metrics = metrics
        self._paces: dict[str, Spacing] = {}
        self._ways: dict[str, Outbound] = {}
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def run(self, payload: Mapping[str, Any]) -> Fetched | Later | Refused:
        """Do one errand; return how it went. Raises NotNow while the store cannot be reached."""
        errand = Errand(payload["source"], payload["thing"], payload["id"])
        notices = await self._engine.read(lambda tx: store.notices_of(tx, errand.subject))
        if not notices:
            return Fetched()  # by an earlier run, which had no time to say so
        try:
            trip = self._trip(errand)
            if wait := await self._turn(trip, payload):
                return Later("waiting for its turn", wait, {**payload, "has_turn": True})
            body = await self._fetch(trip)
        except _No as why:
            self._metrics.fetched(errand.source, "refused")
            return Refused(str(why))
        except _Again as why:
            self._metrics.fetched(errand.source, "again")
            return self._later(errand, why, payload)
        await self._reception.fetched(errand, body, {row.id: Notice(row.key, row.received_at) for row in notices})
        self._metrics.fetched(errand.source, "fetched")
        return Fetched()

    async def close(self) -> None:
        """Close all connections."""
        for way in self._ways.values():
            await way.close()

    def _later(self, errand: Errand, why: _Again, payload: Mapping[str, Any]) -> Later:
        tries = payload["tries"] + 1
        seconds = max(why.asked, answers.pause(tries, errand.chance(tries)))
        log.warning("fetch_later", source=errand.source, thing=errand.thing, reason=str(why), seconds=round(seconds))
        return Later(str(why), seconds, {**payload, "tries": tries, "has_turn": False})

    # -- getting ready ----------------------------------------------------------------------------------------------

    def _trip(self, errand: Errand) -> _Trip:
        source = self._book.source(errand.source)
        fetch = source.fetch if source else None
        thing = fetch.thing(errand.thing) if fetch else None
        if fetch is None or thing is None:
            raise _Again("the playbook does not say how to fetch it", TOKEN_SECONDS)
        token = self._book.token(fetch)
        if token is None:
            raise _Again("no token is set for fetching from this source", TOKEN_SECONDS)
        return _Trip(errand, fetch, thing, token)

    async def _turn(self, trip: _Trip, payload: Mapping[str, Any]) -> float:
        """Seconds until its turn, if that is far; else 0 once it has come."""
        pace = self._pace(trip)
        now = self._engine.clock.monotonic()
        wait = pace.is_paused(now) if payload.get("has_turn") else pace.place(now)
        if wait > NEAR:
            return wait
        await asyncio.sleep(wait)
        return 0.0

    def _pace(self, trip: _Trip) -> Spacing:
        interval = 1 / (trip.fetch.per_second * self.share)
        pace = self._paces.setdefault(trip.errand.source, Spacing(interval))
        pace.interval = interval  # the playbook may have changed it, or lanes have gone to another process
        return pace

    @property
    def share(self) -> float:
        """This process's part of the pace: as much as it has of the lanes, so that all replicas together keep to it."""
        return max(1, len(self._engine.lanes.held)) / self._engine.settings.partitions

    # -- calling ----------------------------------------------------------------------------------------------------

    async def _fetch(self, trip: _Trip) -> FetchedBody:
        body = await self._get(trip, trip.thing.path, trip.errand.id, trip.thing.query)
        beside = trip.thing.beside
        other = None if beside is None else await self._beside(trip, beside, body)
        return FetchedBody(body, other)

    async def _beside(self, trip: _Trip, beside: Beside, body: bytes) -> bytes | None:
        """The second document, from memory if it was fetched within the hour."""
        id_ = beside.id_in(is_json(body))
        if id_ is None:
            return None
        now, url = self._engine.clock.monotonic(), trip.fetch.url(beside.path, id_)
        at, known = self._kept.get(url, (0.0, None))
        if known is not None and now - at < KEPT_SECONDS:
            return known
        other = await self._get(trip, beside.path, id_, {})
        self._kept[url] = (now, other)
        self._kept.move_to_end(url)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return other

    async def _get(self, trip: _Trip, path: str, id_: str, query: Mapping[str, str]) -> bytes:
        """The body of a 200 that is JSON. Raises _Again, _No."""
        fetch = trip.fetch
        url, headers = fetch.url(path, id_, query), {"Accept": "application/json", **fetch.headers}
        if fetch.auth.header is not None:
            headers[fetch.auth.header] = fetch.auth.prefix + trip.token
        else:
            url += ("&" if "?" in url else "?") + urlencode({str(fetch.auth.query): trip.token})
        way = self._way(fetch.base_url)
        try:
            answer = await way.send(
                "GET", url, headers=headers, total_seconds=fetch.timeout_seconds, most_bytes=MAX_BYTES
            )
        except Forbidden as why:
            raise _No(f"{fetch.base_url} may not be called: {why}") from why
        except Unreachable as why:
            raise _Again(f"the platform could not be reached: {why}") from why
        return self._judged(answer, trip)

    def _judged(self, answer: Answer, trip: _Trip) -> bytes:
        if answer.status == HTTPStatus.OK:
            if answer.is_cut:
                raise _No(f"what the platform gave is larger than {MAX_BYTES} bytes")
            if is_json(answer.body) is None:
                raise _Again("the platform answered 200 with what is not JSON")
            return answer.body
        if not answers.is_later(answer.status, answer.body, trip.fetch):
            raise _No(answers.refusal(answer.status))
        asked = self._asked(answer)
        if asked:
            self._pace(trip).hold(self._engine.clock.monotonic() + asked)
        raise _Again(f"the platform answered {answer.status}", asked)

    def _asked(self, answer: Answer) -> float:
        """Seconds the platform asks to be left alone for, at most a day."""
        asked = answer.retry_after(self._engine.now())
        return 0.0 if asked is None else min(asked.total_seconds(), answers.LONGEST_ASKED)

    def _way(self, base_url: str) -> Outbound:
        """What calls there. An address that the playbook names as such is meant; a name must be a public one."""
        if base_url not in self._ways:
            allowed = self._settings.outbound_allow
            if own := _own_permit(base_url):
                allowed = f"{allowed},{own}"
            authorities = self._settings.outbound_authorities
            self._ways[base_url] = Outbound(Permits.of(allowed), authorities=authorities)
        return self._ways[base_url]


def _own_permit(base_url: str) -> str | None:
    """The permit for a base URL that is an address and not a name, for a stand-in or a relay of the house."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        is_address = bool(ipaddress.ip_address(host))
    except ValueError:
        is_address = host in HERE
    return f"{parts.scheme}://{parts.netloc}" if is_address else None
