"""A load generator that costs little: HTTP/1.1 over kept connections, one request at a time on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Load:
    """What was sent and answered."""

    seconds: float = 0.0
    answered: int = 0
    refused: int = 0
    answers: list[tuple[float, bytes]] = field(default_factory=list)
    """When each request was sent, and what came back; kept only if asked for."""


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], load: Load, keep: bool) -> None:
        self._requests, self._load, self._keep = requests, load, keep
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = b""
        accepted = head[9:12] in (b"200", b"202")
        self._load.answered += accepted
        self._load.refused += not accepted
        if self._keep:
            self._load.answers.append((self._sent_at, rest))
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def request_of(path: str, body: bytes, token: str = "") -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}"] + ([f"Authorization: Bearer {token}"] if token else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def send(port: int, requests: Iterator[bytes], connections: int = 32, *, keep: bool = False) -> Load:
    """Send the requests on so many connections, each as soon as one is free; wait for every answer."""
    load, loop = Load(), asyncio.get_running_loop()
    started = time.monotonic()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, load, keep), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in opened))
    load.seconds = time.monotonic() - started
    return load
