"""Lines out of bytes that come in pieces, however they are cut."""

from __future__ import annotations

from dataclasses import dataclass

from baton.playbook.bodies import BOM


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. The first has number 1."""

    number: int
    raw: bytes
    """Empty where the line is too long."""
    size: int

    @property
    def is_blank(self) -> bool:
        """Nothing stands in it: it is no element."""
        return self.size == len(self.raw) and not self.raw.strip()

    @property
    def is_too_long(self) -> bool:
        """It had more bytes than a line may have, and they were not kept."""
        return self.size > len(self.raw)


class Lines:
    """Takes pieces, gives lines. Holds nothing but the line that has not ended yet, and of that `longest` bytes."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._size = 0
        self.count = 0
        """Lines that have ended."""

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return len(self._begun)

    def add(self, piece: bytes) -> list[Line]:
        """The lines that end in this piece."""
        first, *others = piece.split(b"\n")
        self._go_on(first)
        ended = []
        for other in others:
            ended.append(self._end())
            self._go_on(other)
        return ended

    def close(self) -> list[Line]:
        """The last line, if it did not end with a line's end."""
        return [self._end()] if self._size else []

    def _go_on(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._longest:
            self._begun += piece
        else:
            self._begun.clear()

    def _end(self) -> Line:
        self.count += 1
        raw, size = bytes(self._begun), self._size
        self._begun.clear()
        self._size = 0
        if self.count == 1 and raw.startswith(BOM):
            raw, size = raw[len(BOM) :], size - len(BOM)
        return Line(self.count, raw, size)
