"""How a hook proves where it comes from. Whatever does not prove it, for whatever reason, is simply not genuine.

Every comparison takes as long whether or not it succeeds. Two secrets may be good at once, so that they can be rotated.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from baton.playbook.sources import Signature

TOKEN_HEADER: Final = "token"  # noqa: S105  (a name)
"""Where a token is looked for when the playbook names no header; else in the URL's `token`."""

# What HubSpot decodes in a URL before it signs it; these and no others.
_DECODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_DECODABLE = re.compile("|".join(_DECODED), re.IGNORECASE)
_MILLISECONDS = re.compile(r"\d{1,15}")


@dataclass(frozen=True, slots=True)
class Knock:
    """What a sender showed at the door. Header names are in lower case; `url` is the public one, with its query."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def is_genuine(knock: Knock, signature: Signature, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the post was made by somebody who knows one of the secrets. False for anything odd; raises nothing."""
    check = {"hmac-sha256": _hmac_sha256, "hubspot-v3": _hubspot, "token": _token}[signature.scheme]
    genuine = False
    for secret in secrets:
        # No early end: how long it takes must not tell which secret it was.
        genuine = check(knock, signature, secret, now) or genuine
    return genuine


def uri_hubspot_signs(url: str) -> str:
    """The URL as HubSpot signs it: without its fragment, some escapes decoded, `%20` and the rest as they are."""
    return _DECODABLE.sub(lambda found: _DECODED[found[0].upper()], url.partition("#")[0])


def _hmac_sha256(knock: Knock, signature: Signature, secret: bytes, _: datetime) -> bool:
    digest = hmac.digest(secret, knock.body, "sha256")
    expected = digest.hex() if signature.encoding == "hex" else b64encode(digest).decode()
    return _same(knock.headers.get((signature.header or "").lower()), signature.prefix + expected)


def _hubspot(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    """v3 where it is sent, and then nothing less; else v2 or v1, which sign no time."""
    if "x-hubspot-signature-v3" in knock.headers:
        return _hubspot_v3(knock, signature, secret, now)
    version = knock.headers.get("x-hubspot-signature-version", "v1").strip().lower()
    if version == "v2":
        signed = secret + knock.method.encode() + knock.url.encode() + knock.body
    elif version == "v1":
        signed = secret + knock.body
    else:
        return False
    return _same(knock.headers.get("x-hubspot-signature"), hashlib.sha256(signed).hexdigest())


def _hubspot_v3(knock: Knock, signature: Signature, secret: bytes, now: datetime) -> bool:
    timestamp = knock.headers.get("x-hubspot-request-timestamp", "").strip()
    if not _MILLISECONDS.fullmatch(timestamp) or not timestamp.isascii():
        return False
    # Both ways: a time far in the future would make a replay good for ever.
    if abs(now.timestamp() * 1000 - int(timestamp)) > signature.tolerance_seconds * 1000:
        return False
    signed = knock.method.encode() + uri_hubspot_signs(knock.url).encode() + knock.body + timestamp.encode()
    expected = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    # A proxy that decodes headers has been seen to turn `+` into a blank; base64 has no blanks.
    given = knock.headers["x-hubspot-signature-v3"].strip().replace(" ", "+")
    return _same(given, expected)


def _token(knock: Knock, signature: Signature, secret: bytes, _: datetime) -> bool:
    given = knock.headers.get((signature.header or TOKEN_HEADER).lower())
    if given is None:
        given = next(iter(_query(knock.url).get("token", ())), None)
    if given is None:
        return False
    shown = given.removeprefix(signature.prefix).strip().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(shown, secret)


def _query(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return {}


def _same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(
        given.strip().encode("utf-8", "surrogateescape"), expected.encode()
    )
