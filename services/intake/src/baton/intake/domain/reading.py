"""From a raw body to its elements, by the native API's shape or by a source's mapping; the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from baton.intake.domain.elements import NATIVE, Element, Rules, farewell, judge, nothing, notice, unreadable
from baton.intake.domain.errands import Errand, Farewell
from baton.intake.domain.keys import external_key, fingerprint, reference_key
from baton.intake.domain.posts import Kind, LeadReference
from baton.playbook.bodies import BodyFault, read_json, read_lines
from baton.playbook.fetching import Thing, joined
from baton.playbook.mapping import Mapper, MappingFault, Taken
from baton.playbook.moments import moment
from baton.playbook.opening import open_body

NDJSON: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
WHOLE: Final = ""
"""The fingerprint of a body that could not be taken apart."""


def read_native(raw: bytes, kind: Kind, rules: Rules, received_at: datetime) -> tuple[list[Element], bool]:
    """The elements of a JSON body, and whether it is one on its own. Raises BodyFault where the body is not JSON."""
    body = read_json(raw)
    if isinstance(body, list):
        return [judge(kind, item, rules, received_at) for item in body], False
    return [judge(kind, body, rules, received_at)], True


def read_native_lines(raw: bytes, kind: Kind, rules: Rules, received_at: datetime) -> Iterator[Element]:
    """The elements of an NDJSON body; a line that is not JSON sinks no other."""
    for line in read_lines(raw):
        yield read_line(line, kind, rules, received_at)


def read_line(line: bytes, kind: Kind, rules: Rules, received_at: datetime) -> Element:
    """The element of one line. What is not JSON is one, too."""
    try:
        item = read_json(line)
    except BodyFault as fault:
        return unreadable(kind, NATIVE, hashlib.sha256(line).hexdigest(), str(fault))
    return judge(kind, item, rules, received_at)


def read_hook(
    raw: bytes, content_type: str | None, mapper: Mapper, rules: Rules, received_at: datetime
) -> list[Element]:
    """The elements of whatever a source posted, at least one: a body nothing can be made of is an element itself."""
    return _taken(lambda: open_body(raw, content_type, mapper.source), mapper, rules, received_at)


def read_fetched(raw: bytes, thing: Thing, mapper: Mapper, rules: Rules, received_at: datetime) -> list[Element]:
    """The elements of what was fetched, at least one. `raw` is as `FetchedBody.kept` wrote it."""

    def body() -> Any:
        found = read_json(raw)
        if thing.beside is None or not (isinstance(found, dict) and found.keys() == {"fetched", "beside"}):
            return found
        return joined(found["fetched"], found["beside"], thing.beside)

    return _taken(body, mapper, rules, received_at)


@dataclass(frozen=True, slots=True)
class FetchedBody:
    """What a platform gave: the document, and the one that explains it."""

    document: bytes
    other: bytes | None = None

    @property
    def kept(self) -> bytes:
        """As it is kept: word for word; with a second document, the two in one JSON object."""
        if self.other is None:
            return self.document
        return b'{"fetched":' + self.document + b',"beside":' + self.other + b"}"


def is_json(raw: bytes) -> Any:
    """What the bytes say in JSON; None where they are not."""
    try:
        return read_json(raw)
    except BodyFault:
        return None


def _taken(body: Callable[[], Any], mapper: Mapper, rules: Rules, received_at: datetime) -> list[Element]:
    source = mapper.source
    try:
        taken = mapper.take(body())
    except BodyFault as fault:
        return [unreadable("lead", source.id, WHOLE, str(fault))]
    except MappingFault as fault:
        return [unreadable("lead", source.id, WHOLE, str(fault), "unmapped")]
    if not taken:
        return [
            unreadable("lead", source.id, WHOLE, "no mapping of the source takes anything from this body", "unmapped")
        ]
    return [_mapped(one, source.id, rules, received_at) for one in taken]


def _mapped(taken: Taken, source: str, rules: Rules, received_at: datetime) -> Element:
    sha = fingerprint(taken.element)
    if taken.gives == "fetch" or taken.gives == "nothing" or taken.gives == "erasure":
        return _sparse(taken, source, sha)
    if taken.post is None:
        return unreadable(taken.gives, source, sha, taken.fault or "cannot be mapped", "unmapped")
    key, lead_id, post = f"{taken.mapping}:{taken.key or sha}", taken.lead_id, taken.post
    if taken.gives != "lead":  # what a platform reports without a time happened about when it was told
        post = {"occurred_at": received_at.isoformat(), **post}
    return judge(taken.gives, post, rules, received_at, sent=taken.element, key=key, source=source, lead_id=lead_id)


def _sparse(taken: Taken, source: str, sha: str) -> Element:
    """What is not in the shape of the native API: a notice, or something of no concern."""
    post = taken.post
    if post is None:
        return unreadable("lead", source, sha, taken.fault or "cannot be mapped", "unmapped")
    if taken.gives == "fetch":
        errand = Errand(source, post["fetch"], post["id"])
        return notice(errand, sha, f"{taken.mapping}:{taken.key or sha}", moment(post.get("occurred_at", "")))
    if taken.gives == "erasure":
        return _erasure(post["lead"], source, sha)
    lead = post.get("lead", {})
    about = external_key(lead["system"], lead["id"]) if "id" in lead else None
    return nothing(source, sha, post["reason"], about, taken.lead_id)


def _erasure(lead: dict[str, str], source: str, sha: str) -> Element:
    """Who is to be forgotten, by whatever names a lead anywhere else."""
    try:
        about = reference_key(LeadReference.model_validate(lead))
    except ValidationError:
        return unreadable("lead", source, sha, "whom to forget is not named by what names a lead", "wrong_shape")
    return farewell(source, sha, Farewell(lead), about)
