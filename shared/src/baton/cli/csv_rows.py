"""Rows of a CSV file with the byte offset after each, so that reading can go on where it stopped. Constant memory."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from baton.cli.faults import Exit, Fault

DELIMITERS = ",;\t|"
LONGEST_FIELD = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `line` is where it begins (the header is line 1), `end` and `next_line` where the next one does."""

    line: int
    end: int
    next_line: int
    values: dict[str, str] = field(default_factory=dict)
    fault: str | None = None
    """Why the record cannot be used."""


@dataclass(frozen=True)
class CsvFile:
    """A CSV file with its header, as UTF-8 (a byte order mark is fine)."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    start: int
    """Byte offset of the first record."""
    first_line: int

    @classmethod
    def open(cls, path: Path, delimiter: str | None = None) -> CsvFile:
        """Read the header. Raises Fault when there is none, or a column has no name or the same as another."""
        try:
            with path.open("rb") as file:
                lines = _Lines(file, 0, 1)
                first = file.readline(LONGEST_FIELD)
                file.seek(0)
                mark = delimiter or _most_used(first)
                header = next(csv.reader(lines, delimiter=mark, strict=True), [])
        except (OSError, csv.Error) as fault:
            raise Fault(f"{path}: {getattr(fault, 'strerror', None) or fault}", code=Exit.USAGE) from fault
        if lines.broken:
            raise Fault(f"{path}: line 1 is not UTF-8", "Save the file as UTF-8.", Exit.USAGE)
        columns = tuple(name.strip() for name in header)
        _refuse_bad_header(path, columns)
        return cls(path, columns, mark, lines.offset, lines.line)

    def rows(self, offset: int | None = None, line: int | None = None) -> Iterator[Row]:
        """Every record from `offset` on; blank lines are skipped, bad records come with their fault."""
        csv.field_size_limit(LONGEST_FIELD)
        with self.path.open("rb") as file:
            at = self.start if offset is None else offset
            file.seek(at)
            lines = _Lines(file, at, self.first_line if line is None else line)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            while True:
                begun = lines.line
                lines.broken = False
                try:
                    record = next(reader)
                except StopIteration:
                    return
                except csv.Error as fault:
                    yield Row(begun, lines.offset, lines.line, fault=str(fault))
                    reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
                    continue
                if record:
                    yield self._row(begun, lines, record)

    def _row(self, begun: int, lines: _Lines, record: list[str]) -> Row:
        if lines.broken:
            return Row(begun, lines.offset, lines.line, fault="not UTF-8")
        if len(record) != len(self.columns):
            fault = f"{len(record)} fields where the header has {len(self.columns)}"
            return Row(begun, lines.offset, lines.line, fault=fault)
        return Row(begun, lines.offset, lines.line, dict(zip(self.columns, record, strict=True)))


class _Lines:
    """Decodes line by line and knows how far it has come; a line that is not UTF-8 is marked, not fatal."""

    def __init__(self, file: BinaryIO, offset: int, line: int) -> None:
        self._file = file
        self.offset = offset
        self.line = line
        self.broken = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self._file.readline()
        if not raw:
            raise StopIteration
        if self.offset == 0:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        self.offset = self._file.tell()
        self.line += 1
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.broken = True
            return raw.decode(errors="replace")


def _most_used(header: bytes) -> str:
    text = header.decode(errors="replace")
    return max(DELIMITERS, key=text.count)


def _refuse_bad_header(path: Path, columns: tuple[str, ...]) -> None:
    if not columns:
        raise Fault(f"{path}: no header line", code=Exit.USAGE)
    for number, name in enumerate(columns, 1):
        if not name:
            raise Fault(f"{path}:1: column {number} has no name", code=Exit.USAGE)
        if columns.index(name) != number - 1:
            raise Fault(f"{path}:1: two columns are called {name!r}", code=Exit.USAGE)
