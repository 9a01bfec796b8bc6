"""One HTTP call to the outside: resolved once, judged, connected to what was judged, bounded in size and time."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpcore

from baton.runtime.outbound.addresses import Address, Permits
from baton.runtime.outbound.urls import Forbidden, Target, read_url
from baton.runtime.settings import Settings

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0
"""Standard Webhooks asks senders to wait 15 to 30 s."""
MOST_ANSWER_BYTES = 65_536
MOST_CONNECTIONS = 32
IDLE_SECONDS = 15.0
"""How long a connection waits for its next call; less than what usual servers and balancers allow."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Unreachable(Exception):
    """No answer: the name, the connection, TLS, or the time. Whether it was acted on is not known. Later, again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes
    is_cut: bool = False
    """True if the answer was longer than allowed; `body` is its beginning."""

    @property
    def is_success(self) -> bool:
        """True for 2xx. A redirect is none, and is not followed."""
        return 200 <= self.status < 300

    def retry_after(self, now: datetime) -> timedelta | None:
        """Return how long the other side asks to be left alone (RFC 9110: seconds or a date); None if it does not."""
        return read_retry_after(self.headers.get("retry-after"), now)


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return the pause that a `Retry-After` asks for, never negative, at most a year; None for none or nonsense."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:12]), 366 * 86_400))
    try:
        at = parsedate_to_datetime(text)
        pause = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(pause, timedelta(0)), timedelta(days=366))


class Outbound:
    """Makes calls. Connections are kept for a few seconds; each was made to an address that had been judged."""

    def __init__(
        self,
        permits: Permits,
        *,
        authorities: Path | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        most_bytes: int = MOST_ANSWER_BYTES,
        resolve: Resolve | None = None,
    ) -> None:
        self._permits = permits
        self._authorities = authorities
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._most_bytes = most_bytes
        self._resolve = resolve or resolve_by_system
        self._pools: dict[tuple[str, str, int], httpcore.AsyncConnectionPool] = {}
        self._tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, settings: Settings) -> Outbound:
        """Return what calls as the settings allow."""
        return cls(Permits.of(settings.outbound_allow), authorities=settings.outbound_authorities)

    async def vet(self, url: str) -> None:
        """Refuse a URL that may not be called as things are, by what it says and what it resolves to, if it does.

        Raises Forbidden.
        """
        target = read_url(url)
        self._permits.check(target)
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._addresses(target)
        except (Unreachable, TimeoutError):
            return  # a name that does not resolve today may tomorrow; it is judged again at each connection

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        total_seconds: float | None = None,
        most_bytes: int | None = None,
    ) -> Answer:
        """Make the call and return its answer, also 3xx, 4xx and 5xx. Raises Forbidden, Unreachable."""
        target = read_url(url)
        self._permits.check(target)
        try:
            async with asyncio.timeout(total_seconds or self._total_seconds):
                return await self._exchange(method, target, headers or {}, body, most_bytes or self._most_bytes)
        except TimeoutError as fault:
            raise Unreachable("no whole answer in time") from fault
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as fault:
            raise Unreachable(_reason(fault)) from fault

    async def _exchange(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Answer:
        host = f"[{target.host}]" if ":" in target.host else target.host
        url = httpcore.URL(scheme=target.scheme, host=host, port=target.port, target=target.path)
        limits = {"connect": self._connect_seconds, "read": self._total_seconds, "write": self._total_seconds}
        pool = self._pool(target)
        async with pool.stream(
            method,
            url,
            headers=_lines(headers),
            content=body,
            extensions={"timeout": {**limits, "pool": self._total_seconds}},
        ) as response:
            answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            begun = bytearray()
            async for piece in response.aiter_stream():
                begun += piece
                if len(begun) > most_bytes:
                    break
        return Answer(response.status, answered, bytes(begun[:most_bytes]), len(begun) > most_bytes)

    def _pool(self, target: Target) -> httpcore.AsyncConnectionPool:
        """A pool of its own for each host: one that does not answer takes no connection away from another."""
        key = (target.scheme, target.host, target.port)
        if key not in self._pools:
            if self._tls is None:
                self._tls = ssl.create_default_context()
                if self._authorities is not None:
                    self._tls.load_verify_locations(self._authorities)
            self._pools[key] = httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=MOST_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
                network_backend=_Pinned(target, self._addresses),
            )
        return self._pools[key]

    async def _addresses(self, target: Target) -> list[str]:
        """What the host resolves to, every one of it judged. Raises Forbidden, Unreachable."""
        try:
            found = await self._resolve(target.host, target.port)
        except OSError as fault:
            raise Unreachable(f"{target.host} cannot be resolved") from fault
        addresses: list[Address] = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
        if not addresses:
            raise Unreachable(f"{target.host} has no address")
        for address in addresses:
            self._permits.judge(target, address)
        return list(found)

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to an address that was judged a moment ago. The name stays for TLS (SNI, certificate) and for `Host`."""

    def __init__(self, target: Target, addresses: Callable[[Target], Awaitable[list[str]]]) -> None:
        self._target = target
        self._addresses = addresses
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception | None = None
        for address in await self._addresses(self._target):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as fault:
                last = fault
        raise last or httpcore.ConnectError(host)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Return the addresses the machine's resolver gives, in its order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _lines(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The headers as they are sent. Raises Forbidden for what would not be one header."""
    # No compression: a small answer may unfold to gigabytes.
    sent = {"user-agent": "baton", "accept-encoding": "identity"} | {name.lower(): v for name, v in headers.items()}
    for name, value in sent.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Forbidden(f"{name[:100]!r} cannot be sent as a header with this value")
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.items()]


def _reason(fault: Exception) -> str:
    """Words for a log and for people; httpcore's own are often empty."""
    if isinstance(fault, httpcore.ConnectTimeout):
        return "no connection in time"
    if isinstance(fault, httpcore.TimeoutException):
        return "no answer in time"
    if isinstance(fault, httpcore.ConnectError):
        return f"no connection: {str(fault)[:200]}" if str(fault) else "no connection"
    return f"the connection broke: {type(fault).__name__}"


__all__ = ["Answer", "Forbidden", "Outbound", "Unreachable", "read_retry_after", "resolve_by_system"]
