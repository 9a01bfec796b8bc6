"""What became of each line of an import, written so that after any stop no line is missing and none is there twice."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from baton.cli.faults import Exit, Fault

FIELDS: Final = ("status", "lead_id", "event_id", "quarantine_id", "cause", "detail")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one lead of a line."""

    line: int
    receipt: dict[str, Any]
    """As intake answered; `refused` for what was never taken."""

    @property
    def status(self) -> str:
        return str(self.receipt["status"])

    @property
    def remark(self) -> str:
        """Why, or which lead."""
        told = [self.receipt.get(name) for name in ("cause", "detail")]
        return ": ".join(map(str, filter(None, told))) or str(self.receipt.get("lead_id") or "")


def refusal(cause: str, detail: str) -> dict[str, Any]:
    """The receipt of what intake never took."""
    return {"status": "refused", "cause": cause, "detail": detail}


class Report(Protocol):
    """One of the reports of an import."""

    path: Path

    def written(self, outcomes: Sequence[Outcome]) -> bytes:
        """What the outcomes add to it."""


class EveryLine:
    """NDJSON with an object for every lead of every line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def written(self, outcomes: Sequence[Outcome]) -> bytes:
        """All of them, in the order of the file."""
        return b"".join(
            orjson.dumps({"line": one.line} | {name: one.receipt.get(name) for name in FIELDS}) + b"\n"
            for one in outcomes
        )


class Remarks:
    """A CSV of what was not simply accepted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def written(self, outcomes: Sequence[Outcome]) -> bytes:
        """Those worth a remark."""
        text = io.StringIO()
        csv.writer(text).writerows((one.line, one.status, one.remark) for one in outcomes if one.status != "accepted")
        return text.getvalue().encode()


@dataclass(frozen=True)
class Reports:
    """The reports of one import, on disk. Whoever notes the sizes that `add` returns can go on from them."""

    remarks: Remarks
    lines: EveryLine | None

    def begin(self) -> dict[str, int]:
        """Empty them. Raises Fault where one cannot be written."""
        sizes = {}
        for report in self._all():
            head = b"line,status,detail\r\n" if isinstance(report, Remarks) else b""
            with _opened(report.path, "wb") as file:
                sizes[str(report.path)] = file.write(head)
        return sizes

    def go_on(self, sizes: dict[str, int]) -> None:
        """Cut off what was written and not noted. Raises Fault where something noted is gone."""
        for report in self._all():
            size = sizes.get(str(report.path), 0)
            if not report.path.exists() or report.path.stat().st_size < size:
                raise Fault(
                    f"{report.path} is shorter than the import had left it",
                    "--restart begins anew; what was taken comes back as duplicate.",
                    Exit.USAGE,
                )
            os.truncate(report.path, size)

    def add(self, outcomes: Sequence[Outcome]) -> dict[str, int]:
        """Add what became of a batch; return how long each report is now. It is on disk then."""
        sizes = {}
        for report in self._all():
            with _opened(report.path, "ab") as file:
                if added := report.written(outcomes):
                    file.write(added)
                    file.flush()
                    os.fsync(file.fileno())
                sizes[str(report.path)] = file.tell()
        return sizes

    def _all(self) -> list[Report]:
        return [self.remarks] if self.lines is None else [self.remarks, self.lines]


def _opened(path: Path, mode: str) -> io.BufferedWriter:
    try:
        file = path.open(mode)
    except OSError as fault:
        raise Fault(f"{path}: {fault.strerror or fault}", code=Exit.USAGE) from fault
    assert isinstance(file, io.BufferedWriter)
    return file
