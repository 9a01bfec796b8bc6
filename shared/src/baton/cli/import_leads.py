"""`baton import`: a CSV becomes leads, batch by batch, and can be stopped and started again at any moment.

A batch counts as done once Baton has answered for it and that is on disk here; whatever was answered and not yet noted
is sent again, and comes back as duplicate because its dedupe keys are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from baton.cli.client import Client
from baton.cli.csv_rows import CsvFile, Row
from baton.cli.faults import Exit, Fault
from baton.cli.import_state import Place, Progress, fingerprint
from baton.playbook import PlaybookErrors, load_source
from baton.playbook.mapping import Mapper, Taken

PATH = "/intake/v1/leads"
NDJSON = "application/x-ndjson"
LeadsOf = Callable[[dict[str, str]], Sequence[dict[str, Any]]]
"""What a row becomes: leads in the shape of the native API. Raises ValueError for a row that becomes none."""


@dataclass
class Batch:
    """Rows that are posted together."""

    leads: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """The line each lead came from."""
    unusable: list[tuple[int, str, str]] = field(default_factory=list)
    rows: int = 0
    end: int = 0
    """Where the next row begins."""
    next_line: int = 0


def batches(rows: Iterator[Row], leads_of: LeadsOf, size: int) -> Iterator[Batch]:
    """Rows in batches of `size`. A row that cannot be used goes to the report and harms no other."""
    while taken := list(islice(rows, size)):
        batch = Batch(rows=len(taken), end=taken[-1].end, next_line=taken[-1].next_line)
        for row in taken:
            _add(batch, row, leads_of)
        yield batch


def _add(batch: Batch, row: Row, leads_of: LeadsOf) -> None:
    try:
        if row.fault:
            raise ValueError(row.fault)
        for lead in leads_of(row.values):
            batch.leads.append(orjson.dumps(lead))
            batch.lines.append(row.line)
    except ValueError as fault:
        batch.unusable.append((row.line, "unusable", str(fault)))


@dataclass(frozen=True)
class Import:
    """One import of one file, ready to run."""

    client: Client
    csv: CsvFile
    leads_of: LeadsOf
    place: Place
    progress: Progress
    resumed: bool

    def run(self, size: int, patience: float, told: Callable[[str], None]) -> Iterator[Progress]:
        """Post everything that is left; yields after every batch. Raises Fault; what was answered so far is kept."""
        rows = self.csv.rows(self.progress.offset, self.progress.line)
        for batch in batches(rows, self.leads_of, size):
            receipts = self._post(batch, patience, told)
            self.place.note([*batch.unusable, *_remarks(batch, receipts)])
            self._count(batch, receipts)
            self.place.save(self.progress)
            yield self.progress
        self.progress.finished = True
        self.place.save(self.progress)

    def _post(self, batch: Batch, patience: float, told: Callable[[str], None]) -> list[dict[str, Any]]:
        if not batch.leads:
            return []
        receipts = self.client.post_patiently(PATH, b"\n".join(batch.leads) + b"\n", NDJSON, patience, told)
        if not isinstance(receipts, list) or len(receipts) != len(batch.leads):
            raise Fault(
                f"{len(batch.leads)} leads were posted, {len(receipts or ())} receipts came back",
                "Does BATON_URL point at a Baton of this version? Nothing is lost: start the import again.",
                Exit.REFUSED,
            )
        return receipts

    def _count(self, batch: Batch, receipts: list[dict[str, Any]]) -> None:
        progress = self.progress
        progress.offset, progress.line = batch.end, batch.next_line
        progress.rows += batch.rows
        progress.counts.update(receipt["status"] for receipt in receipts)
        if batch.unusable:
            progress.counts["unusable"] += len(batch.unusable)


def reader_of(mapping: Path) -> LeadsOf:
    """What a mapping makes of a row. Raises Fault with file:line:column where the mapping is wrong."""
    try:
        source = load_source(mapping)
    except PlaybookErrors as faults:
        listed = "\n".join(map(str, faults.problems))
        raise Fault(f"{mapping.parent}/{listed}", "A mapping is one source of sources.yaml.", Exit.USAGE) from faults
    if source.kind != "csv" or any(one.gives != "lead" for one in source.mapping):
        raise Fault(f"{mapping}: import needs a source of `kind: csv` whose mappings give leads", code=Exit.USAGE)
    mapper = Mapper(source)
    return lambda row: [_posted(taken) for taken in mapper.take(row)]


def _posted(taken: Taken) -> dict[str, Any]:
    if taken.post is None:
        raise ValueError(taken.fault)
    return taken.post if taken.key is None else {"event_id": taken.key, **taken.post}


def prepare(client: Client, csv_file: Path, mapping: Path, restart: bool, delimiter: str | None) -> Import:
    """An import that goes on where an unfinished one of the same file, mapping and Baton stopped.

    Raises Fault for a file or mapping that cannot be used; nothing has been posted then.
    """
    csv, place = CsvFile.open(csv_file, delimiter), Place.beside(csv_file)
    leads_of = reader_of(mapping)
    print_ = fingerprint(csv_file, mapping)
    earlier = None if restart else place.load()
    if earlier and not earlier.finished and (earlier.fingerprint, earlier.url) == (print_, client.url):
        return Import(client, csv, leads_of, place, earlier, resumed=True)
    place.restart()
    fresh = Progress(str(csv_file), print_, client.url, csv.start, csv.first_line)
    return Import(client, csv, leads_of, place, fresh, resumed=False)


def _remarks(batch: Batch, receipts: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [
        (line, receipt["status"], str(receipt.get("reason") or receipt.get("lead_id") or receipt.get("event_id") or ""))
        for line, receipt in zip(batch.lines, receipts, strict=True)
        if receipt["status"] != "accepted"
    ]
