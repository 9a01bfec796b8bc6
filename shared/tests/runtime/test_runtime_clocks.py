"""Whose clock counts: the store's, where it has one, and not that of the machine a replica happens to run on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shared.tests.runtime.toy import Toy
from shared.tests.runtime.toy import testing_migrate as make_tables

from baton.runtime import testing
from baton.runtime.clock import Clock
from baton.runtime.testing import Bench

HOUR = timedelta(hours=1)


class Wrong(Clock):
    """An hour slow, then an hour fast."""

    by = -HOUR

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.mark.slow
async def test_a_replica_whose_own_clock_jumps_takes_the_time_from_the_store(
    tmp_path: Path, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make: Callable[..., Any] = lambda _service, url: make_tables(url)  # noqa: E731
    monkeypatch.setattr(testing, "migrate_now", make)
    clock: Any = Wrong()
    async with Bench.of(Toy(), tmp_path, clock, database_url=postgres.new_database()) as bench:
        for by in (-HOUR, HOUR):
            clock.by = by
            assert abs(bench.engine.now() - datetime.now(UTC)) < timedelta(seconds=30)
            assert abs(bench.engine.now() - clock.now()) > timedelta(minutes=50)
