"""Requests made odd: bytes, JSON, headers and URLs changed by chance that comes from a seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

LARGEST: Final = 65_536
"""Bytes of a mutated body. Fifty times what a platform posts about one person."""

WORDS: Final = (
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"NaN", b"-Infinity", b"1e999", b"9" * 25, b"null",
    b"{}", b"[]",
    b'"', b"\\u0000", b"\\ud800", b"&", b"=", b";", b"%", b"%zz", b"%00", b"+", b"[", b"]", b"[]", b"[a]" * 40,
    b"[" * 3000, b"{\"a\":" * 500, b"\r\n\r\n", b"\n", b"--", b"------Bound4ry", b"&amp;amp;", b"&#0;", b"&#x110000;",
    b"<!DOCTYPE x>", b"a" * 5000, "İ🏴\u200f".encode(), b"2026-13-45T99:99", b"0", b"-1", b"true",
)  # fmt: skip
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 2**53, 2**63, 2**70, 1e308, -0.0, "", " ", "\0", "x" * 3000, [], {}, [[]], [None],
    {"": {}},
    {"value": None}, "2026-09-21T14:13:15Z", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00", "a@b.example",
    "+1 415 555 0100", "&lt;&#x27;&bogus;", [{"type": "identify"}], "GOVERNMENT_ISSUED_ID",
)  # fmt: skip
TYPES: Final = (
    "application/json", "application/json; charset=utf-16", "application/json; charset=iso-8859-1", "text/plain", "",
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=shift_jis", "image/png",
    "multipart/form-data; boundary=----Bound4ry", "multipart/form-data", 'multipart/form-data; boundary="',
    "application/xml", "application/x-www-form-urlencoded; charset=rot13", "multipart/form-data; boundary=\xff",
)  # fmt: skip
TEXTS: Final = (
    "",
    "\xff",
    "=",
    "a" * 3000,
    "t=1,v1=",
    "t=9" + "9" * 20 + ",v1=0",
    "sha256=",
    "Basic",
    "Basic %%%",
    "९",
    "v2",
)


@dataclass(frozen=True)
class Odd:
    """A request that may have been changed."""

    source: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def mutated(odd: Odd, chance: Random) -> Odd:
    """The request after one to four changes."""
    for _ in range(chance.randint(1, 4)):
        odd = chance.choice((_body, _body, _body, _json, _json, _json, _headers, _type, _url))(odd, chance)
    return replace(odd, body=odd.body[:LARGEST])


def _body(odd: Odd, chance: Random) -> Odd:
    raw, at = odd.body, chance.randint(0, max(0, len(odd.body) - 1))
    to = min(len(raw), at + chance.randint(1, 40))
    kind = chance.randrange(7)
    changed = (
        raw[:at] + chance.choice(WORDS) + raw[at:],
        raw[:at] + raw[to:],
        raw[:at] + raw[at:to] * chance.choice((2, 50, 1000)) + raw[to:],
        raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :],
        raw[:at],
        raw[at:],
        raw * chance.choice((2, 10)),
    )[kind]
    return replace(odd, body=changed)


def _json(odd: Odd, chance: Random) -> Odd:
    try:
        value = json.loads(odd.body)
    except (ValueError, RecursionError):
        return _body(odd, chance)
    places = list(_places(value))
    if not places:
        return replace(odd, body=json.dumps(chance.choice(VALUES)).encode())
    holder, key = chance.choice(places)
    _put(holder, key, chance)
    if chance.random() < 0.05:
        value = [value] * chance.choice((2, 30))
    return replace(odd, body=json.dumps(value).encode())


def _put(holder: Any, key: Any, chance: Random) -> None:
    kind = chance.randrange(5)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[chance.choice(("", "[type=x]", "a.b", "E-Mail", "type", "properties", "__class__"))] = holder.pop(key)
    elif kind == 2:
        for _ in range(chance.choice((1, 5, 40))):
            holder[key] = chance.choice(([holder[key]], {"value": holder[key]}))
    elif kind == 3 and isinstance(holder, dict):
        holder.update({f"more {n}": n for n in range(chance.choice((1, 100, 3000)))})
    else:
        holder[key] = chance.choice(VALUES)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 2000:
        item = waiting.pop()
        pairs = (
            list(item.items()) if isinstance(item, dict) else list(enumerate(item)) if isinstance(item, list) else []
        )
        found += [(item, key) for key, _ in pairs]
        waiting += [inner for _, inner in pairs]
    return found


def _headers(odd: Odd, chance: Random) -> Odd:
    headers = dict(odd.headers)
    names = list(headers) or ["authorization"]
    name = chance.choice([*names, "authorization", "x-hubspot-signature", "x-hubspot-signature-version", "signature"])
    text = headers.get(name, "")
    at = chance.randint(0, len(text))
    headers[name] = chance.choice((chance.choice(TEXTS), text[:at] + chance.choice(TEXTS) + text[at:], text[:at]))
    return replace(odd, headers=headers)


def _type(odd: Odd, chance: Random) -> Odd:
    return replace(odd, headers={**odd.headers, "content-type": chance.choice(TYPES)})


def _url(odd: Odd, chance: Random) -> Odd:
    query = chance.choice(
        ("?token=", "?encoding=iso-8859-1", "?encoding=zip", "?" + "a=1&" * 3000, "?challengeCode=hmacsha256={}", "#x",
         "?hub.mode=subscribe&hub.challenge=1", "?%zz=%ff&[]=[",
         "?type=identify&userId=1&context.traits.email=a@b.example",
         "?[type=1", "?k[a][b]=1")
    )  # fmt: skip
    return replace(odd, url=odd.url + query, method=chance.choice((odd.method, "GET", "PUT", "\xff")))
