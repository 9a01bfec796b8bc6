"""Facts that cannot be handled yet wait in order, and hold those behind them and nobody else."""

from __future__ import annotations

from shared.tests.runtime.toy import Extra, Number, parked, totals

from baton.runtime.testing import Bench


async def test_a_gap_filled_in_the_same_poll_leaves_nothing_parked(bench: Bench) -> None:
    for sequence in (1, 3, 2):
        await bench.publish(Number(n=10**sequence), subject="a", sequence=sequence)
    await bench.settle()
    assert await totals(bench) == [10, 110, 1110]
    assert await parked(bench) == []
    await bench.hear(Number(n=5), subject="a", sequence=4)
    assert (await totals(bench))[-1] == 1115


async def test_a_poison_fact_behind_a_gap_of_the_same_poll_holds_its_lead(bench: Bench) -> None:
    await bench.publish(Number(n=1), subject="a", sequence=1)
    await bench.publish(Number(n=0, poison=True), subject="a", sequence=3)
    await bench.publish(Number(n=2), subject="a", sequence=2)
    await bench.settle()
    assert await parked(bench) == [("a", "poison")]
    await bench.hear(Extra(n=100), subject="a", source="extras")
    assert await totals(bench) == [1, 3]
    assert await parked(bench) == [("a", "poison"), ("a", "behind")]


async def test_poison_holds_its_lead_also_where_a_gap_was_parked_before_it_and_can_be_settled_first(
    bench: Bench,
) -> None:
    await bench.hear(Number(n=4), subject="a", sequence=2)
    await bench.hear(Extra(n=0), subject="a", source="extras", sequence=1)
    await bench.hear(Number(n=0, poison=True), subject="a", source="others", sequence=1)
    await bench.hear(Extra(n=100), subject="a", source="extras", sequence=2)
    await bench.hear(Number(n=2), subject="a", sequence=1)
    assert await totals(bench) == [0]
    gap, poison, *behind = await bench.engine.parked.list()
    assert (gap["reason"], poison["reason"], [row["reason"] for row in behind]) == ("gap", "poison", ["behind"] * 2)
    done = await bench.engine.parked.discard(poison["id"], "test", "cannot be mended")
    assert done is not None
    assert done["left"] == 0
    assert await totals(bench) == [0, 100, 102, 106]


async def test_a_gap_given_up_takes_those_it_was_waiting_for_along(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a", sequence=3)
    [gap] = await bench.engine.parked.list()
    await bench.engine.parked.discard(gap["id"], "test", "lost for good")
    await bench.hear(Number(n=2), subject="a", sequence=4)
    assert await totals(bench) == [2]
    assert await parked(bench) == []
