"""Reading a URL that somebody else wrote. What is read here is what is connected to: there is no second parser."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

LONGEST_URL = 2048
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Forbidden(Exception):
    """This may never be called as things are set; says why. Trying again does not help, a setting or a URL may."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: the parts of its URL."""

    scheme: str
    host: str
    """In small letters, without a final dot and without brackets."""
    port: int
    path: str
    """With the query; ASCII."""


def read_url(url: str) -> Target:
    """Take the URL apart. Raises Forbidden for what is not a plain http(s) URL of one unmistakable host."""
    if len(url) > LONGEST_URL:
        raise Forbidden(f"the URL has more than {LONGEST_URL} characters")
    if any(ord(character) <= 32 or character == "\\" or ord(character) == 127 for character in url):
        raise Forbidden("the URL has a space, a backslash or a control character in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise Forbidden(f"this is not a URL: {fault}") from fault
    if parts.scheme not in _DEFAULT_PORTS:
        raise Forbidden("a URL begins with https://")
    if "@" in parts.netloc:
        raise Forbidden("credentials do not belong into a URL")
    if parts.fragment or url.endswith("#"):
        raise Forbidden("a URL that is called has no fragment (#…)")
    path = quote(parts.path or "/", safe="/:@!$&'()*+,;=~-._%")
    if parts.query:
        path += "?" + quote(parts.query, safe="/:@!$&'()*+,;=~-._%?")
    return Target(parts.scheme, _host(parts.hostname or ""), port or _DEFAULT_PORTS[parts.scheme], path)


def _host(host: str) -> str:
    if ":" in host:
        return _address(host)
    host = host.removesuffix(".")
    if not host.isascii():
        raise Forbidden("write the host's name in its ASCII form (xn--…)")
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise Forbidden(f"{host[:100]!r} is no name of a host")
    if _NUMBER.fullmatch(
        host.rpartition(".")[2]
    ):  # some resolvers take 2130706433, 0x7f.1 and 0177.0.0.1 for 127.0.0.1
        return _address(host)
    return host


def _address(text: str) -> str:
    if "%" in text:
        raise Forbidden("an address with a zone cannot be called")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as fault:
        raise Forbidden(f"{text[:100]!r} is no address in its usual form") from fault
