"""What of a request is the post: its body, or the query of a GET; and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from baton.playbook.forms import charset_named
from baton.playbook.opening import FORM, masked, media_type
from baton.playbook.sources import Source

MAX_QUERY_FIELDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Envelope:
    """A post before it is read."""

    signed: bytes
    """The bytes a signature is of."""
    body: bytes
    """The bytes that are kept and read: without tokens and whatever else the source has masked."""
    content_type: str | None


def envelope_of(source: Source, method: str, query: str, content_type: str | None, body: bytes) -> Envelope | None:
    """The post in a request; None where there is none: a GET is a probe unless the source takes it for a post."""
    if method.upper() not in ("GET", "HEAD"):
        kind = _with_charset(source, query, content_type)
        return Envelope(body, masked(body, kind, source), kind)
    posted = _without_token(query, source)
    if not source.takes_get or not posted:
        return None
    kind = _with_charset(source, query, FORM)
    return Envelope(body, masked(posted, kind, source), kind)


def _with_charset(source: Source, query: str, given: str | None) -> str | None:
    """The content type, with the charset that the URL names: Web-to-Lead's says it there, whatever the header says."""
    if source.charset_field is None or media_type(given) not in ("", FORM):
        return given
    try:
        fields = parse_qs(query, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return given
    charset = charset_named(next(iter(fields.get(source.charset_field, ())), None))
    return given if charset is None else f"{FORM}; charset={charset}"


def _without_token(query: str, source: Source) -> bytes:
    """The query without the parameter that holds the token: what is stored holds no secrets."""
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return query.encode("utf-8", "surrogateescape")
    token = source.signature.param if source.signature is not None else None
    return urlencode([(name, value) for name, value in fields if name != token]).encode()
