"""Who is posted: people who are ready and hot, ready, not ready, and unfit, in a mix that a number decides."""

from __future__ import annotations

from typing import Any

PLACES = (("DE", "Hamburg", "20095"), ("US", "Boston", "02108"), ("GB", "Leeds", "LS1 4AP"), ("SE", "Malmö", "211 20"))
HOT = {"product": "planning", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True}
WARM = {"product": "planning", "cause": "told", "problem": "none", "horizon": "3_months", "will_talk": True}
LATER = {"product": "planning", "cause": "told", "horizon": "later"}
MIX: tuple[dict[str, Any], ...] = (HOT, WARM, WARM, WARM, WARM, LATER, WARM, {}, HOT, WARM)


def new_lead(run: str, number: int) -> dict[str, Any]:
    """Return lead `number` of a run; the same number is the same lead."""
    country, city, postal_code = PLACES[number % len(PLACES)]
    return {
        "source": "website",
        "external_id": f"{run}-{number}",
        "contact": {
            "email": f"person.{number}@{run}-{number % 997}.example",
            "full_name": f"Robin Sample{number}",
            "job_title": "Student" if number % 23 == 0 else "Head of Logistics",
            "company": f"Sample Works {number % 997}",
            "city": city,
            "postal_code": postal_code,
            "country": country,
        },
        "properties": {"employees": 420, "industry": "wholesale", "warehouses": 3, "technology": ["sap"]},
        "answers": MIX[number % len(MIX)],
        "activity": [{"kind": "form", "what": "demo-request"}],
    }
