"""HTTP on the wire: what uvicorn leaves open, a client that never ends its headers, and headers without an end.

Bodies have their own bounds (`bodies.read_body`); a proxy in front bounds how many connections there are.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
"""A request line and headers fit one packet; whoever needs longer holds a connection and nothing else."""
HEAD_BYTES = 32 * 1024
"""Request line and headers together. A browser's cookies and a form sent by GET fit four times over."""
LEFTOVER_SECONDS = 5.0
"""How long the rest of a body is waited for once it was answered: closing at once may take the answer away."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol; 408 and 431 for heads that are too slow or too large, then the connection ends."""

    head_seconds = HEAD_SECONDS
    head_bytes = HEAD_BYTES
    leftover_seconds = LEFTOVER_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._alarm: asyncio.TimerHandle | None = None
        self._size = 0
        self._told = 0
        self._in_head = True
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._alarm is None and not self._in_head and not self._in_body:
            self._await_head()  # also where it is only empty lines, of which the parser says nothing
        was_in_head = self._in_head
        super().data_received(data)
        # A header whose end never comes is kept by the parser: it is counted here.
        if was_in_head and self._in_head and not self.transport.is_closing():
            self._size += len(data)
            if self._size > self.head_bytes:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._told += len(name) + len(value)
        if self._told + len(self.url) > self.head_bytes:
            raise ValueError("the head is too large")

    def on_headers_complete(self) -> None:
        self._rest()
        self._in_head = False
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete and not self.transport.is_closing():
            self._rest()
            self._alarm = self.loop.call_later(self.leftover_seconds, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Say why the parser stopped: our own bound, or no HTTP."""
        if self._told + len(self.url or b"") > self.head_bytes:
            self._refuse(b"431 Request Header Fields Too Large")
        else:
            self._refuse(b"400 Bad Request")

    def _await_head(self) -> None:
        self._in_head, self._in_body, self._size, self._told = True, False, 0, 0
        self._rest()
        self._alarm = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _rest(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _head_is_late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The one before is still being answered: that goes first.
            self._alarm = self.loop.call_later(self.head_seconds, self._head_is_late)
        elif not self.transport.is_closing():
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        code, _, title = status.partition(b" ")
        body = b'{"type":"about:blank","status":%s,"title":"%s"}' % (code, title)
        head = b"HTTP/1.1 %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n" % (status, len(body))
        self.transport.write(head + b"connection: close\r\n\r\n" + body)
        self.transport.close()
