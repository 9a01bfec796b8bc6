"""Reporting's store, on SQLite and on Postgres: the same facts leave the same rows, however they were cut and mixed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from services.reporting.tests.stories import NOON, Told, received
from services.reporting.tests.test_reporting_fates import STORIES
from sqlalchemy import Connection, Table, select, text

from baton.contracts import INTAKE, ROUTING, SCORING, SLA
from baton.reporting import store_queries as queries
from baton.reporting.service import build
from baton.reporting.store_queries import FunnelQuery, Period
from baton.reporting.tables import FUNNEL, HABIT, LEAD, PROMISE, SPAN, TOLD
from baton.runtime.clock import FixedClock
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench

Numbered = tuple[str, Told, int]


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None is a file of SQLite."""
    return request.getfixturevalue("postgres").new_database() if request.param == "postgres" else None


def all_stories() -> list[Numbered]:
    """Every story as a lead of its own, each publisher's facts numbered."""
    facts = []
    for n, (story, _) in enumerate(STORIES.values()):
        said = dict.fromkeys((INTAKE, SCORING, ROUTING, SLA), 0)
        for told in story:
            said[told.fact.topic] += 1
            facts.append((f"018f0000-0000-7000-8000-{n:012d}", told, said[told.fact.topic]))
    return facts


def mixed(facts: Sequence[Numbered], seed: int) -> list[Numbered]:
    """Return the facts in another order that keeps each publisher's about each lead."""
    rng = random.Random(seed)
    keys = [(lead, told.fact.topic) for lead, told, _ in facts]
    queues = {key: [f for f, k in zip(facts, keys, strict=True) if k == key] for key in dict.fromkeys(keys)}
    rng.shuffle(keys)
    return [queues[key].pop(0) for key in keys]


async def rows_after(home: Path, url: str | None, facts: Sequence[Numbered], cut: int) -> dict[str, list[Any]]:
    """Let a fresh reporting hear the facts, `cut` at a time, and return what it has kept."""
    home.mkdir()
    async with Bench.of(build(Settings(home=home)), home, FixedClock(NOON), database_url=url) as bench:
        for start in range(0, len(facts), cut):
            for lead, told, sequence in facts[start : start + cut]:
                await bench.publish(told.fact, subject=lead, at=told.at, sequence=sequence)
            await bench.settle()
        return await bench.engine.read(
            lambda tx: {t.name: kept(tx, t) for t in (LEAD, TOLD, FUNNEL, PROMISE, SPAN, HABIT)}
        )


def kept(tx: Connection, table: Table) -> list[Any]:
    counts = [c.name for c in table.columns if not c.primary_key]
    rows = [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))]
    if table in (FUNNEL, PROMISE, SPAN, HABIT):  # a cell that has come back to nothing is as good as none
        return [row for row in rows if any(row[-len(counts) :])]
    if table is TOLD:  # how many facts of a lead stand in one row depends on how they were cut
        return sorted((row[0], *map(str, entry)) for row in rows for entry in row[-1])
    return rows


async def test_the_rows_do_not_depend_on_how_the_facts_were_cut_or_mixed(
    tmp_path: Path, database_url: str | None, request: pytest.FixtureRequest
) -> None:
    facts = all_stories()
    expected = await rows_after(tmp_path / "whole", None, facts, len(facts))
    assert len(expected["lead"]) == len(STORIES)
    for seed, cut in enumerate((1, 7, 500)):
        url = request.getfixturevalue("postgres").new_database() if database_url and seed else database_url
        found = await rows_after(tmp_path / f"{seed}", url, mixed(facts, seed), cut)
        assert found == expected


async def test_facts_heard_twice_change_nothing(tmp_path: Path, database_url: str | None) -> None:
    facts = all_stories()
    once = await rows_after(tmp_path / "once", None, facts, 50)
    assert await rows_after(tmp_path / "twice", database_url, [*facts, *facts], 50) == once


async def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path, database_url: str | None) -> None:
    service = build(Settings(home=tmp_path))
    async with Bench.of(service, tmp_path, FixedClock(NOON), database_url=database_url) as bench:

        def differences(tx: Connection) -> list[Any]:
            options = {"compare_type": False, "compare_server_default": False}
            return list(compare_metadata(MigrationContext.configure(tx, opts=options), service.metadata))

        assert await bench.engine.read(differences) == []


async def test_the_list_walks_an_index_and_sorts_nothing(tmp_path: Path) -> None:
    async with Bench.of(build(Settings(home=tmp_path)), tmp_path, FixedClock(NOON)) as bench:

        def plan(tx: Connection) -> str:
            sql = """EXPLAIN QUERY PLAN SELECT lead_id FROM lead WHERE received_at IS NOT NULL AND fate = 'held'
                     AND received_at <= 5 ORDER BY received_at DESC, lead_id DESC LIMIT 50"""
            return " ".join(row.detail for row in tx.execute(text(sql)))

        found = await bench.engine.read(plan)
        assert "lead_fate" in found
        assert "TEMP B-TREE" not in found


async def test_a_period_counts_the_leads_of_its_days_however_it_cuts_the_months(
    tmp_path: Path, database_url: str | None
) -> None:
    came = [NOON + timedelta(days=13 * n) for n in range(20)]
    bounds = [None, *(date(2026, month, day) for month in (3, 4, 7) for day in (1, 15, 28)), date(2026, 7, 31)]
    async with Bench.of(build(Settings(home=tmp_path)), tmp_path, FixedClock(NOON), database_url=database_url) as bench:
        for n, at in enumerate(came):
            told = received((at - NOON).total_seconds() / 60)
            await bench.publish(told.fact, subject=f"018f0000-0000-7000-8000-{n:012d}", at=told.at)
        await bench.settle()

        def count(tx: Connection, first: date | None, last: date | None) -> int:
            return int(queries.funnel(tx, FunnelQuery(Period(first, last)))[0]["received"])

        for first, last in product(bounds, bounds):
            days = [at.date() for at in came]
            expected = sum((first is None or first <= day) and (last is None or day <= last) for day in days)
            assert await bench.engine.read(partial(count, first=first, last=last)) == expected, (first, last)
