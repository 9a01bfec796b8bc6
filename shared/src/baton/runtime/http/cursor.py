"""Cursors for paging: opaque to the client, and no more than the place where the next page begins."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson

from baton.runtime.http.problem import Problem


def next_cursor(*place: Any) -> str:
    """Return the cursor of the page after `place`: JSON values, for instance the sort key and id of the last row."""
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def read_cursor(cursor: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """Return the place in a cursor made by `next_cursor`; 400 unless it holds values of just these `kinds`."""
    try:
        place = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise _unknown() from None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise _unknown()
    return tuple(place)


def _unknown() -> Problem:
    return Problem(400, "Unknown cursor", "Use the `next` of an earlier answer, unchanged.")
