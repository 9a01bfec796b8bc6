"""A request's body as it comes in, piece by piece, unpacked where it is compressed; for bodies of any length."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from typing import Any, Final

from fastapi import Request

from baton.runtime.http import ClientDisconnect, Problem

PIECE: Final = 65_536
"""As much of a compressed body is unpacked at once, however much stands behind it."""

END: Final = b""
_GZIP: Final = zlib.MAX_WBITS | 16


class Incoming:
    """Reads a body without an end in sight. To be closed."""

    def __init__(self, request: Request, *, is_gzip: bool) -> None:
        self._receive = request.receive
        self._receiving: asyncio.Future[Any] | None = None
        self._gzip = Gunzip() if is_gzip else None
        self._ready: Iterator[bytes] = iter(())
        self._is_last = False

    async def piece(self, seconds: float) -> bytes | None:
        """The next piece; `END` after the last one, None if nothing came in so many seconds.

        Raises ClientDisconnect where the sender hung up, Problem (400) for what says that it is gzip and is not.
        """
        while (piece := next(self._ready, None)) is None:
            if self._is_last:
                return END
            message = await self._message(seconds)
            if message is None:
                return None
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._is_last = not message.get("more_body", False)
            self._ready = self._opened(message.get("body", b""))
        return piece

    async def _message(self, seconds: float) -> Any:
        """None if none came in time: it is waited for on, because what is cancelled may be lost."""
        if self._receiving is None:
            self._receiving = asyncio.ensure_future(self._receive())
        done, _ = await asyncio.wait([self._receiving], timeout=seconds)
        if not done:
            return None
        message, self._receiving = self._receiving.result(), None
        return message

    def _opened(self, came: bytes) -> Iterator[bytes]:
        if self._gzip is not None:
            return self._gzip.unpack(came, is_last=self._is_last)
        return iter([came] if came else ())

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None


class Gunzip:
    """Unpacks gzip, of one member or many, a little at a time: a small body may become a very large one."""

    def __init__(self) -> None:
        self._member: Any = None

    def unpack(self, packed: bytes, *, is_last: bool) -> Iterator[bytes]:
        """What `packed` adds, in pieces. Raises Problem where it is damaged, or ends in the middle."""
        piece = END
        while packed or len(piece) == PIECE:
            self._member = self._member or zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(packed, PIECE)
            except zlib.error:
                raise Problem(400, "Damaged body", "It is not the gzip that its Content-Encoding says.") from None
            packed = self._member.unconsumed_tail
            if piece:
                yield piece
            if self._member.eof:
                packed, self._member, piece = self._member.unused_data, None, END
        if is_last and self._member is not None:
            raise Problem(400, "Damaged body", "The gzip ends before its end.")
