"""A server of somebody else's: it answers as a test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Says:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = Callable[[Asked], Says | Awaitable[Says]]


class Outside:
    """An HTTP server on loopback. `async with Outside(answers) as crm: crm.url, crm.asked`."""

    def __init__(self, answers: Answers | None = None, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"):
        self.answers: Answers = answers or (lambda _: Says())
        self.asked: list[Asked] = []
        self.connections = 0
        self.port = 0
        """Where it listens; also where it listened, when it has gone."""
        self._tls = tls
        self._host = host
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Its URL, without a path."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        pairs = [line.split(":", 1) for line in head[1:] if line]
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        asked = Asked(method, path, headers, body)
        self.asked.append(asked)
        said = self.answers(asked)
        says = said if isinstance(said, Says) else await said
        lines = [f"HTTP/1.1 {says.status} x"] + [f"{name}: {value}" for name, value in says.headers.items()]
        if says.status not in (204, 304) and "content-length" not in {name.lower() for name in says.headers}:
            lines.append(f"content-length: {len(says.body)}")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + says.body)
        await writer.drain()
        return True
