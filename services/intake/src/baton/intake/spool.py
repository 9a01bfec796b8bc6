"""What became of each line of a stream, kept until its sender reads it: in memory while little, on disk after that.

Most senders read nothing before they have sent everything. An answer that waited in memory would grow with the stream,
and one that waited to be read would keep both sides waiting for each other for ever.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, Final, Self

import orjson

IN_MEMORY: Final = 262_144
"""Receipts of some thousand lines: with fewer no file is made."""

READ: Final = 65_536


class Spool:
    """Receipts, as a JSON array with one a line, or as NDJSON. The file has no name and is gone with the process."""

    def __init__(self, *, is_array: bool) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (closed by __exit__)
        self._is_array = is_array
        self._separator = b"[" if is_array else b""
        self._read = 0
        self.size = 0

    def add(self, receipts: Iterable[dict[str, Any]]) -> None:
        """Put down what became of some lines."""
        between = b",\n" if self._is_array else b""
        for receipt in receipts:
            self._write(self._separator + orjson.dumps(receipt) + (b"" if self._is_array else b"\n"))
            self._separator = between

    def end(self) -> None:
        """There is no more."""
        if self._is_array:
            self._write(b"[]" if self._separator == b"[" else b"]")

    @property
    def has_more(self) -> bool:
        """Whether something was put down and not read yet."""
        return self._read < self.size

    def unread(self) -> Iterator[bytes]:
        """What was put down and not read yet, in pieces."""
        while self.has_more:
            self._file.seek(self._read)
            piece = self._file.read(READ)
            self._read += len(piece)
            yield piece

    def _write(self, text: bytes) -> None:
        self._file.seek(self.size)
        self.size += self._file.write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
