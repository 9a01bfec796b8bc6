"""An intake store from before merges and their undoing, rolled forward from its topic, knows what the lost one knew."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

from services.intake.tests.conftest import OpenDesk

PATIENCE = 60.0
LEAD = ("lead_id", "source", "external_id", "contact", "properties", "as_of", "merged_into", "account_id", "erased_at")
PAIR = ("one", "other", "state", "loser", "keys", "times")


async def person(desk: Any, name: str, when: str = "2026-09-20T10:00:00Z", **more: Any) -> str:
    contact = {"email": f"{name}@example.com", **more.pop("contact", {})}
    body = {"source": "web", "external_id": f"w-{name}", "occurred_at": when, "contact": contact, **more}
    (receipt,) = (await desk.post("leads", body)).json()
    lead_id: str = receipt["lead_id"]
    return lead_id


async def ask(desk: Any, lead_id: str, what: str, **body: str) -> None:
    answer = await desk.post(f"leads/{lead_id}/{what}", body or None, who="boss")
    assert answer.status_code == 200, answer.text


async def at_rest(desk: Any) -> None:
    """Wait until the bus has all that was said, and nothing is left to be rolled forward."""
    until = time.monotonic() + PATIENCE
    while desk.engine.forward.is_under_way or not desk.engine.forward.is_checked or await desk.engine.relay.pending():
        assert time.monotonic() < until, desk.engine.forward.problem
        await asyncio.sleep(0.05)


async def known(desk: Any) -> dict[str, list[Any]]:
    """Whom intake knows, by what, and who was who."""
    people = {row.lead_id: [getattr(row, name) for name in LEAD] for row in await desk.rows("lead")}
    pairs = sorted([getattr(row, name) for name in PAIR] for row in await desk.rows("merge"))
    return {
        "leads": [people[lead_id] for lead_id in sorted(people)],
        "identities": sorted([row.key, row.lead_id] for row in await desk.rows("identity")),
        "pairs": pairs,
        "seen": sorted([row.key, row.lead_id, row.event_id] for row in await desk.rows("seen")),
    }


async def test_merges_and_what_undid_them_are_known_again_and_can_be_undone(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    store, backup = tmp_path / "desk" / "intake.db", tmp_path / "backup.db"
    async with open_desk() as desk:
        ann = await person(desk, "ann", contact={"first_name": "Ann"}, properties={"employees": 120})
        lee = await person(desk, "lee", "2026-09-19T10:00:00Z", contact={"last_name": "Lee", "phone": "+442079460958"})
        bo = await person(desk, "bo")
        await ask(desk, bo, "merge", into=ann)  # before the backup, undone after it
    shutil.copy(store, backup)
    async with open_desk() as desk:
        await ask(desk, lee, "merge", into=ann)
        await person(desk, "lee", "2026-09-21T10:00:00Z", contact={"city": "York"})  # is Ann by now
        await ask(desk, lee, "unmerge")
        await ask(desk, bo, "unmerge")
        cy = await person(desk, "cy", contact={"job_title": "Buyer"})
        await ask(desk, cy, "merge", into=lee)
        di, gone = await person(desk, "di"), await person(desk, "gone")
        await ask(desk, gone, "merge", into=di)
        headers = {"Authorization": "Bearer token-of-boss"}
        answer = await desk.client.delete(f"/intake/v1/leads/{di}/personal-data", headers=headers)
        assert answer.status_code == 202
        await at_rest(desk)
        before = await known(desk)
    for file in store.parent.glob("intake.db*"):
        file.unlink()
    shutil.copy(backup, store)
    async with open_desk(roll_forward="intake") as desk:
        await at_rest(desk)
        after = await known(desk)
        assert after == before
        await ask(desk, cy, "unmerge")
        (alone,) = [row for row in await desk.rows("lead") if row.lead_id == lee]
        assert "job_title" not in alone.contact
        again = await desk.post("leads", {"source": "web", "external_id": "w-cy", "contact": {"city": "Bath"}})
        assert again.json()[0]["lead_id"] == cy
