"""The toy's bench on both stores: the same tests say the same of SQLite and of Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from shared.tests.runtime.crowd import Crowd, crowd_on
from shared.tests.runtime.toy import Toy, testing_migrate

from baton.runtime import testing
from baton.runtime.clock import FixedClock
from baton.runtime.testing import Bench

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
Open = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A test that sets up logs writes to a stream that is closed with it; the next one must not."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite, else the URL of a fresh Postgres database."""
    if request.param == "sqlite":
        return None
    server: Any = request.getfixturevalue("postgres")
    return str(server.new_database())


@pytest.fixture
def open_bench(tmp_path: Path, clock: FixedClock, database_url: str | None, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return what opens a bench with a new toy on this test's store; open it again and it goes on where it was."""
    made: list[bool] = []

    async def make_tables(_service: str, url: str) -> None:
        if not made:
            await testing_migrate(url)
            made.append(True)

    monkeypatch.setattr(testing, "migrate_now", make_tables)

    @asynccontextmanager
    async def opened(toy: Toy | None = None, **more: Any) -> AsyncIterator[Bench]:
        async with Bench.of(toy or Toy(), tmp_path, clock, database_url=database_url, **more) as bench:
            yield bench

    return opened


@pytest.fixture
async def bench(open_bench: Open) -> AsyncIterator[Bench]:
    async with open_bench() as bench:
        yield bench


@pytest.fixture
def postgres_url(postgres: Any) -> str:
    """URL of a fresh Postgres database."""
    return str(postgres.new_database())


@pytest.fixture
async def crowd(postgres_url: str, tmp_path: Path) -> AsyncIterator[Crowd]:
    """Replicas of the toy on one Postgres database."""
    async with crowd_on(postgres_url, tmp_path) as crowd:
        yield crowd
