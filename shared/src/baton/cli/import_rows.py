"""Lines of a file to import, compressed or not, read one by one from any offset on. Memory does not grow with the file,
nor with a line."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol, cast

from baton.cli.faults import Exit, Fault

LONGEST_LINE: Final = 10_485_760
"""As BATON_MAX_BODY_BYTES where nobody has changed it: intake takes no longer one."""

SKIPPED: Final = 1 << 16
"""So much of a line that is too long is read at once, to come to its end."""

_OPENERS: Final[dict[str, Callable[[Path], object]]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_DAMAGED: Final = (OSError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `line` is where it begins (the first is 1), `end` and `next_line` where the next one does."""

    line: int
    end: int
    """In bytes of the file as it is when it is not compressed."""
    next_line: int
    values: dict[str, str] = field(default_factory=dict)
    """Of a CSV: by column."""
    raw: bytes = b""
    """Of NDJSON: the line."""
    fault: str | None = None
    """Why the record cannot be used."""


class RowFile(Protocol):
    """A file of records that can be read from any of them on."""

    @property
    def start(self) -> int:
        """Byte offset of the first record."""

    @property
    def first_line(self) -> int:
        """The line the first record begins in."""

    def rows(self, offset: int | None = None, line: int | None = None) -> Iterator[Row]:
        """Every record from `offset` on; blank lines are skipped, bad records come with their fault."""


def is_compressed(path: Path) -> bool:
    """Whether the name says that the file is compressed: .gz, .xz or .bz2."""
    return path.suffix.lower() in _OPENERS


def open_rows(path: Path) -> BinaryIO:
    """The file's bytes, decompressed where its name says so. Raises Fault where it cannot be opened."""
    try:
        opener = _OPENERS.get(path.suffix.lower())
        return path.open("rb") if opener is None else cast(BinaryIO, opener(path))
    except OSError as fault:
        raise _unreadable(path, fault) from fault


class Lines:
    """The lines of an open file, and how far they have come.

    `fault` says what is wrong with the line read last; of one that is too long only the beginning is given.
    """

    def __init__(self, path: Path, file: BinaryIO, offset: int, line: int) -> None:
        """Raises Fault where the file does not reach to `offset` or is damaged before it."""
        self._path = path
        self._file = file
        self.offset = offset
        self.line = line
        self.fault: str | None = None
        try:
            file.seek(offset)  # in a compressed file this reads, in small pieces, all that stands before
        except _DAMAGED as fault:
            raise _unreadable(path, fault) from fault

    def read(self) -> bytes:
        """The next line with its end, nothing after the last. Raises Fault where a compressed file is damaged."""
        self.fault = None
        try:
            raw = self._file.readline(LONGEST_LINE + 1)
            length = len(raw)
            if length > LONGEST_LINE and not raw.endswith(b"\n"):
                length += self._skip()
                raw = raw[:SKIPPED]
                self.fault = f"the line has {length:,} bytes, {LONGEST_LINE:,} are the most"
        except _DAMAGED as fault:
            raise _unreadable(self._path, fault) from fault
        if self.offset == 0:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        self.offset += length
        self.line += bool(length)
        return raw

    def _skip(self) -> int:
        skipped = 0
        while piece := self._file.readline(SKIPPED):
            skipped += len(piece)
            if piece.endswith(b"\n"):
                break
        return skipped


def _unreadable(path: Path, fault: Exception) -> Fault:
    return Fault(f"{path}: {getattr(fault, 'strerror', None) or fault}", code=Exit.USAGE)
