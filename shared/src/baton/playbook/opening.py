"""From what a source posted to one body of plain data, by what the post says it is and by what its source is known for.

Pure, and the same whenever a stored body is read again: what the URL said of it stands in its content type.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from baton.playbook.bodies import BOM, BodyFault, read_json
from baton.playbook.forms import MAX_FORM_FIELDS, UTF8, charset_named, charset_of, read_form, read_multipart
from baton.playbook.paths import parse_path
from baton.playbook.sources import Source

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MASK: Final = "***"


def media_type(content_type: str | None) -> str:
    """The media type without its parameters, in lower case."""
    return (content_type or "").partition(";")[0].strip().lower()


def open_body(raw: bytes, content_type: str | None, source: Source) -> Any:
    """The body as JSON would have it. Raises BodyFault for what is not what it says it is."""
    body = _parsed(raw, content_type, source)
    for text in source.json_in:
        body = _json_inside(body, text)
    body = next((inner for path in source.unwrap for inner in parse_path(path).all(body)), body)
    return _unescaped(body) if source.unescape else body


def masked(raw: bytes, content_type: str | None, source: Source) -> bytes:
    """The same bytes, but for what must not be kept: a token inside the body, and what the source's `mask` names."""
    paths = [*source.mask, *source.token_fields]
    if not paths:
        return raw
    try:
        body = _parsed(raw, content_type, source)
    except BodyFault:
        return raw
    hits = [parse_path(path).put(body, MASK) for path in paths]
    if not any(hits):
        return raw
    return _form_again(raw, paths) if is_form(raw, content_type, source) else orjson.dumps(body)


def is_form(raw: bytes, content_type: str | None, source: Source) -> bool:
    """Whether it is an urlencoded form: by its content type, else by its source and its looks."""
    kind = media_type(content_type)
    if kind == FORM:
        return not _looks_like_json(raw)
    return source.body == "form" and not kind.endswith("json") and kind != MULTIPART and not _looks_like_json(raw)


def _parsed(raw: bytes, content_type: str | None, source: Source) -> Any:
    if media_type(content_type) == MULTIPART:
        return read_multipart(raw, content_type or "")
    charset = _charset(raw, content_type, source)
    if is_form(raw, content_type, source):
        return read_form(raw, charset)
    return read_json(raw if charset == UTF8 else _in_utf8(raw, charset))


def _charset(raw: bytes, content_type: str | None, source: Source) -> str:
    """By the form's own field where the source has one, else by the content type, else UTF-8."""
    if source.charset_field is not None:
        key = re.escape(source.charset_field.encode())
        found = re.search(rb"(?:^|&)" + key + rb"=([\w.:-]{1,40})(?:&|$)", raw)
        named = charset_named(found[1].decode("ascii", "replace")) if found else None
        if named is not None:
            return named.replace("_", "-") if named == "utf_8" else named
    found_charset = charset_of(content_type)
    return UTF8 if found_charset in (None, "utf_8", "ascii") else str(found_charset)


def _in_utf8(raw: bytes, charset: str) -> bytes:
    try:
        return raw.decode(charset).encode()
    except UnicodeError:
        raise BodyFault(f"not text in {charset}") from None


def _looks_like_json(raw: bytes) -> bool:
    """A form never begins with a brace: that is JSON under a name some sender's library chose for it."""
    return raw.removeprefix(BOM).lstrip()[:1] in (b"{", b"[")


def _json_inside(body: Any, path: str) -> Any:
    found = parse_path(path).first(body)
    if not isinstance(found, str):
        return body
    # Whether or not its text is JSON: what is not stays the text it was.
    try:
        value = read_json(found.encode("utf-8", "replace"))
    except BodyFault:
        return body
    parse_path(path).put(body, value)
    return body


def _unescaped(value: Any) -> Any:
    if isinstance(value, str):
        return unescape(value) if "&" in value else value
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _unescaped(item) for key, item in value.items()}
    return value


def _form_again(raw: bytes, names: list[str]) -> bytes:
    # Latin-1 gives every byte back as it was, whatever the charset.
    text = raw.decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, encoding="latin-1")
    shown = [(key, MASK if key in names else value) for key, value in pairs]
    return urlencode(shown, encoding="latin-1").encode()
