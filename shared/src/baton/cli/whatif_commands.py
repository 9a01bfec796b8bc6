"""What can be typed under `baton playbook` about decisions that were made, and those a draft would make."""

from __future__ import annotations

from typing import Annotated

import typer


def add_whatif(app: typer.Typer) -> None:
    """Add the commands to `baton playbook`."""
    app.command()(explain)


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
