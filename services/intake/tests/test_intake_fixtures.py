"""Recorded requests of the platforms, where BATON_FIXTURES gives them, through the front door."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import pytest_asyncio
from services.intake.tests.conftest import desks

GIVEN = os.environ.get("BATON_FIXTURES")
# What is made of an address beside it, and what was typed where a recording has only what was made of it.
DERIVED = {
    "email_raw",
    "phone_raw",
    "country_raw",
    "company_domain",
    "is_free_mail",
    "is_disposable_mail",
    "account_id",
}
PLATFORMS = [
    "mautic", "hubspot-workflow", "marketo", "salesforce-web2lead", "pardot", "google-ads", "typeform", "calendly",
    "jotform", "gravityforms", "segment", "rudderstack", "zapier", "activecampaign",
]  # fmt: skip
SIGNED = ("mautic", "hubspot-workflow", "typeform", "calendly", "segment")
UNSIGNED = {"salesforce-web2lead": "00D5g000004XYZ1", "pardot": "a token", "jotform": "a token"}
"""Recorded without a secret: what proves them here."""

pytestmark = [
    pytest.mark.skipif(not GIVEN, reason="no recorded requests: BATON_FIXTURES is not set"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, book: Any) -> AsyncIterator[Any]:
    """One front desk for all of them."""
    async with desks(tmp_path_factory.mktemp("recorded"), book)() as opened:
        yield opened


@pytest.mark.parametrize("source", PLATFORMS)
async def test_recorded_requests_are_genuine_and_give_the_contacts_they_should(
    desk: Any, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    folder = Path(str(GIVEN)) / "inbound"
    meta = orjson.loads((folder / f"{source}-1.meta.json").read_bytes())
    raw = (folder / meta["body_file"]).read_bytes()
    url = set_up(desk, monkeypatch, source, meta)
    headers = {name.encode(): value.encode() for name, value in meta["headers"].items()}
    answer = await desk.client.post(url, content=raw, headers=headers)
    assert answer.status_code in (200, 303), answer.text
    facts = [fact for fact in await desk.said("lead.received") if fact["source"] == source]
    assert len(facts) == meta["expected"]["lead_count"]
    for fact, expected in zip(facts, meta["expected"]["leads"], strict=True):
        assert fact.get("external_id") == expected.get("external_id")
        known = {name: value for name, value in fact["contact"].items() if value is not None}
        assert known.items() >= expected["contact"].items()
        assert known.keys() - expected["contact"].keys() <= DERIVED
        if "occurred_at" in expected:
            assert fact["occurred_at"] == expected["occurred_at"]
    assert (await desk.client.post(url, content=raw, headers=headers)).status_code in (200, 303)
    assert [fact for fact in await desk.said() if fact.get("source") == source] == facts
    if source in SIGNED:
        changed = raw.replace(b"example", b"exampel")
        assert (await desk.client.post(url, content=changed, headers=headers)).status_code == 401


def set_up(desk: Any, monkeypatch: pytest.MonkeyPatch, source: str, meta: dict[str, Any]) -> str:
    """Have the source's secret set as it was recorded; return the URL to post to."""
    secret = meta["secret"] or UNSIGNED[source]

    def change(sources: dict[str, Any]) -> None:
        one = next(one for one in sources["sources"] if one["id"] == source)
        monkeypatch.setenv(one["signature"]["secrets"][0]["env"], secret)
        if source.startswith("hubspot"):
            one["public_url"] = meta["url"]
        else:
            one["label"] += " as recorded"  # a change, or the desk would look at nothing

    desk.change_sources(change)
    query = urlsplit(meta["url"]).query or (f"token={secret}" if meta["secret"] is None else "")
    return f"/intake/v1/hooks/{source}?{query}"
