"""Where a browser goes after a form was posted: only to places the playbook allows, or an open redirect is ours."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from baton.playbook.doors import Redirect
from baton.playbook.paths import parse_path

# No blanks, control characters or backslashes: browsers take `https:\\evil.example` for a host.
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2000}")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def place_after(redirect: Redirect, body: Any, *, is_taken_in: bool) -> str | None:
    """The URL to send the browser to; None where none is allowed."""
    if not is_taken_in and redirect.error is not None:
        return redirect.error
    wished = parse_path(redirect.field).first(body) if redirect.field is not None else None
    if isinstance(wished, str) and is_allowed(wished.strip(), redirect.hosts):
        return wished.strip()
    return redirect.success


def is_allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether the URL is a web page of one of the hosts, each with its port where that is not the usual one."""
    if not _PLAIN.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _USUAL_PORTS or "@" in parts.netloc:
        return False
    host = parts.hostname or ""
    named = host if port in (None, _USUAL_PORTS[parts.scheme]) else f"{host}:{port}"
    return named in hosts
