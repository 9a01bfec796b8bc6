"""How `baton import` shows its progress and its end."""

from __future__ import annotations

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.import_leads import Import
from baton.cli.import_rows import is_compressed
from baton.cli.import_start import Order, prepare
from baton.cli.screen import err, out

COLUMNS = ("accepted", "duplicate", "quarantined", "refused")


def import_file(order: Order, batch: int, patience: float) -> None:
    """Import, with a bar on a terminal; what was answered so far is kept however this ends."""
    with Client(timeout=120.0) as client:
        job = prepare(client, order)
        if job.resumed:
            err.print(f"going on after line {job.progress.line - 1} of {order.file}", markup=False)
        try:
            _run(job, order, batch, patience)
        except KeyboardInterrupt:
            raise Fault(
                f"stopped after {job.progress.rows:,} rows", "The same command goes on from here.", Exit.INTERRUPTED
            ) from None
    _end(job)


def _run(job: Import, order: Order, batch: int, patience: float) -> None:
    text = "{task.fields[rows]:,} rows  {task.fields[counts]}"
    total = None if is_compressed(order.file) else order.file.stat().st_size
    with Progress(TextColumn(text), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err) as bar:
        task = bar.add_task("", total=total, rows=job.progress.rows, counts="")
        bar.update(task, completed=job.progress.offset)
        for progress in job.run(batch, patience, lambda remark: err.print(remark, style="yellow", markup=False)):
            bar.update(task, completed=progress.offset, rows=progress.rows, counts=_counts(job))


def _end(job: Import) -> None:
    out.print(f"{job.progress.rows:,} rows: {_counts(job)}", markup=False)
    if job.reports.lines:
        out.print(f"line by line: {job.reports.lines.path}", markup=False)
    elif any(count for status, count in job.progress.counts.items() if status != "accepted"):
        out.print(f"line by line: {job.place.report}", markup=False)


def _counts(job: Import) -> str:
    counts = job.progress.counts
    return ", ".join(f"{counts[name]:,} {name}" for name in COLUMNS if counts[name]) or "nothing yet"
