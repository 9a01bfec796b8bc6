"""Who is erased after having been one with another: what was said of that one then goes, and nothing else of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
from services.intake.tests.test_intake_merges import erased, two

AT = "2026-09-20T10:00:00Z"


async def test_what_was_said_of_a_survivor_while_it_was_the_erased_one_as_well_is_wiped_and_nothing_else(
    desk: Any,
) -> None:
    one, other = await two(desk)
    steps = (f"leads/{other}/merge", {"into": one}), (f"leads/{other}/unmerge", None)
    await desk.post("activities", {"lead": {"lead_id": one}, "kind": "form", "what": "before", "occurred_at": AT})
    for path, body in steps:
        desk.clock.advance(timedelta(minutes=5))
        assert (await desk.post(path, body, who="boss")).status_code == 200
    desk.clock.advance(timedelta(minutes=5))
    await desk.post("activities", {"lead": {"lead_id": one}, "kind": "form", "what": "after", "occurred_at": AT})
    answer = await erased(desk, other)
    assert answer["told_in"] == [one]
    (said,) = await desk.said("lead.erased")
    assert [(told["lead_id"], told["since"] < told["until"]) for told in said["told_in"]] == [(one, True)]
    facts = [row for row in await desk.rows("journal") if row.subject == one]
    wiped = [orjson.loads(row.value).get("absorbed") for row in facts if row.headers.get("ce_erased")]
    assert wiped == [other]
    assert [fact["activity"]["what"] for fact in await desk.said("lead.engaged")] == ["before", "after"]
