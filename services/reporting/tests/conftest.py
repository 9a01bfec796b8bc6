"""A reporting service on a real store, with its HTTP, under a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.reporting.tests.stories import NOON, Told

from baton.reporting.service import build
from baton.runtime.clock import FixedClock
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench

LEAD = "018f0000-0000-7000-8000-000000000001"


class Desk:
    """Reporting as a test meets it: tell it facts, then ask it over HTTP."""

    def __init__(self, bench: Bench, client: httpx.AsyncClient) -> None:
        self.bench = bench
        self.client = client

    async def tell(self, *told: Told, lead: str = LEAD) -> None:
        """Publish facts of one lead and let reporting hear them."""
        for one in told:
            await self.bench.publish(one.fact, subject=lead, at=one.at)
        await self.bench.settle()

    async def tell_all(self, stories: Iterable[tuple[str, list[Told]]]) -> None:
        """Publish the facts of many leads."""
        for lead, told in stories:
            for one in told:
                await self.bench.publish(one.fact, subject=lead, at=one.at)
        await self.bench.settle()

    async def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at `path`; fails unless the answer is 200."""
        answer = await self.client.get(f"/reporting/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def stages(self, **params: Any) -> dict[str, int]:
        """Return the funnel's counts by stage."""
        return {stage["stage"]: stage["count"] for stage in (await self.get("funnel", **params))["stages"]}

    async def fate(self, lead: str = LEAD) -> str:
        """Return the fate of a lead by the ledger."""
        page = await self.get("ledger", ids=1)
        return str({row["lead_id"]: row["fate"] for row in page["leads"]}[lead])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    token = ensure_admin_token(tmp_path)
    service = build(Settings(home=tmp_path))
    async with Bench.of(service, tmp_path, FixedClock(NOON)) as bench:
        transport = httpx.ASGITransport(app=create_app(bench.engine))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            yield Desk(bench, client)
