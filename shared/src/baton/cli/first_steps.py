"""What `baton up` prints: where to log in, and three commands by which a lead comes in, gets an owner and is called."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEAD = {
    "source": "website",
    "external_id": "visitor-1001",
    "contact": {
        "email": "petra.lang@isarwerk.example",
        "first_name": "Petra",
        "last_name": "Lang",
        "job_title": "Head of Logistics",
        "company": "Isarwerk GmbH",
        "phone": "+49 89 1234567",
        "city": "München",
        "postal_code": "80331",
        "country": "DE",
    },
    "properties": {"employees": 420, "industry": "wholesale", "warehouses": 3, "technology": ["sap"]},
    "answers": {"product": "slotting", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True},
    "activity": [{"kind": "form", "what": "demo-request"}],
}
"""Meets the definition of the example playbook: it has the answers that nobody can guess."""

TOUCH = {
    "lead": {"system": "website", "id": "visitor-1001"},
    "rep": "anna",
    "channel": "call",
    "direction": "out",
    "outcome": "reached",
    "occurred_at": "NOW",
}
NOW = "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"
"""Inside a word in single quotes the shell puts the time in."""


def first_steps(url: str, token_file: Path, link: str, command: str) -> str:
    """The text. Every command in it works as it stands, also all at once, from the directory `baton up` was started
    in; `command` is how `baton` is typed there."""
    authority = f'-H "Authorization: Bearer $(cat {shlex.quote(str(token_file))})"'
    as_json = "-H 'Content-Type: application/json'"
    return f"""
Baton is up.

Log in (the link works once, within 15 minutes):
  {link}

A lead comes in, with answers, so that it qualifies:
  curl -s {authority} {as_json} \\
    {url}/intake/v1/leads -d '{_shown(LEAD)}'

Who got it, by when he promised to call, and why (what a CRM reads):
  sleep 1; curl -s {authority} '{url}/routing/v1/events' | grep '"lead.routed"'

He calls, and the promise is kept:
  curl -s {authority} {as_json} \\
    {url}/intake/v1/touches -d '{_shown(TOUCH).replace("NOW", NOW)}'

Pages: {url}/reporting/  {url}/sla-monitor/  {url}/scoring/
More people: {command} send --rate 2    The books: {command} audit    What ails it: {command} doctor
Ctrl-C stops it; nothing is lost, also with kill -9.
"""


def _shown(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)
