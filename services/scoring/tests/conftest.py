"""Scoring on the example playbook, on both stores, under a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from baton.runtime.clock import FixedClock
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench
from baton.scoring.service import build

PLAYBOOK = Path(__file__).parents[3] / "deploy" / "playbook"
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture(params=["sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Bench]:
    url = None
    if request.param == "postgres":
        server: Any = request.getfixturevalue("postgres")
        url = str(server.new_database())
    service = build(Settings(playbook=PLAYBOOK))
    async with Bench.of(service, tmp_path, clock, database_url=url) as opened:
        yield opened
