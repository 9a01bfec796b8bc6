"""From the bytes a sender posted to plain data, so that no store and no rule stumbles over it later.

What comes out holds text without NUL and without lone surrogates, whole numbers of at most 64 bits (longer ones become
text, so that ids survive), finite decimals, and is at most `MAX_DEPTH` deep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

import orjson

MAX_DEPTH: Final = 32
"""The deepest body of the platforms we know has nine levels."""
MAX_FORM_FIELDS: Final = 2000
MAX_FORM_DEPTH: Final = 8

_BOM = b"\xef\xbb\xbf"
_LONG_NUMBER = re.compile(rb"\d{19}")
_FORM_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_INT64 = range(-(2**63), 2**63)


class BodyFault(ValueError):
    """These bytes are not what they should be. The message says why, without quoting them."""


def read_json(raw: bytes) -> Any:
    """The JSON value in `raw`; a byte order mark is tolerated. Raises BodyFault: not JSON, or too deep."""
    raw = raw.removeprefix(_BOM)
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
    for line in raw.removeprefix(_BOM).split(b"\n"):
        if line.strip():
            yield line


def read_form(raw: bytes) -> dict[str, Any]:
    """An urlencoded form as nested data: `k[a][b]` nests, a repeated key and `k[]` make a list.

    Empty fields and the text `null` are absent; `;` is data; bytes that are not UTF-8 become U+FFFD. Raises BodyFault.
    """
    try:
        pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise BodyFault(f"not a form, or one with more than {MAX_FORM_FIELDS} fields") from None
    form: dict[str, Any] = {}
    for key, value in pairs:
        text = value.replace("\0", "")
        if text.strip() not in ("", "null"):
            _put(form, _steps(key.replace("\0", "")), text)
    if pairs and all(value == "" for _, value in pairs):
        raise BodyFault("not a form: no field has a value")
    return form


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


def _steps(key: str) -> list[str]:
    nested = _FORM_KEY.fullmatch(key)
    if nested is None:
        return [key]
    inner = nested[2][1:-1].split("][")
    return [nested[1], *inner] if len(inner) < MAX_FORM_DEPTH else [key]


def _put(form: dict[str, Any], steps: list[str], text: str) -> None:
    is_list = len(steps) > 1 and steps[-1] == ""
    *outer, last = steps[:-1] if is_list else steps
    place = form
    for step in outer:
        inner = place.setdefault(step, {})
        if not isinstance(inner, dict):
            inner = place[step] = {"": inner}
        place = inner
    there = place.get(last)
    if isinstance(there, dict):
        there[""] = text
    elif there is None:
        place[last] = [text] if is_list else text
    else:
        place[last] = [*(there if isinstance(there, list) else [there]), text]
