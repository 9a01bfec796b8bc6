"""`baton personal-data`: what all five services know of one person, in one document; and the person forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from baton.cli.client import SERVICES, Client
from baton.cli.faults import Fault
from baton.cli.screen import out


def export(lead_id: str, output: Path | None) -> None:
    """Write everything that is held of the lead, by service. Raises Fault if no service holds anything."""
    with Client() as client:
        held = {service: _held(client, service, lead_id) for service in SERVICES}
    found = {service: what for service, what in held.items() if what is not None}
    if not found:
        raise Fault(f"no service holds anything of a lead {lead_id}", "Find the id by POST /intake/v1/leads/search.")
    document = {"lead_id": lead_id, "asked_at": datetime.now(UTC), "services": found}
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    if output is None:
        out.print(text.decode(), markup=False, soft_wrap=True)
        return
    output.write_bytes(text + b"\n")
    out.print(f"written to {output}", markup=False)


def erase(lead_id: str) -> None:
    """Forget the person, for good, and say by when the last of it is gone."""
    with Client() as client:
        done = client.delete(f"/intake/v1/leads/{lead_id}/personal-data")
    out.print(f"{lead_id} is erased since {done['erased_at']}; the topics hold nothing of it after {done['gone_by']}")
    if done["sealed_bodies"]:
        out.print(f"{done['sealed_bodies']} bodies are sealed until what they hold of others is settled")
    if done["told_in"]:
        parted = ", ".join(done["told_in"])
        out.print(f"{parted} had absorbed it for a time: what was said of them then is wiped, too")
    out.print("`baton audit` says whether every service has wiped what it held")


def _held(client: Client, service: str, lead_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = client.find(f"/{service}/v1/leads/{lead_id}/personal-data")
    return found
