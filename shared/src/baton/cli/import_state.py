"""How far an import has come, kept beside the file (or in BATON_HOME), so that it can go on after anything."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
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
    """Of the file and of the mapping: with either changed, the progress is not this import's."""
    url: str
    run: str
    """Another for every import that begins: batches of this one are told by it from those of an earlier one."""
    report: str | None
    """Where the report of every line is written, if it is."""
    offset: int
    line: int
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    sizes: dict[str, int] = field(default_factory=dict)
    """How long the reports were when this was written: what stands behind that is written again."""
    finished: bool = False


@dataclass(frozen=True)
class Place:
    """The two files of an import: its progress, and a report with a line for every row that was not simply accepted."""

    state: Path
    report: Path

    @classmethod
    def beside(cls, file: Path) -> Place:
        """Beside the file where that may be written, else under BATON_HOME."""
        if os.access(file.resolve().parent, os.W_OK):
            return cls._named(file.parent, file.name)
        where = home() / "imports"
        where.mkdir(parents=True, exist_ok=True)
        unique = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]
        return cls._named(where, f"{file.name}-{unique}")

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


def fingerprint(file: Path, mapping: Path | None) -> str:
    """Tells this file and this mapping from others. A changed file is read from its beginning, which is always safe."""
    with file.open("rb") as opened:
        digest = hashlib.sha256(opened.read(HEAD))
    digest.update(str(file.stat().st_size).encode())
    digest.update(b"" if mapping is None else mapping.read_bytes())
    return digest.hexdigest()[:32]
