"""How an import begins: what is in the file, what of it is done already, and where that is written down."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from baton.cli.client import Client
from baton.cli.csv_rows import CsvFile
from baton.cli.faults import Exit, Fault
from baton.cli.import_leads import Import, LeadsOf, as_written, reader_of
from baton.cli.import_report import EveryLine, Remarks, Reports
from baton.cli.import_rows import RowFile, is_compressed
from baton.cli.import_state import Place, Progress, fingerprint
from baton.cli.ndjson_rows import NdjsonFile

Format = Literal["csv", "ndjson"]


@dataclass(frozen=True)
class Order:
    """What is to be imported, and how, as somebody asked for it."""

    file: Path
    mapping: Path | None = None
    format: Format | None = None
    """By the file's name where nobody says."""
    delimiter: str | None = None
    report: Path | None = None
    restart: bool = False

    @property
    def is_ndjson(self) -> bool:
        """Whether every line is a lead already."""
        name = self.file.stem if is_compressed(self.file) else self.file.name
        return (self.format or ("ndjson" if name.lower().endswith((".ndjson", ".jsonl")) else "csv")) == "ndjson"


def prepare(client: Client, order: Order) -> Import:
    """An import that goes on where an unfinished one of the same file, mapping and Baton stopped.

    Raises Fault for a file, mapping or report that cannot be used; nothing has been posted then.
    """
    rows, leads_of = _opened(order)
    place = Place.beside(order.file)
    _refuse_overwriting(order, place)
    reports = Reports(Remarks(place.report), EveryLine(order.report.absolute()) if order.report else None)
    print_ = fingerprint(order.file, order.mapping)
    report = str(order.report.absolute()) if order.report else None
    earlier = None if order.restart else place.load()
    if earlier and not earlier.finished and (earlier.fingerprint, earlier.url) == (print_, client.url):
        _refuse_other_report(earlier, report)
        reports.go_on(earlier.sizes)
        return Import(client, rows, leads_of, place, reports, earlier, resumed=True)
    run = secrets.token_hex(16)
    fresh = Progress(str(order.file), print_, client.url, run, report, rows.start, rows.first_line)
    fresh.sizes = reports.begin()
    # Before anything is posted: what is posted now and answered to nobody must be known by this run's keys.
    place.save(fresh)
    return Import(client, rows, leads_of, place, reports, fresh, resumed=False)


def _opened(order: Order) -> tuple[RowFile, LeadsOf]:
    if order.is_ndjson:
        if order.mapping or order.delimiter:
            hint = "--format csv says that it is no NDJSON, whatever its name."
            raise Fault(
                f"{order.file}: lines of NDJSON are leads already: no --mapping, no --delimiter", hint, Exit.USAGE
            )
        return NdjsonFile.open(order.file), as_written
    if order.mapping is None:
        hint = "--format ndjson says that each line is a lead."
        raise Fault(f"{order.file}: a CSV needs a --mapping", hint, Exit.USAGE)
    return CsvFile.open(order.file, order.delimiter), reader_of(order.mapping)


def _refuse_overwriting(order: Order, place: Place) -> None:
    if order.report is None:
        return
    read = [order.file, *([order.mapping] if order.mapping else []), place.state, place.report]
    if order.report.resolve() in [path.resolve() for path in read]:
        raise Fault(f"{order.report} is no place for the report: the import needs that file itself", code=Exit.USAGE)


def _refuse_other_report(earlier: Progress, report: str | None) -> None:
    """A report that began in the middle would have lines missing."""
    if earlier.report != report:
        began = f"--report {earlier.report}" if earlier.report else "no --report"
        hint = "Go on with the same, or begin anew with --restart: what was taken comes back as duplicate."
        raise Fault(f"this import began with {began}", hint, Exit.USAGE)
