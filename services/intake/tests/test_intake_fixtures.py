"""Recorded shapes of the platforms, where BATON_FIXTURES gives them: what stands in them is understood exactly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

GIVEN = os.environ.get("BATON_FIXTURES")
DERIVED = {"email_raw", "company_domain", "is_free_mail", "is_disposable_mail"}
CASES = [
    ("mautic-1", "mautic", "BATON_MAUTIC_SECRET"),
    ("hubspot-workflow-1", "hubspot-workflow", "BATON_HUBSPOT_SECRET"),
]

pytestmark = pytest.mark.skipif(not GIVEN, reason="no recorded requests: BATON_FIXTURES is not set")


@pytest.mark.parametrize(("name", "source", "secret"), CASES)
async def test_recorded_requests_are_genuine_and_give_the_contacts_they_should(
    desk: Any, monkeypatch: pytest.MonkeyPatch, name: str, source: str, secret: str
) -> None:
    folder = Path(str(GIVEN)) / "inbound"
    meta = orjson.loads((folder / f"{name}.meta.json").read_bytes())
    raw = (folder / meta["body_file"]).read_bytes()
    monkeypatch.setenv(secret, meta["secret"])

    def set_url(sources: dict[str, Any]) -> None:
        next(one for one in sources["sources"] if one["id"] == source)["public_url"] = meta["url"]

    desk.change_sources(set_url)
    headers = {header.replace("-", "_"): value for header, value in meta["headers"].items()}
    answer = await desk.post(f"hooks/{source}", raw=raw, who=None, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == meta["expected"]["lead_count"]
    for fact, expected in zip(await desk.said("lead.received"), meta["expected"]["leads"], strict=True):
        assert fact["external_id"] == expected["external_id"]
        known = {field: value for field, value in fact["contact"].items() if value is not None and field not in DERIVED}
        assert known == expected["contact"]
        if "occurred_at" in expected:
            assert fact["occurred_at"] == expected["occurred_at"]
    forged = await desk.post(f"hooks/{source}", raw=raw.replace(b"example", b"exampel"), who=None, **headers)
    assert forged.status_code == 401
