"""A load generator that costs little: HTTP/1.1 over kept connections, one request at a time on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Load:
    """What was sent and answered."""

    seconds: float = 0.0
    answered: int = 0
    refused: int = 0


class Line(asyncio.Protocol):
    """One connection: `ask` sends a request and waits for its answer."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[bool, bytes]] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = b""
        self._answer.set_result((head[9:12] in (b"200", b"202"), rest))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server hung up before it answered"))

    async def ask(self, request: bytes) -> tuple[bool, bytes]:
        """Return whether it was accepted (200, 202), and the answer's body. Raises ConnectionError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def request_of(path: str, body: bytes, token: str = "") -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}"] + ([f"Authorization: Bearer {token}"] if token else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def lines_to(port: int, number: int) -> AsyncIterator[list[Line]]:
    """Yield so many open connections."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Line, "127.0.0.1", port))[1] for _ in range(number)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()


async def send(port: int, requests: Iterator[bytes], connections: int) -> Load:
    """Send the requests on so many connections, each as soon as one is free; wait for every answer."""
    load = Load()

    async def work(line: Line) -> None:
        for request in requests:
            is_accepted, _ = await line.ask(request)
            load.answered += is_accepted
            load.refused += not is_accepted

    async with lines_to(port, connections) as lines:
        started = time.monotonic()
        await asyncio.gather(*map(work, lines))
        load.seconds = time.monotonic() - started
    return load
