"""`baton republish`: journals are told anew, and a file says from where on."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out

PUBLISHERS = ("intake", "scoring", "routing", "sla-monitor")


def republish(services: list[str], since: datetime | None, output: Path | None) -> None:
    """Ask publishers to publish again; write the offsets from which on they do. Raises Fault."""
    if unknown := [name for name in services if name not in PUBLISHERS]:
        raise Fault(f"{unknown[0]!r} publishes nothing", f"Publishers are {', '.join(PUBLISHERS)}.", Exit.USAGE)
    if since is not None and since.tzinfo is None:
        since = since.astimezone()
    begins: dict[str, Any] = {}
    with Client(timeout=600) as client:
        for name in services or PUBLISHERS:
            body = {"since": since.isoformat()} if since else {}
            answer = client.post(f"/{name}/v1/republish", body)
            begins |= answer["from"]
            out.print(f"{name}: {answer['facts']} facts go to the topic again", markup=False)
    if output is not None:
        output.write_text(json.dumps(begins, indent=1) + "\n")
        out.print(f"{output} says from where on (BATON_START_FROM)", markup=False)
