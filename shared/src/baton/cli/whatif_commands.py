"""What can be typed under `baton playbook` about decisions that were made, and those a draft would make."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def add_whatif(app: typer.Typer) -> None:
    """Add the commands to `baton playbook`."""
    app.command()(explain)
    app.command()(simulate)


def explain(
    lead: Annotated[str, typer.Argument(help="The lead's id.")],
    rep: Annotated[str | None, typer.Option("--rep", help="Say why not this rep.")] = None,
    round_: Annotated[int | None, typer.Option("--round", min=1, help="Of this round; the newest otherwise.")] = None,
    decision: Annotated[int | None, typer.Option("--decision", min=0, help="Its number; the newest otherwise.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Say why a lead has its owner and nobody else, recomputed from what was kept. Exit code 1 if that differs."""
    from baton.cli.explain import explain

    explain(lead, rep, round_, decision, as_json)


def simulate(
    playbook: Annotated[Path, typer.Option("--playbook", help="The draft's directory.")],
    against: Annotated[
        str, typer.Option("--against", help="`current`, the one in force at BATON_URL, or a directory.")
    ] = "current",
    since: Annotated[datetime | None, typer.Option(help="Count only decisions since then (UTC).")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="History from a file, also .gz, .xz, .bz2; else that of BATON_URL.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Where to write the whole report as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Where to write it as a page.")] = None,
    decisions: Annotated[
        Path | None, typer.Option("--decisions", help="Where to write every fact the draft would say, and the books.")
    ] = None,
    fail_if: Annotated[
        str | None, typer.Option("--fail-if", help='End with 1 if this holds, such as "moved > 0.05".')
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, max=2, help="2: both playbooks beside each other, where the system can do that.")
    ] = 2,
) -> None:
    """Live history through again by a draft, and say who moves. Publishes and stores nothing."""
    from baton.cli.simulate.command import Order, simulate, utc

    simulate(Order(playbook, against, utc(since), file, json, html, decisions, fail_if, processes))
