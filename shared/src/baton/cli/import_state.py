"""How far an import has come, kept beside the CSV (or in BATON_HOME), so that it can go on after anything."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from baton.cli.faults import Exit, Fault
from baton.cli.home import home

HEAD = 1 << 16


@dataclass
class Progress:
    """What has been posted and answered. Written after every answered batch."""

    file: str
    fingerprint: str
    """Of the CSV and of the mapping: with either changed, the progress is not this import's."""
    url: str
    offset: int
    line: int
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    finished: bool = False


@dataclass(frozen=True)
class Place:
    """The two files of an import: its progress, and a report with a line for every row that was not simply accepted."""

    state: Path
    report: Path

    @classmethod
    def beside(cls, csv_file: Path) -> Place:
        """Beside the CSV where that may be written, else under BATON_HOME."""
        if os.access(csv_file.resolve().parent, os.W_OK):
            return cls._named(csv_file.parent, csv_file.name)
        where = home() / "imports"
        where.mkdir(parents=True, exist_ok=True)
        unique = hashlib.sha256(str(csv_file.resolve()).encode()).hexdigest()[:8]
        return cls._named(where, f"{csv_file.name}-{unique}")

    @classmethod
    def _named(cls, where: Path, name: str) -> Place:
        return cls(where / f"{name}.import.json", where / f"{name}.import-report.csv")

    def load(self) -> Progress | None:
        """The progress of an earlier run, if there is one. Raises Fault when the file is not ours."""
        try:
            kept = orjson.loads(self.state.read_bytes())
            return Progress(**{**kept, "counts": Counter(kept["counts"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as fault:
            raise Fault(
                f"{self.state} is not the state of an import", "Remove it, or use --restart.", Exit.USAGE
            ) from fault

    def save(self, progress: Progress) -> None:
        """Whole or not at all, also when the power goes."""
        fresh = self.state.with_suffix(".json.new")
        with fresh.open("wb") as file:
            # Not asdict(): it would rebuild the Counter from its items, and so count the items.
            file.write(orjson.dumps({**vars(progress), "counts": dict(progress.counts)}, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.state)

    def restart(self) -> None:
        """Forget the earlier run."""
        self.state.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)

    def note(self, remarks: Iterable[tuple[int, str, str]]) -> None:
        """Add (line, what became of it, why or which lead) to the report."""
        lines = list(remarks)
        if not lines:
            return
        new = not self.report.exists()
        with self.report.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(("line", "status", "detail"))
            writer.writerows(lines)


def fingerprint(csv_file: Path, mapping: Path) -> str:
    """Tells this file and this mapping from others. A changed file is read from its beginning, which is always safe."""
    with csv_file.open("rb") as file:
        digest = hashlib.sha256(file.read(HEAD))
    digest.update(str(csv_file.stat().st_size).encode())
    digest.update(mapping.read_bytes())
    return digest.hexdigest()[:32]
