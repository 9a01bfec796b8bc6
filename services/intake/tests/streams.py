"""A sender that streams over a real connection: it sends when it likes, reads when it likes, and may hang up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn

from baton.runtime.http.wire import BoundedHttp

PATIENCE = 60.0


def lead(number: int, **more: Any) -> bytes:
    return orjson.dumps({"source": "web", "external_id": str(number), **more})


class Sender:
    """One connection with one request, its body in chunks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unread = b""

    async def send(self, *lines: bytes) -> None:
        body = b"".join(line + b"\n" for line in lines)
        await self.send_raw(b"%x\r\n%s\r\n" % (len(body), body))

    async def send_raw(self, text: bytes) -> None:
        self._writer.write(text)
        await self._writer.drain()

    async def end(self) -> None:
        await self.send_raw(b"0\r\n\r\n")

    async def status(self) -> int:
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def told(self) -> dict[str, Any]:
        """What became of the next line, out of the chunks of the answer."""
        async with asyncio.timeout(PATIENCE):
            while b"\n" not in self._unread:
                size = int(await self._reader.readline(), 16)
                assert size, "there is no more"
                self._unread += (await self._reader.readexactly(size + 2))[:size]
        line, _, self._unread = self._unread.partition(b"\n")
        found: dict[str, Any] = orjson.loads(line)
        return found

    def read_nothing(self) -> None:
        """Leave what is answered where it is."""
        self._reader._transport.pause_reading()  # type: ignore[attr-defined]

    def read_on(self) -> None:
        self._reader._transport.resume_reading()  # type: ignore[attr-defined]

    def hang_up(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """The application on a port of its own."""
    config = uvicorn.Config(app, port=0, http=BoundedHttp, log_config=None, lifespan="off", access_log=False, ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def sending(port: int, **headers: str) -> AsyncIterator[Sender]:
    """A stream of leads to that port that has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = {
        "Host": "localhost",
        "Authorization": "Bearer token-of-map",
        "Content-Type": "application/x-ndjson",
        "Transfer-Encoding": "chunked",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    writer.write(f"POST /intake/v1/leads HTTP/1.1\r\n{head}\r\n".encode())
    try:
        yield Sender(reader, writer)
    finally:
        writer.transport.abort()
