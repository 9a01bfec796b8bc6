"""From a raw body to its elements, by the native API's shape or by a source's mapping; the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from baton.intake.domain.elements import NATIVE, Element, Rules, judge, unreadable
from baton.intake.domain.keys import fingerprint
from baton.intake.domain.posts import Kind
from baton.playbook.bodies import BodyFault, read_json, read_lines
from baton.playbook.mapping import Mapper, MappingFault, Taken
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
        yield _line(line, kind, rules, received_at)


def read_hook(
    raw: bytes, content_type: str | None, mapper: Mapper, rules: Rules, received_at: datetime
) -> list[Element]:
    """The elements of whatever a source posted. A body nothing can be made of is an element itself.

    None at all only where everything in it is known to mean nothing here.
    """
    source = mapper.source
    try:
        taken = mapper.take(open_body(raw, content_type, source))
    except BodyFault as fault:
        return [unreadable("lead", source.id, WHOLE, str(fault))]
    except MappingFault as fault:
        return [unreadable("lead", source.id, WHOLE, str(fault), "unmapped")]
    if not taken:
        return [
            unreadable("lead", source.id, WHOLE, "no mapping of the source takes anything from this body", "unmapped")
        ]
    return [_mapped(one, source.id, rules, received_at) for one in taken if one.gives != "nothing"]


def _mapped(taken: Taken, source: str, rules: Rules, received_at: datetime) -> Element:
    sha = fingerprint(taken.element)
    assert taken.gives != "nothing"
    if taken.post is None:
        return unreadable(taken.gives, source, sha, taken.fault or "cannot be mapped", "unmapped")
    key = f"{taken.mapping}:{taken.key or sha}"
    return judge(taken.gives, taken.post, rules, received_at, sent=taken.element, key=key, source=source)


def _line(line: bytes, kind: Kind, rules: Rules, received_at: datetime) -> Element:
    try:
        item = read_json(line)
    except BodyFault as fault:
        return unreadable(kind, NATIVE, hashlib.sha256(line).hexdigest(), str(fault))
    return judge(kind, item, rules, received_at)
