"""Lines of an NDJSON file with the byte offset after each. Constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from baton.cli.import_rows import Lines, Row, open_rows
from baton.playbook.bodies import BodyFault, read_json


@dataclass(frozen=True)
class NdjsonFile:
    """A file with a lead on each line, in the shape of the native API, as UTF-8 (a byte order mark is fine)."""

    path: Path
    start: int = 0
    first_line: int = 1

    @classmethod
    def open(cls, path: Path) -> NdjsonFile:
        """Raises Fault where it cannot be read."""
        with open_rows(path) as file:
            Lines(path, file, 0, 1).read()
        return cls(path)

    def rows(self, offset: int | None = None, line: int | None = None) -> Iterator[Row]:
        """Every line that is not blank from `offset` on, word for word; one that is not JSON comes with its fault."""
        at, number = self.start if offset is None else offset, self.first_line if line is None else line
        with open_rows(self.path) as file:
            lines = Lines(self.path, file, at, number)
            while read := lines.read():
                raw = read.strip()
                if raw:
                    fault = lines.fault or _fault_of(raw)
                    yield Row(lines.line - 1, lines.offset, lines.line, raw=b"" if fault else raw, fault=fault)


def _fault_of(raw: bytes) -> str | None:
    try:
        read_json(raw)
    except BodyFault as fault:
        return str(fault)
    return None
