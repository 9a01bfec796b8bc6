"""Demo people do not exist, and are the same for the same seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from baton.cli.demo.people import person
from baton.cli.demo.story import arrival

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def leads(seed: int, count: int) -> list[dict[str, object]]:
    chance = random.Random(seed)
    return [arrival(chance, person(chance, number), "t", NOW) for number in range(count)]


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert leads(7, 50) == leads(7, 50)
    assert leads(7, 50) != leads(8, 50)


def test_no_two_people_share_an_address_and_none_can_be_written_to() -> None:
    chance = random.Random(1)
    addresses = [person(chance, number).email for number in range(2000)]
    assert len(set(addresses)) == 2000
    assert all(address.endswith(".example") or "%demo@" in address for address in addresses)
