"""`baton playbook simulate`: history lived through again by a draft, beside the playbook it would replace."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import err, out
from baton.cli.simulate.beside import live_both
from baton.cli.simulate.compare import NAMES, compared
from baton.cli.simulate.gate import check_gate, holds
from baton.cli.simulate.history import History, from_file, from_services, told_since
from baton.cli.simulate.page import write_page
from baton.cli.simulate.world import World
from baton.playbook import Playbook, PlaybookErrors, load

CURRENT = "current"
MOST_SHOWN = 10
"""Changed leads on the screen; JSON has all of them."""


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    playbook: Path
    against: str
    since: datetime | None
    file: Path | None
    json: Path | None
    html: Path | None
    decisions: Path | None
    fail_if: str | None
    processes: int = 2


def simulate(order: Order) -> None:
    """Print who moves; write what was asked for. Raises Fault (code 1) if the condition of `--fail-if` holds."""
    if order.fail_if is not None:
        check_gate(order.fail_if, NAMES)
    draft = _loaded(order.playbook)
    with Client() as client:
        baseline = _in_force(client) if order.against == CURRENT else _loaded(Path(order.against))
        history = from_file(order.file) if order.file else _live(client)
    if baseline.roster is None:  # the one in force comes without: its reps are the history's, or else the draft's
        baseline = replace(baseline, roster=draft.roster)
    report = _replayed(order, history, baseline, draft)
    written = orjson.dumps(report, option=orjson.OPT_INDENT_2)
    if order.json is not None:
        _write(order.json, written + b"\n")
    if order.html is not None:
        write_page(order.html, orjson.loads(written))
    for line in lines_of(orjson.loads(written)):
        out.print(line, markup=False)
    if order.fail_if is not None and holds(order.fail_if, report["measures"]):
        raise Fault(f"the draft fails: {order.fail_if}", _told(report["measures"]), Exit.WRONG)


def _live(client: Client) -> History:
    err.print(f"reading the history of {client.url} …", markup=False)
    return from_services(client)


def _loaded(path: Path) -> Playbook:
    try:
        return load(path)
    except PlaybookErrors as faults:
        hint = f"`baton playbook check {path}` lists all of it."
        raise Fault(f"{path} is not valid: {faults.problems[0]}", hint, Exit.USAGE) from faults


def _in_force(client: Client) -> Playbook:
    """The playbook that routing decides by now. Raises Fault where there is none that this program can read."""
    hint = "Or name a directory with --against."
    try:
        told = client.get("/routing/v1/playbook")
        return Playbook.from_document(told["playbook"])
    except Fault as fault:
        raise Fault(fault.message, f"{fault.hint or ''} {hint}".strip(), fault.code) from fault
    except (ValidationError, KeyError) as fault:
        raise Fault(f"the playbook in force at {client.url} cannot be read by this version", hint) from fault


def _replayed(order: Order, history: History, baseline: Playbook, draft: Playbook) -> dict[str, Any]:
    since = told_since(history, order.since)
    began = time.monotonic()
    with ExitStack() as stack:
        decisions = stack.enter_context(order.decisions.open("wb")) if order.decisions else None
        before, after = World(baseline, history, since, None), World(draft, history, since, decisions)
        bar = Progress(
            TextColumn("replaying"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            auto_refresh=False,  # that would take a thread, and beside one no process can be copied
        )
        task = bar.add_task("", total=len(history.entries))
        with bar:
            courses = live_both(
                before, after, history, order.processes, lambda done: bar.update(task, advance=done, refresh=True)
            )
    took = time.monotonic() - began
    report = compared(history, *courses)
    leads = report["history"]["leads"]
    speed = f"{leads / took:,.0f} leads/s" if took else "at once"
    err.print(f"{leads:,} leads twice in {took:.1f} s ({speed}, both playbooks)", markup=False)
    return report


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as fault:
        raise Fault(f"{path}: {fault.strerror}", code=Exit.USAGE) from fault


def lines_of(report: dict[str, Any]) -> list[str]:
    """The report in short."""
    history, books, measures = report["history"], report["playbooks"], report["measures"]
    lines = [
        f"history  {history['leads']:,} leads, {history['begins'][:16]} to {history['ends'][:16]}, {history['from']}",
        f"before   {books['before']}",
        f"after    {books['after']}",
        "",
        f"{measures['moved']:.1%} of the leads with an owner move: {measures['rerouted']:.1%} to another pool, "
        "the others by another turn of the rotation",
        _both("qualified", measures["qualified_before"], measures["qualified_after"]),
        _both("first response kept", measures["sla_before"], measures["sla_after"]),
        "",
    ]
    if recorded := report["as_recorded"]:
        same = f"{recorded['same_owner']:,} of {recorded['leads']:,}"
        lines[3:3] = [f"check    `before` gives the owner that was recorded for {same} leads"]
    for name, count in report["outcomes"].items():
        lines.append(f"  {name:<14}  {count['before']:>8,} → {count['after']:>8,}")
    lines.append("")
    for one in report["owners"]:
        was, will = one["before"], one["after"]
        change = f"{(will['leads'] - was['leads']) / was['leads']:+.0%}" if was["leads"] else "new"
        lines.append(f"  {one['name']:<24}  {was['leads']:>7,} → {will['leads']:>7,}  {change}")
    lines += ["", *(f"  {one['lead_id']}  {'; '.join(one['why'])}" for one in report["changed"][:MOST_SHOWN])]
    if len(report["changed"]) > MOST_SHOWN:
        lines.append(f"  … and {len(report['changed']) - MOST_SHOWN:,} more (--json, --html)")
    return lines


def _both(what: str, before: float, after: float) -> str:
    return f"{what}: {before:.1%} → {after:.1%}"


def _told(measures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in measures.items())


def utc(at: datetime | None) -> datetime | None:
    """A time without an offset is UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
