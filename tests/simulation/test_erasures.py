"""What the simulation checks of erasures: one in peace leaves nothing, and whatever would be left is said."""

from __future__ import annotations

import asyncio
import random

import pytest

from baton.intake.merging import Merge, Unmerge
from tests.simulation.checks import faults_of
from tests.simulation.erasures import kept_of_the_erased, words_of
from tests.simulation.facts import facts_of
from tests.simulation.officer import Officer
from tests.simulation.people import People
from tests.simulation.shortcuts import determined
from tests.simulation.turns import settle
from tests.simulation.world import World

WORD = "(a word)"
LEFT = (
    ("routing", "UPDATE subject SET erased_at = NULL", "was erased and not by routing"),
    ("intake", f"UPDATE raw SET body = '{WORD}'", "intake.raw keeps a word"),
    ("scoring", f"UPDATE journal SET value = '{WORD}'", "scoring.journal keeps a word"),
    ("reporting", f"UPDATE subject SET heard = json_object('{WORD}', 1)", "reporting.subject keeps a word"),
)

pytestmark = [pytest.mark.slow]


async def _peace(people: People) -> tuple[str, str]:
    """Two leads have come in and found their owners, and nothing goes wrong."""
    world = people.world
    await world.begin()
    await world.turns.calm()
    people.arrive(2)
    await _drained(world)
    one, other = (row[0] for row in world.databases["intake"].rows("SELECT lead_id FROM lead ORDER BY lead_id"))
    return str(one), str(other)


async def _drained(world: World) -> None:
    await settle()
    assert await world.drain(), world.wrong


def _wrong(people: People) -> list[str]:
    return faults_of(people.world, facts_of(people.world), people.accepted, is_at_rest=False)


def _people(chance: random.Random) -> People:
    world = World(chance)
    return People(world, Officer(world))


def test_whatever_is_left_of_somebody_erased_is_said() -> None:
    async def told() -> None:
        people = _people(chance)
        one, _ = await _peace(people)
        await people.officer.ask(one, people.world.of("intake")[0])
        await _drained(people.world)
        assert _wrong(people) == []
        word = next(word for word, lead in words_of(facts_of(people.world), {one}).items() if lead == one)
        for service, sql, said in LEFT:
            database = people.world.databases[service]
            database.rows("BEGIN")
            database.rows(sql.replace(WORD, word))
            assert any(said in fault for fault in _wrong(people)), sql
            database.rows("ROLLBACK")
        await people.world.end()

    with determined(chance := random.Random(3)):
        asyncio.run(told())


def test_who_was_parted_from_another_again_stands_nowhere() -> None:
    async def told() -> None:
        people = _people(chance)
        one, other = await _peace(people)
        (intake,) = people.world.of("intake")
        assert intake.reception is not None
        for asked in (Merge(one, other), Unmerge(one)):
            await intake.reception.matchmaker.ask(asked)
            await _drained(people.world)
        await people.officer.ask(one, intake)
        await _drained(people.world)
        assert _wrong(people) == []
        left = kept_of_the_erased(people.world, [f for f in facts_of(people.world) if not f.body.get("restored")])
        assert list(left) == []
        await people.world.end()

    with determined(chance := random.Random(3)):
        asyncio.run(told())
