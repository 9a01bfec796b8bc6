"""Scoring on the example playbook, on both stores, under a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from baton.contracts import LeadRouted, Owner
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


@pytest.fixture(scope="session")
def routed() -> Callable[[Owner, datetime], LeadRouted]:
    """A hand-over of the first round to somebody."""
    example = files("baton.contracts").joinpath("examples", "lead.routed.json").read_bytes()

    def of(owner: Owner, at: datetime) -> LeadRouted:
        fact = LeadRouted.model_validate_json(example)
        return fact.model_copy(update={"owner": owner, "round": 1, "decided_at": at, "statuses_from": None})

    return of
