"""Until when the first attempt is promised: by the hours that the policy counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from baton.playbook import Playbook, Policy
from baton.playbook.calendars import Prospects


@pytest.mark.parametrize(
    ("whose", "zone", "due"),
    [
        ("prospect", "Asia/Tokyo", "2026-11-03T08:00:00Z"),  # it is 18:00 in Tokyo
        ("prospect", None, "2026-11-03T09:00:00Z"),
        ("always", "Asia/Tokyo", "2026-11-02T17:00:00Z"),
    ],
)
async def test_respond_by_is_counted_in_the_hours_of_whoever_the_policy_says(
    make: Callable[..., Playbook], open_bench: Any, facts: Any, whose: str, zone: str | None, due: str
) -> None:
    book = make()
    policy = {"id": "plain", "label": "Plain", "first_attempt": "8h", "calendar": whose}
    kept = [one for one in book.sla.policies if one.id != "plain"]
    sla = book.sla.model_copy(
        update={"policies": (*kept, Policy.model_validate_json(orjson.dumps(policy)))},
    )
    prospects = Prospects.model_validate_json(orjson.dumps({"week": {"mon-fri": ["09:00-17:00"]}}))
    calendars = book.models.calendars.model_copy(update={"prospects": prospects})
    own = Playbook(book.models.model_copy(update={"sla": sla, "calendars": calendars}), book.roster)
    async with open_bench(own, facts.at(0)) as bench:
        contact = facts.contact().model_copy(update={"timezone": zone})
        await bench.hear(facts.qualified(contact=contact), subject=facts.lead)
        (routed,) = await bench.said("lead.routed")
        assert routed.body["respond_by"] == due
