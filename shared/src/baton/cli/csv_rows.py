"""Rows of a CSV file with the byte offset after each, so that reading can go on where it stopped. Constant memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from baton.cli.faults import Exit, Fault
from baton.cli.import_rows import Lines, Row, open_rows

DELIMITERS = ",;\t|"
LONGEST_FIELD = 1 << 20


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
        with open_rows(path) as file:
            mark = delimiter or _most_used(Lines(path, file, 0, 1).read())
            lines = _Texts(Lines(path, file, 0, 1))
            try:
                header = next(csv.reader(lines, delimiter=mark, strict=True), [])
            except csv.Error as fault:
                raise Fault(f"{path}: {fault}", code=Exit.USAGE) from fault
        if lines.fault:
            raise Fault(f"{path}: line 1: {lines.fault}", "Save the file as UTF-8.", Exit.USAGE)
        columns = tuple(name.strip() for name in header)
        _refuse_bad_header(path, columns)
        return cls(path, columns, mark, lines.offset, lines.line)

    def rows(self, offset: int | None = None, line: int | None = None) -> Iterator[Row]:
        """Every record from `offset` on; blank lines are skipped, bad records come with their fault."""
        csv.field_size_limit(LONGEST_FIELD)
        at, number = self.start if offset is None else offset, self.first_line if line is None else line
        with open_rows(self.path) as file:
            lines = _Texts(Lines(self.path, file, at, number))
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            while True:
                begun = lines.line
                lines.fault = None
                try:
                    record = next(reader)
                except StopIteration:
                    return
                except csv.Error as fault:
                    yield Row(begun, lines.offset, lines.line, fault=lines.fault or str(fault))
                    reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
                    continue
                if record:
                    yield self._row(begun, lines, record)

    def _row(self, begun: int, lines: _Texts, record: list[str]) -> Row:
        if lines.fault:
            return Row(begun, lines.offset, lines.line, fault=lines.fault)
        if len(record) != len(self.columns):
            fault = f"{len(record)} fields where the header has {len(self.columns)}"
            return Row(begun, lines.offset, lines.line, fault=fault)
        return Row(begun, lines.offset, lines.line, dict(zip(self.columns, record, strict=True)))


class _Texts:
    """Decodes line by line; what is wrong with a line is kept as `fault` until somebody clears it, and not fatal."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.fault: str | None = None

    @property
    def offset(self) -> int:
        return self._lines.offset

    @property
    def line(self) -> int:
        return self._lines.line

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        raw = self._lines.read()
        if self._lines.fault:
            self.fault = self._lines.fault
            return "?"  # a field without quotes: the next line is a record of its own
        if not raw:
            raise StopIteration
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.fault = "not UTF-8"
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
