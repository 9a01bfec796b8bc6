"""The answer to NDJSON: what became of each line, as a JSON array at the end or as NDJSON while it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, closing, suppress
from typing import Any, Final

from fastapi import Request, Response

from baton.intake.incoming import Incoming
from baton.intake.requests import RETRY_SECONDS, SEND_AGAIN, coding_of, told_when_to_come_again, wants_lines
from baton.intake.spool import Spool
from baton.intake.streaming import Stream, Told
from baton.runtime.failures import NotNow
from baton.runtime.http import ClientDisconnect, Problem, Receive, Scope, Send
from baton.runtime.http.routes import NDJSON

JSON: Final = "application/json"
STOPPED: Final = "What was told of so far is taken in, and more may be. Post the rest, or everything again."

_RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "lead_id", "event_id"],
    "properties": {
        "line": {
            "type": ["integer", "null"],
            "description": "Of NDJSON without an Idempotency-Key: its number, from 1.",
        },
        "status": {"enum": ["accepted", "duplicate", "quarantined", "refused", "stopped"]},
        "lead_id": {"type": ["string", "null"]},
        "event_id": {"type": ["string", "null"]},
        "quarantine_id": {"type": ["string", "null"]},
        "cause": {"type": ["string", "null"]},
        "detail": {"type": ["string", "null"]},
    },
}
RECEIPTS: Final[dict[str, Any]] = {
    "description": "A receipt for each element, in the order sent; one a line where NDJSON was asked for.",
    "content": {JSON: {"schema": {"type": "array", "items": _RECEIPT}}, NDJSON: {"schema": {"type": "string"}}},
}


class StreamAnswer(Response):
    """Takes in the stream while it answers. 202; whatever goes wrong before the answer begins has its own status."""

    def __init__(self, stream: Stream, request: Request) -> None:
        self._as_lines = wants_lines(request)
        super().__init__(status_code=202, media_type=NDJSON if self._as_lines else JSON)
        self._stream = stream
        self._request = request
        self._more = asyncio.Event()
        self._is_whole = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises Problem and ClientDisconnect before it has begun to."""
        is_gzip = coding_of(self._request) == "gzip"
        with (
            closing(Incoming(self._request, is_gzip=is_gzip)) as incoming,
            Spool(is_array=not self._as_lines) as spool,
            told_when_to_come_again(RETRY_SECONDS),
        ):
            async with aclosing(self._stream.taken(incoming)) as taken:
                await (self._while_it_comes if self._as_lines else self._at_the_end)(taken, spool, send)

    async def _at_the_end(self, taken: AsyncIterator[Told], spool: Spool, send: Send) -> None:
        async for told in taken:
            spool.add(told)
        spool.end()
        await self._begin(send, spool.size)
        await self._say(send, spool)
        await send({"type": "http.response.body"})

    async def _while_it_comes(self, taken: AsyncIterator[Told], spool: Spool, send: Send) -> None:
        telling: asyncio.Task[None] | None = None
        try:
            try:
                async for told in taken:
                    spool.add(told)
                    telling = telling or asyncio.create_task(self._tell(send, spool))
                    self._more.set()
            except (NotNow, Problem) as problem:
                if telling is None:
                    raise
                spool.add([_stopped(problem)])
            except ClientDisconnect:
                if telling is None:
                    raise
                return
            self._is_whole = True
            self._more.set()
            await (telling or self._tell(send, spool))
        finally:
            if telling is not None:
                telling.cancel()
                with suppress(asyncio.CancelledError):
                    await telling

    async def _tell(self, send: Send, spool: Spool) -> None:
        """Send what there is as fast as it is read, until there is no more. Who reads nothing holds nobody up."""
        await self._begin(send)
        while not self._is_whole or spool.has_more:
            await self._say(send, spool)
            if not self._is_whole:
                await self._more.wait()
                self._more.clear()
        await send({"type": "http.response.body"})

    async def _begin(self, send: Send, size: int | None = None) -> None:
        length = [] if size is None else [(b"content-length", str(size).encode())]
        kept = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": self.status_code, "headers": kept + length})

    @staticmethod
    async def _say(send: Send, spool: Spool) -> None:
        for piece in spool.unread():
            await send({"type": "http.response.body", "body": piece, "more_body": True})


_NOBODY: Final = {"line": None, "lead_id": None, "event_id": None}


def _stopped(problem: NotNow | Problem) -> dict[str, Any]:
    """The last line where not all were read: the status has been said already."""
    status, why = (
        (problem.status, problem.detail or problem.title) if isinstance(problem, Problem) else (503, SEND_AGAIN)
    )
    return {**_NOBODY, "status": "stopped", "cause": str(status), "detail": f"{why} {STOPPED}"}
