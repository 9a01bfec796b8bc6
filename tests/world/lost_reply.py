"""A wire to PostgreSQL that can lose the answer to a COMMIT: what was asked for is done, and nobody is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.engine import make_url


class Wire:
    """A TCP proxy. The next transaction that speaks of `lose` is committed, and the answer swallowed with its wire."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self.lose: bytes | None = None
        self.lost = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end hangs up or an answer is lost."""
        back, forth = await asyncio.open_connection(*self._there)
        is_lost = asyncio.Event()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._ask(reader, forth, is_lost))
                group.create_task(self._answer(back, writer, is_lost)).add_done_callback(lambda _: asking.cancel())
        for end in (forth, writer):
            end.close()

    async def _ask(self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, is_lost: asyncio.Event) -> None:
        is_it = False
        while said := await reader.read(65536):
            is_it = is_it or (self.lose is not None and self.lose in said)
            if is_it and b"COMMIT" in said:
                self.lose = None
                self.lost += 1
                is_lost.set()
            forth.write(said)
            await forth.drain()
        forth.close()

    async def _answer(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, is_lost: asyncio.Event) -> None:
        while (said := await back.read(65536)) and not is_lost.is_set():
            writer.write(said)
            await writer.drain()


@contextlib.asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """Lay a wire to the server of a SQLAlchemy URL; yields it with the URL that leads through it."""
    there = make_url(url)
    wire = Wire(there.host or "127.0.0.1", there.port or 5432)
    async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        here = there.set(host="127.0.0.1", port=port)
        yield wire, here.render_as_string(hide_password=False)
