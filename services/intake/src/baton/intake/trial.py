"""Trying requests out: the real verification and mapping, without a store and without being asked over the network.

The command line finds `open_trial` by its entry point (`baton.trials`); what goes in and comes out is plain data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from baton.intake.book import rules_of
from baton.intake.domain.elements import Element
from baton.intake.domain.envelopes import Envelope, envelope_of
from baton.intake.domain.handshakes import linkedin, meta
from baton.intake.domain.posts import LeadIn
from baton.intake.domain.reading import FetchedBody, read_fetched, read_hook
from baton.intake.domain.signatures import Knock, is_genuine
from baton.playbook import load
from baton.playbook.bodies import BodyFault
from baton.playbook.mapping import Mapper, MappingFault
from baton.playbook.opening import open_body
from baton.playbook.paths import parse_path
from baton.playbook.sources import Source
from baton.playbook.tracing import Traced, traced

WAITING: Final = ("awaiting_fetch",)


def open_trial(playbook: Path) -> Trial:
    """A trial of the playbook in this directory. Raises PlaybookErrors where it is not valid."""
    return Trial(playbook)


class Trial:
    """A playbook's sources, to be tried out."""

    def __init__(self, playbook: Path) -> None:
        self._rules = rules_of(load(playbook))
        self.sources = tuple(one.id for one in self._rules.sources.sources if one.signature is not None)

    def read(self, source_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """What would become of a request. KeyError for an unknown source.

        `request` has method, url, headers, body (bytes), received_at (seconds) and secrets (bytes; empty: unchecked).
        The answer has signature (held, failed, unchecked), fault (of the body as a whole) and elements.
        """
        source = self._source(source_id)
        headers = {name.lower(): value for name, value in request["headers"].items()}
        now = datetime.fromtimestamp(request["received_at"], UTC)
        query = urlsplit(request["url"]).query
        envelope = envelope_of(source, request["method"], query, headers.get("content-type"), request["body"])
        if envelope is None:
            return {"signature": "unchecked", "fault": "a probe: nothing is posted", "elements": []}
        knock = Knock(request["method"], request["url"], headers, envelope.signed)
        return {"signature": _verdict(source, knock, request["secrets"], now), **self._made(source, envelope, now)}

    def shake(self, source_id: str, url: str, secrets: Sequence[bytes], verify_tokens: Sequence[bytes]) -> Any:
        """What a challenge by GET would be answered: {status, text, json}; None where it is none."""
        source = self._source(source_id)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if source.handshake is None:
            return None
        answer = meta(query, verify_tokens) if source.handshake.kind == "meta" else linkedin(query, secrets)
        return None if answer is None else asdict(answer)

    def fetched(self, source_id: str, thing_id: str, document: bytes, rows: Any, received_at: float) -> dict[str, Any]:
        """What would be made of what a platform gives for a notice. `rows`: those of the document beside it, if any."""
        source = self._source(source_id)
        thing = source.fetch.thing(thing_id) if source.fetch is not None else None
        if thing is None:
            raise KeyError(thing_id)
        other = None if thing.beside is None or rows is None else orjson.dumps(_holding(thing.beside.rows, rows))
        kept = FetchedBody(document, other).kept
        now = datetime.fromtimestamp(received_at, UTC)
        mapper = Mapper(source, thing_id)
        elements = read_fetched(kept, thing, mapper, self._rules, now)
        return {"fault": None, "elements": [_judged(element) for element in elements]}

    def _source(self, source_id: str) -> Source:
        source = self._rules.sources.find(source_id)
        if source is None or source.signature is None:
            raise KeyError(source_id)
        return source

    def _made(self, source: Source, envelope: Envelope, now: datetime) -> dict[str, Any]:
        mapper = Mapper(source)
        elements = read_hook(envelope.body, envelope.content_type, mapper, self._rules, now)
        try:
            stories = traced(mapper, open_body(envelope.body, envelope.content_type, source))
        except (BodyFault, MappingFault):
            stories = []
        if not stories:
            why = elements[0].fault
            return {"fault": None if why is None else why.detail, "elements": []}
        pairs = zip(stories, elements, strict=True)
        return {"fault": None, "elements": [_shown(*pair) for pair in pairs if pair[0].taken.gives != "nothing"]}


def _holding(path: str, rows: Any) -> Any:
    """A document that has the rows where the path says."""
    document = rows
    for step in reversed([step for step in parse_path(path).steps if isinstance(step, str)]):
        document = {step: document}
    return document


def _verdict(source: Source, knock: Knock, secrets: Sequence[bytes], now: datetime) -> str:
    if not secrets or source.signature is None:
        return "unchecked"
    return "held" if is_genuine(knock, source.signature, secrets, now) else "failed"


def _shown(story: Traced, element: Element) -> dict[str, Any]:
    taken = story.taken
    errand = {"thing": taken.post["fetch"], "id": taken.post["id"]} if taken.gives == "fetch" and taken.post else None
    return {
        **_judged(element),
        "mapping": taken.mapping,
        "gives": taken.gives,
        "post": taken.post,
        "errand": errand,
        "fields": [asdict(field) for field in story.fields],
        "left": [{"path": path, "value": value} for path, value in story.left],
    }


def _judged(element: Element) -> dict[str, Any]:
    post = element.post
    fault = None if element.fault is None else {"cause": element.fault.cause, "detail": element.fault.detail}
    return {
        "contact": dict(element.contact),
        "external_id": post.external_id if isinstance(post, LeadIn) else None,
        "occurred_at": element.at,
        "is_test": isinstance(post, LeadIn) and post.is_test,
        # A notice waits in quarantine until what it names was fetched: nothing is wrong with it.
        "fault": None if fault is not None and fault["cause"] in WAITING else fault,
    }
