"""Leads that qualify by the example playbook, each another person, spread over its three territories."""

from __future__ import annotations

import itertools
from typing import Any

import orjson

PLACES = (("DE", "Hamburg", "20095"), ("US", "Boston", "02108"), ("GB", "Leeds", "LS1 4AP"), ("SE", "Malmö", "211 20"))
_numbers = itertools.count(1)


def new_lead(run: str) -> dict[str, Any]:
    """Return the next lead of the run `run`."""
    number = next(_numbers)
    country, city, postal_code = PLACES[number % len(PLACES)]
    return {
        "source": "website",
        "external_id": f"{run}-{number}",
        "contact": {
            "email": f"person.{number}@{run}-{number % 997}.example",
            "first_name": "Robin",
            "last_name": f"Sample{number}",
            "job_title": "Head of Logistics",
            "company": f"Sample Works {number % 997}",
            "city": city,
            "postal_code": postal_code,
            "country": country,
        },
        "properties": {"employees": 420, "industry": "wholesale", "warehouses": 3, "technology": ["sap"]},
        "answers": {"product": "slotting", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True},
        "activity": [{"kind": "form", "what": "demo-request"}],
    }


def body(run: str, count: int = 1) -> bytes:
    """Return a request body: one lead, or an array of `count`."""
    return orjson.dumps(new_lead(run) if count == 1 else [new_lead(run) for _ in range(count)])
