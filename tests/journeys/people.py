"""People these journeys tell of. Each call gives somebody new."""

from __future__ import annotations

import itertools
from typing import Any

_numbers = itertools.count(1)
ANSWERS = {"product": "planning", "cause": "told", "problem": "none", "horizon": "3_months", "will_talk": True}
"""Meets the definition, warm: four hours to call."""
HOT = {"product": "planning", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True}


def somebody(country: str = "DE", **more: Any) -> dict[str, Any]:
    """A lead that meets the definition of the example playbook."""
    number = next(_numbers)
    lead: dict[str, Any] = {
        "source": "website",
        "external_id": f"person-{number}",
        "contact": {
            "email": f"head.{number}@yard-{number}.example",
            "full_name": f"Head {number}",
            "job_title": "Head of Logistics",
            "company": f"Yard {number}",
            "phone": "+49 89 1234567",
            "country": country,
        },
        "properties": {"employees": 420, "industry": "wholesale", "warehouses": 3, "technology": ["sap"]},
        "answers": ANSWERS,
    }
    return lead | more
