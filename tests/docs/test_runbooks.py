"""What runbooks tell somebody to type does what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.reporting.tests.stories import NOON
from services.reporting.tests.test_reporting_fates import STORIES
from sqlalchemy import select

from baton.reporting.service import build
from baton.reporting.tables import FUNNEL, HABIT, LEAD, PROMISE, REP, SPAN, TOLD
from baton.runtime.clock import FixedClock
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench
from tests.layout.tree import ROOT

RUNBOOKS = ROOT / "docs/runbooks"


async def kept(bench: Bench) -> dict[str, Sequence[Any]]:
    """Everything reporting shows."""
    tables = (LEAD, TOLD, FUNNEL, PROMISE, SPAN, HABIT, REP)
    kept: dict[str, Sequence[Any]] = {}
    for table in tables:
        rows = await bench.engine.read(lambda tx, t=table: tx.execute(select(t)).all())
        if table in (FUNNEL, PROMISE, SPAN, HABIT):  # a cell that has come back to nothing is as good as none
            counts = len(table.columns) - len(table.primary_key)
            rows = [row for row in rows if any(row[-counts:])]
        kept[table.name] = sorted(map(repr, rows))
    return kept


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str | None]:
    """Takes reporting's database away and returns the URL of an empty one, as the runbook has it."""
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        return lambda: str(postgres.new_database())

    def empty() -> None:
        for file in tmp_path.glob("reporting.db*"):
            file.unlink()

    return empty


async def test_reporting_with_an_empty_database_reads_everything_anew(
    tmp_path: Path, empty_database: Callable[[], str | None]
) -> None:
    clock = FixedClock(NOON + timedelta(days=1))
    assert "rm var/reporting.db*" in (RUNBOOKS / "rebuild-reporting.md").read_text()
    async with Bench.of(build(Settings(home=tmp_path)), tmp_path, clock, database_url=empty_database()) as bench:
        for n, (story, _) in enumerate(STORIES.values()):
            for told in story:
                await bench.publish(told.fact, subject=f"018f0000-0000-7000-8000-{n:012d}", at=told.at)
        await bench.settle()
        before = await kept(bench)
        assert len(before["lead"]) == len(STORIES)
    async with Bench.of(build(Settings(home=tmp_path)), tmp_path, clock, database_url=empty_database()) as bench:
        assert not any((await kept(bench)).values())
        await bench.settle()
        assert await kept(bench) == before


def test_every_runbook_is_in_the_list() -> None:
    listed = set(re.findall(r"\]\(([\w-]+)\.md\)", (RUNBOOKS / "README.md").read_text()))
    assert listed == {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}


def test_the_words_of_the_log_that_runbooks_name_are_logged() -> None:
    sources = "\n".join(
        path.read_text() for path in (*(ROOT / "shared/src").rglob("*.py"), *ROOT.glob("services/*/src/**/*.py"))
    )
    for word in ("clock_jumped", "service_must_stop", "relay_waits", "offsets_missing", "source_without_secret"):
        assert f'"{word}"' in sources
        assert any(f"`{word}`" in page.read_text() for page in RUNBOOKS.glob("*.md")), word
