"""`baton import`: a file becomes leads, batch by batch, and can be stopped and started again at any moment.

A batch counts as done once Baton has answered for it and that is on disk here. Whatever was answered and not yet noted
is sent again under the same Idempotency-Key, and is answered as before; or, a day later or in other batches, as
duplicate because its dedupe keys are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from baton.cli.client import Client, TooLarge
from baton.cli.faults import Exit, Fault
from baton.cli.import_report import Outcome, Reports, refusal
from baton.cli.import_rows import Row, RowFile
from baton.cli.import_state import Place, Progress
from baton.playbook import PlaybookErrors, load_source
from baton.playbook.mapping import Mapper, Taken

PATH = "/intake/v1/leads"
NDJSON = "application/x-ndjson"
FULL: Final = 4_194_304
"""Bytes of leads after which a batch is posted, however few: a body is held in memory here and there."""

LeadsOf = Callable[[Row], Sequence[bytes]]
"""What a row becomes: leads in the shape of the native API, as JSON. Raises ValueError for a row that becomes none."""


@dataclass
class Batch:
    """Rows that are posted together."""

    leads: list[bytes] = field(default_factory=list)
    entries: list[tuple[int, dict[str, Any] | None]] = field(default_factory=list)
    """The line of each lead in its order; with a receipt already where it is not posted."""
    rows: int = 0
    size: int = 0
    end: int = 0
    """Where the next row begins."""
    next_line: int = 0

    def add(self, row: Row, leads_of: LeadsOf) -> None:
        """A row that cannot be used goes to the report and harms no other."""
        self.rows += 1
        self.end, self.next_line = row.end, row.next_line
        if row.fault:
            self.entries.append((row.line, refusal("unreadable", row.fault)))
            return
        try:
            leads = leads_of(row)
        except ValueError as fault:
            self.entries.append((row.line, refusal("unmapped", str(fault))))
            return
        self.leads += leads
        self.size += sum(map(len, leads))
        self.entries += [(row.line, None)] * len(leads)

    def outcomes(self, receipts: Iterable[dict[str, Any]]) -> list[Outcome]:
        """What became of every lead, in the order of the file."""
        answered = iter(receipts)
        return [Outcome(line, next(answered) if known is None else known) for line, known in self.entries]


def batches(rows: Iterable[Row], leads_of: LeadsOf, size: int) -> Iterator[Batch]:
    """Rows in batches of `size`, or fewer where they are large."""
    batch = Batch()
    for row in rows:
        batch.add(row, leads_of)
        if batch.rows == size or batch.size >= FULL:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


@dataclass(frozen=True)
class Import:
    """One import of one file, ready to run."""

    client: Client
    file: RowFile
    leads_of: LeadsOf
    place: Place
    reports: Reports
    progress: Progress
    resumed: bool

    def run(self, size: int, patience: float, told: Callable[[str], None]) -> Iterator[Progress]:
        """Post everything that is left; yields after every batch. Raises Fault; what was answered so far is kept."""
        rows = self.file.rows(self.progress.offset, self.progress.line)
        for batch in batches(rows, self.leads_of, size):
            receipts = self._post(batch.leads, patience, told)
            outcomes = batch.outcomes(receipts)
            self.progress.sizes = self.reports.add(outcomes)
            self._count(batch, outcomes)
            self.place.save(self.progress)
            yield self.progress
        self.progress.finished = True
        self.place.save(self.progress)

    def _post(self, leads: list[bytes], patience: float, told: Callable[[str], None]) -> list[dict[str, Any]]:
        """A receipt for each; what is too large together is posted in halves."""
        if not leads:
            return []
        body = b"\n".join(leads) + b"\n"
        try:
            receipts = self.client.post_patiently(PATH, body, NDJSON, patience, told, self._key(body))
        except TooLarge as fault:
            if len(leads) == 1:
                return [refusal("too_large", fault.message)]
            half = len(leads) // 2
            return self._post(leads[:half], patience, told) + self._post(leads[half:], patience, told)
        if not isinstance(receipts, list) or len(receipts) != len(leads):
            raise Fault(
                f"{len(leads)} leads were posted, {len(receipts or ())} receipts came back",
                "Does BATON_URL point at a Baton of this version? Nothing is lost: start the import again.",
                Exit.REFUSED,
            )
        return receipts

    def _key(self, body: bytes) -> str:
        """The same for the same leads in the same place of the same import, after a stop as well."""
        place = f"{self.progress.run}:{self.progress.offset}:".encode()
        return hashlib.sha256(place + hashlib.sha256(body).digest()).hexdigest()

    def _count(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        progress = self.progress
        progress.offset, progress.line = batch.end, batch.next_line
        progress.rows += batch.rows
        progress.counts.update(one.status for one in outcomes)


def as_written(row: Row) -> list[bytes]:
    """A line of NDJSON is a lead already."""
    return [row.raw]


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

    def leads_of(row: Row) -> list[bytes]:
        leads = [orjson.dumps(_posted(taken)) for taken in mapper.take(row.values)]
        if not leads:
            raise ValueError("no mapping of the source takes anything from this row")
        return leads

    return leads_of


def _posted(taken: Taken) -> dict[str, Any]:
    if taken.post is None:
        raise ValueError(taken.fault)
    return taken.post if taken.key is None else {"event_id": taken.key, **taken.post}
