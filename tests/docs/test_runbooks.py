"""What runbooks tell somebody to type does what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.reporting.tests.stories import NOON
from services.reporting.tests.test_reporting_fates import STORIES
from sqlalchemy import select, text

from baton.reporting.service import build
from baton.reporting.tables import ENTRY, FUNNEL, LEAD, PROMISE, REP, SPAN
from baton.runtime.clock import FixedClock
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench
from tests.layout.tree import ROOT

RUNBOOKS = ROOT / "docs/runbooks"


def sql_of(name: str) -> list[str]:
    """The statements of a runbook's first SQL block."""
    found = re.search(r"```sql\n(.*?)```", (RUNBOOKS / name).read_text(), re.DOTALL)
    assert found
    return [statement.strip() for statement in found[1].split(";") if statement.strip()]


async def kept(bench: Bench) -> dict[str, Sequence[Any]]:
    """Everything reporting shows."""
    tables = (LEAD, ENTRY, FUNNEL, PROMISE, SPAN, REP)
    kept: dict[str, Sequence[Any]] = {}
    for table in tables:
        rows = await bench.engine.read(lambda tx, t=table: tx.execute(select(t)).all())
        if table in (FUNNEL, PROMISE, SPAN):  # a cell that has come back to nothing is as good as none
            counts = len(table.columns) - len(table.primary_key)
            rows = [row for row in rows if any(row[-counts:])]
        kept[table.name] = sorted(map(repr, rows))
    return kept


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres").new_database() if request.param == "postgres" else None


async def test_reporting_can_be_emptied_and_reads_everything_anew(tmp_path: Path, database_url: str | None) -> None:
    clock = FixedClock(NOON + timedelta(days=1))
    async with Bench.of(build(Settings(home=tmp_path)), tmp_path, clock, database_url=database_url) as bench:
        for n, (story, _) in enumerate(STORIES.values()):
            for told in story:
                await bench.publish(told.fact, subject=f"018f0000-0000-7000-8000-{n:012d}", at=told.at)
        await bench.settle()
        before = await kept(bench)
        assert len(before["lead"]) == len(STORIES)
        for statement in sql_of("rebuild-reporting.md"):
            await bench.engine.store.write(lambda tx, statement=statement: tx.execute(text(statement)))
        assert not any((await kept(bench)).values())
        await bench.engine.worker.let_go()  # as a start does
        await bench.settle()
        assert await kept(bench) == before


def test_the_runbook_empties_every_table_of_reporting_but_places_and_leases() -> None:
    emptied = {match[1] for s in sql_of("rebuild-reporting.md") if (match := re.fullmatch(r"DELETE FROM (\w+)", s))}
    stays = {"meta", "lane", "member", "place", "journal"}
    assert emptied == {t.name for t in LEAD.metadata.sorted_tables} - stays


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
