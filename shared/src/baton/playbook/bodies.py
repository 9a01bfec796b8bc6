"""From the bytes a sender posted to plain data, so that no store and no rule stumbles over it later.

What comes out holds text without NUL and without lone surrogates, whole numbers of at most 64 bits (longer ones become
text, so that ids survive), finite decimals, and is at most `MAX_DEPTH` deep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

import orjson

MAX_DEPTH: Final = 32
"""The deepest body of the platforms we know has nine levels."""

BOM: Final = b"\xef\xbb\xbf"
_LONG_NUMBER = re.compile(rb"\d{19}")
_INT64 = range(-(2**63), 2**63)


class BodyFault(ValueError):
    """These bytes are not what they should be. The message says why, without quoting them."""


def read_json(raw: bytes) -> Any:
    """The JSON value in `raw`; a byte order mark is tolerated. Raises BodyFault: not JSON, or too deep."""
    raw = raw.removeprefix(BOM)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        raise BodyFault(f"not JSON: {fault.msg} at byte {fault.pos + 1}") from None
    # Brackets bound the depth from above, so that nearly all bodies are counted and not walked.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and depth_exceeds(value, MAX_DEPTH):
        raise BodyFault(f"nested deeper than {MAX_DEPTH} levels")
    if _LONG_NUMBER.search(raw):
        value = json.loads(raw, parse_int=_int, parse_constant=_refuse)
    return without_nul(value) if b"\\u0000" in raw else value


def read_lines(raw: bytes) -> Iterator[bytes]:
    """The lines of NDJSON that are not blank."""
    for line in raw.removeprefix(BOM).split(b"\n"):
        if line.strip():
            yield line


def depth_exceeds(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested deeper than `limit`. Never recurses."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [inner for outer in level for inner in _values(outer) if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def without_nul(value: Any) -> Any:
    """The same value with the character NUL, which Postgres cannot keep, taken out of every text and key."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key.replace("\0", ""): without_nul(item) for key, item in value.items()}
    return value


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _int(text: str) -> int | str:
    if len(text) > 20:
        return text
    number = int(text)
    return number if number in _INT64 else text


def _refuse(name: str) -> NoReturn:
    raise BodyFault(f"not JSON: {name}")
