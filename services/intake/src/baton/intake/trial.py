"""Trying requests out: the real verification and mapping, without a store and without being asked over the network.

The command line finds `open_trial` by its entry point (`baton.trials`); what goes in and comes out is plain data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from baton.intake.domain.elements import Element, Rules
from baton.intake.domain.envelopes import Envelope, envelope_of
from baton.intake.domain.handshakes import linkedin, meta
from baton.intake.domain.mail import FreeMailDomains
from baton.intake.domain.posts import LeadIn
from baton.intake.domain.reading import read_hook
from baton.intake.domain.signatures import Knock, is_genuine
from baton.playbook import load
from baton.playbook.bodies import BodyFault
from baton.playbook.mapping import Mapper, MappingFault
from baton.playbook.opening import open_body
from baton.playbook.sources import Source
from baton.playbook.tracing import Traced, traced


def open_trial(playbook: Path) -> Trial:
    """A trial of the playbook in this directory. Raises PlaybookErrors where it is not valid."""
    return Trial(playbook)


class Trial:
    """A playbook's sources, to be tried out."""

    def __init__(self, playbook: Path) -> None:
        loaded = load(playbook)
        free = loaded.definition.free_mail
        self._rules = Rules(loaded.sources, FreeMailDomains(frozenset(free.add), frozenset(free.remove)))
        self.sources = tuple(source.id for source in loaded.sources.sources if source.signature is not None)

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

    def _source(self, source_id: str) -> Source:
        source = self._rules.sources.find(source_id)
        if source is None or source.signature is None:
            raise KeyError(source_id)
        return source

    def _made(self, source: Source, envelope: Envelope, now: datetime) -> dict[str, Any]:
        mapper = Mapper(source)
        try:
            stories = traced(mapper, open_body(envelope.body, envelope.content_type, source))
        except (BodyFault, MappingFault) as fault:
            return {"fault": str(fault), "elements": []}
        elements = read_hook(envelope.body, envelope.content_type, mapper, self._rules, now)
        told = [story for story in stories if story.taken.gives != "nothing"]
        if not told:
            why = None if stories else elements[0].fault
            return {"fault": None if why is None else why.detail, "elements": []}
        shown = [_shown(story, element) for story, element in zip(told, elements, strict=True)]
        return {"fault": None, "elements": shown}


def _verdict(source: Source, knock: Knock, secrets: Sequence[bytes], now: datetime) -> str:
    if not secrets or source.signature is None:
        return "unchecked"
    return "held" if is_genuine(knock, source.signature, secrets, now) else "failed"


def _shown(story: Traced, element: Element) -> dict[str, Any]:
    post = element.post
    return {
        "mapping": story.taken.mapping,
        "gives": story.taken.gives,
        "post": story.taken.post,
        "contact": dict(element.contact),
        "external_id": post.external_id if isinstance(post, LeadIn) else None,
        "occurred_at": element.at,
        "is_test": isinstance(post, LeadIn) and post.is_test,
        "fault": None if element.fault is None else {"cause": element.fault.cause, "detail": element.fault.detail},
        "fields": [asdict(field) for field in story.fields],
        "left": [{"path": path, "value": value} for path, value in story.left],
    }
