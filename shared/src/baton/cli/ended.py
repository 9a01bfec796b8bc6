"""Why a Baton ended by itself, kept in its home for whoever asks afterwards: a process that is gone answers nobody."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

LONGEST = 400


def forget_end(home: Path, who: str) -> None:
    """It is started anew: how it ended before is past."""
    with contextlib.suppress(OSError):
        _note(home, who).unlink(missing_ok=True)


def note_end(home: Path, who: str, why: str) -> None:
    """Keep why `who` (a service, or `up`) ended. Does nothing where nothing can be written."""
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "why": why[:LONGEST]}
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        _note(home, who).write_text(json.dumps(told))


def read_ends(home: Path) -> Iterator[tuple[str, str, str]]:
    """Who ended by itself and was not started since, when, and why."""
    for path in sorted(home.glob("ended-*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text())
            yield path.stem.removeprefix("ended-"), str(told["at"]), str(told["why"])


def _note(home: Path, who: str) -> Path:
    return home / f"ended-{who}.json"
