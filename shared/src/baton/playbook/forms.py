"""Forms as nested data: urlencoded in any charset, and multipart. What they hold is text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from encodings.aliases import aliases
from typing import Any, Final
from urllib.parse import parse_qsl

from baton.playbook.bodies import BodyFault

MAX_FORM_FIELDS: Final = 1000
MAX_FORM_DEPTH: Final = 8
MAX_HEAD: Final = 8192
"""Bytes of the headers of one part."""

UTF8: Final = "utf-8"
# What browsers and platforms send, by Python's names. Codecs that unzip or execute things have names, too.
_CHARSETS = frozenset(
    {"utf_8", "utf_16", "ascii", "latin_1", "cp932", "shift_jis", "shift_jisx0213", "shift_jis_2004", "iso2022_jp",
     "euc_jp", "euc_kr", "cp949", "big5", "big5hkscs", "gb2312", "gbk", "gb18030", "koi8_r", "koi8_u", "mac_roman"}
    | {f"iso8859_{number}" for number in range(1, 17) if number != 12}
    | {f"cp{number}" for number in range(1250, 1259)}
)  # fmt: skip
_MORE_NAMES = {"x_sjis_0213": "shift_jisx0213", "x_windows_949": "cp949", "windows_31j": "cp932"}
_PARAMETER = r'(?:^|;)\s*{}\s*=\s*(?:"([^"]{{1,200}})"|([^\s;"]{{1,200}}))'
_CHARSET = re.compile(_PARAMETER.format("charset"), re.IGNORECASE)
_BOUNDARY = re.compile(_PARAMETER.format("boundary"), re.IGNORECASE)
_NAME = re.compile(r'form-data\b[^\r\n]*?;\s*name=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_FILE_NAME = re.compile(r';\s*filename\*?=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FORM_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def charset_named(name: str | None) -> str | None:
    """Python's name of a charset that may come over the web; None for any other word."""
    if not name or len(name) > 40:
        return None
    # Looked up in tables and not by `codecs.lookup`, which remembers every wrong name for ever.
    word = re.sub(r"[^a-z0-9]+", "_", name.strip().lower())
    found = _MORE_NAMES.get(word) or aliases.get(word, word)
    return found if found in _CHARSETS else None


def charset_of(content_type: str | None) -> str | None:
    """The charset a content type names, if it is one."""
    return charset_named(_parameter(_CHARSET, content_type))


def read_form(raw: bytes, charset: str = UTF8) -> dict[str, Any]:
    """An urlencoded form as nested data: `k[a][b]` nests, a repeated key and `k[]` make a list.

    Empty fields and the text `null` are absent; `;` is data; bytes not of the charset become U+FFFD. Raises BodyFault.
    """
    # Not decoded first: in some charsets a character's second byte looks like `&` or `=`.
    text = _BEYOND_ASCII.sub(lambda found: b"%%%02X" % found[0][0], raw).decode("ascii")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, encoding=charset, errors="replace"
        )
    except ValueError:
        raise BodyFault(f"not a form, or one with more than {MAX_FORM_FIELDS} fields") from None
    if pairs and all(value == "" for _, value in pairs):
        raise BodyFault("not a form: no field has a value")
    return nested(pairs)


def read_multipart(raw: bytes, content_type: str) -> dict[str, Any]:
    """A multipart form as nested data, like an urlencoded one; of a file only its name. Raises BodyFault."""
    boundary = _parameter(_BOUNDARY, content_type)
    if boundary is None:
        raise BodyFault("not a multipart form: the content type names no boundary")
    mark = b"--" + boundary.encode("utf-8", "replace")
    if raw.count(mark) > MAX_FORM_FIELDS:
        raise BodyFault(f"a multipart form with more than {MAX_FORM_FIELDS} fields")
    charset = charset_of(content_type) or UTF8
    pairs = [_part(part, charset) for part in _parts(raw, mark)]
    if not pairs:
        raise BodyFault("not a multipart form: no part has a name")
    return nested(pair for pair in pairs if pair is not None)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Names and texts as nested data."""
    form: dict[str, Any] = {}
    for key, value in pairs:
        text = value.replace("\0", "")
        if text.strip() not in ("", "null"):
            _put(form, _steps(key.replace("\0", "")), text)
    return form


def _parameter(pattern: re.Pattern[str], content_type: str | None) -> str | None:
    found = pattern.search((content_type or "").partition(";")[2][:1000])
    return None if found is None else found[1] or found[2]


def _parts(raw: bytes, mark: bytes) -> Iterator[bytes]:
    after = raw.find(mark) + len(mark)
    line_end = b"\r\n" if raw[after : after + 2] == b"\r\n" else b"\n"
    pieces = (line_end + raw).split(line_end + mark)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        yield piece


def _part(part: bytes, charset: str) -> tuple[str, str] | None:
    blank = _BLANK_LINE.search(part, 0, MAX_HEAD)
    if blank is None:
        raise BodyFault("not a multipart form: a part has no blank line after its headers")
    head = part[: blank.start()].decode(UTF8, "replace")
    name = _NAME.search(head)
    if name is None:
        return None
    key = re.sub(r"\\(.)", r"\1", name[1]) if name[1] is not None else name[2]
    file = _FILE_NAME.search(head)
    if file is not None:
        return key, file[1] or file[2] or ""
    return key, part[blank.end() :].decode(charset, "replace")


def _steps(key: str) -> list[str]:
    found = _FORM_KEY.fullmatch(key)
    if found is None:
        return [key]
    inner = found[2][1:-1].split("][")
    return [found[1], *inner] if len(inner) < MAX_FORM_DEPTH else [key]


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
    elif isinstance(there, list):
        there.append(text)
    else:
        place[last] = [there, text]
