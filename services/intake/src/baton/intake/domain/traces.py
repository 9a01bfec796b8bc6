"""Whether what was posted and not understood tells of a certain person. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from baton.intake.domain.keys import SHORTEST_PHONE
from baton.intake.domain.person import Person

_ADDRESS = re.compile(rb"[A-Za-z0-9.!#$&'*+/=?^_`{|}~-]+(?:@|%40|\\u0040)[A-Za-z0-9.-]+")
_TYPED: Final = ("email", "email_raw", "phone", "phone_raw")


def traces_of(person: Person, keys: Iterable[str]) -> frozenset[bytes]:
    """The words by which the person is found in a body: addresses and telephone numbers, in lower case.

    Not the ids of other systems: they are too short to tell anybody, and what waits for one names it.
    """
    words = {str(person.contact[name]) for name in _TYPED if person.contact.get(name)}
    for key in keys:
        kind, _, rest = key.partition(":")
        if kind in ("email", "phone"):
            words.add(rest)
    return frozenset(word.strip().lower().encode() for word in words if len(word.strip()) >= SHORTEST_PHONE - 2)


def tells_of(traces: frozenset[bytes], body: bytes) -> bool:
    """True if any of the words stands in the body."""
    lower = _plain(body).lower()
    return any(trace in lower for trace in traces)


def tells_of_nobody_else(traces: frozenset[bytes], body: bytes) -> bool:
    """True if every e-mail address in the body is the person's: then nobody else loses anything with it."""
    found = {address.lower() for address in _ADDRESS.findall(_plain(body))}
    return all(any(trace in address for trace in traces) for address in found)


def written(form: Any) -> bytes:
    """The form an element was kept in, as text to be searched."""
    return orjson.dumps(form, option=orjson.OPT_NON_STR_KEYS)


def _plain(body: bytes) -> bytes:
    """The body with the ways undone in which forms and JSON hide an at-sign or a plus."""
    return body.replace(b"%40", b"@").replace(b"\\u0040", b"@").replace(b"%2B", b"+").replace(b"%2b", b"+")
