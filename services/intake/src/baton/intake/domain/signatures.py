"""How a hook proves where it comes from. Whatever does not prove it, for whatever reason, is simply not genuine.

Every comparison takes as long whether or not it succeeds. Two secrets may be good at once, so that they can be rotated.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from json import JSONDecoder
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from baton.playbook.bodies import BodyFault, read_json
from baton.playbook.doors import Scheme, Signature
from baton.playbook.forms import read_form
from baton.playbook.names import is_filled
from baton.playbook.paths import parse_path

TOKEN_HEADER: Final = "token"  # noqa: S105  (a name)
"""Where a token is looked for when the playbook names no header; else in the URL's parameter."""

# What HubSpot decodes in a URL before it signs it; these and no others.
_DECODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_DECODABLE = re.compile("|".join(_DECODED), re.IGNORECASE)
_TICKS = re.compile(r"[0-9]{1,15}")
_STARTS_A_LIST = re.compile(r"\s*\[\s*")


@dataclass(frozen=True)
class Knock:
    """What a sender showed at the door. Header names are in lower case; `url` is the public one, with its query."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def fields(self) -> Any:
        """The body as nested data, where a token is in it: read once for all secrets. None if it is odd."""
        is_json = self.body.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{"
        try:
            return read_json(self.body) if is_json else read_form(self.body)
        except BodyFault:
            return None


Check = Callable[[Knock, Signature, bytes, datetime], bool]


def is_genuine(knock: Knock, signature: Signature, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the post was made by somebody who knows one of the secrets. False for anything odd; raises nothing."""
    check = _CHECKS[signature.scheme]
    genuine = False
    for secret in secrets:
        # No early end: how long it takes must not tell which secret it was.
        genuine = check(knock, signature, secret, now) or genuine
    return genuine


def uri_hubspot_signs(url: str) -> str:
    """The URL as HubSpot signs it: without its fragment, some escapes decoded, `%20` and the rest as they are."""
    return _DECODABLE.sub(lambda found: _DECODED[found[0].upper()], url.partition("#")[0])


def _hmac_sha256(knock: Knock, signature: Signature, secret: bytes, _: datetime) -> bool:
    digest = hmac.digest(secret, signature.signed_prefix.encode() + knock.body, "sha256")
    return _shows(knock, signature, digest)


def _hmac_sha1(knock: Knock, signature: Signature, secret: bytes, _: datetime) -> bool:
    """Of an array only the first element is signed; what stands behind it is believed on its word."""
    return _shows(knock, signature, hmac.digest(secret, _first_element(knock.body), "sha1"))


def _first_element(body: bytes) -> bytes:
    """The bytes of an array's first element, as they were sent; anything else as it is."""
    text = body.decode("utf-8", "replace")
    start = _STARTS_A_LIST.match(text)
    if start is None:
        return body
    try:
        end = JSONDecoder().raw_decode(text, start.end())[1]
    except (ValueError, RecursionError):
        return body
    return text[start.end() : end].encode()


def _shows(knock: Knock, signature: Signature, digest: bytes) -> bool:
    expected = digest.hex() if signature.encoding == "hex" else b64encode(digest).decode()
    return _same(knock.headers.get((signature.header or "").lower()), signature.prefix + expected)


def _timestamped(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    given = knock.headers.get((signature.header or "").lower(), "")
    parts = dict(part.strip().partition("=")[::2] for part in given.split(",")[:10])
    at = parts.get("t", "")
    if not _is_near(at, 1, signature, now):
        return False
    digest = hmac.digest(secret, at.encode() + b"." + knock.body, "sha256")
    return _same(parts.get("v1"), digest.hex() if signature.encoding == "hex" else b64encode(digest).decode())


def _hubspot(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    """v3 where it is sent, and then nothing less; else v2 or v1, which sign no time."""
    if "x-hubspot-signature-v3" in knock.headers:
        return _hubspot_v3(knock, signature, secret, now)
    version = knock.headers.get("x-hubspot-signature-version", "v1").strip().lower()
    if version == "v2":
        signed = secret + knock.method.encode() + _utf8(knock.url) + knock.body
    elif version == "v1":
        signed = secret + knock.body
    else:
        return False
    return _same(knock.headers.get("x-hubspot-signature"), hashlib.sha256(signed).hexdigest())


def _hubspot_v3(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    timestamp = knock.headers.get("x-hubspot-request-timestamp", "").strip()
    if not _is_near(timestamp, 1000, signature, now):
        return False
    signed = knock.method.encode() + _utf8(uri_hubspot_signs(knock.url)) + knock.body + timestamp.encode()
    expected = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    # A proxy that decodes headers has been seen to turn `+` into a blank; base64 has no blanks.
    given = knock.headers["x-hubspot-signature-v3"].strip().replace(" ", "+")
    return _same(given, expected)


def _espocrm(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    """The webhook's id and the digest in base64; older versions wrote the digest as bytes, under another name."""
    shown = knock.headers.get("signature", knock.headers.get("x-signature", ""))
    named, _, given = _from_base64(shown).partition(b":")
    key = _espocrm_key(secret, named)
    digest = hmac.digest(key, knock.body, "sha256")
    is_good = hmac.compare_digest(given, digest.hex().encode()) | hmac.compare_digest(given, digest)
    return is_good and bool(key) and bool(named)


def _espocrm_key(secret: bytes, webhook: bytes) -> bytes:
    """The key of this webhook, where the secret is a list of `id:key`; else the secret itself.

    Each webhook of EspoCRM, and there is one for each kind of event, has a key of its own.
    """
    if b":" not in secret:
        return secret
    keys = dict(pair.partition(b":")[::2] for pair in secret.split())
    return keys.get(webhook, b"")


def _basic(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    scheme, _, shown = knock.headers.get("authorization", "").strip().partition(" ")
    given = _from_base64(shown)
    return hmac.compare_digest(given, secret) and scheme.lower() == "basic"


def _token(knock: Knock, signature: Signature, secret: bytes, _: datetime) -> bool:
    given = knock.headers.get((signature.header or TOKEN_HEADER).lower())
    if given is None:
        given = next(iter(_query(knock.url).get(signature.param, ())), None)
    if given is None and signature.field is not None:
        given = _field(knock, signature.field)
    if given is None:
        return False
    shown = given.removeprefix(signature.prefix).strip().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(shown, secret)


def _field(knock: Knock, name: str) -> str | None:
    """The token inside the body, which is read for it before anybody knows who sent it."""
    found = None if knock.fields is None else parse_path(name).first(knock.fields)
    return found if isinstance(found, str) and is_filled(found) else None


def _is_near(ticks: str, per_second: int, signature: Signature, now: datetime) -> bool:
    """Whether a signed time is near. Both ways: one far in the future would make a replay good for ever."""
    if not _TICKS.fullmatch(ticks):
        return False
    return abs(now.timestamp() * per_second - int(ticks)) <= signature.tolerance_seconds * per_second


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text.strip().encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _query(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(url).query, max_num_fields=1000)
    except ValueError:
        return {}


def _same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(_utf8(given.strip()), expected.encode())


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_CHECKS: Final[Mapping[Scheme, Check]] = {
    "hmac-sha256": _hmac_sha256,
    "hmac-sha1": _hmac_sha1,
    "timestamped": _timestamped,
    "hubspot-v3": _hubspot,
    "espocrm": _espocrm,
    "basic": _basic,
    "token": _token,
}
