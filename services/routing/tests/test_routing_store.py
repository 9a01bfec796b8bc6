"""Lists in order and by page, on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from baton.contracts import Score
from baton.routing import store
from baton.runtime.testing import Bench


async def test_a_queue_is_paged_best_first_and_equal_scores_by_id(bench: Bench, facts: Any) -> None:
    for number, total in enumerate((50, 90, 50, 10)):
        await bench.hear(facts.qualified(score=Score(total=total)), subject=facts.lead_id(number))
        await bench.command("reassign", facts.lead_id(number), {"to": "dee"})
    tables = bench.engine.service.tables  # type: ignore[attr-defined]
    whole = await bench.engine.read(lambda tx: store.queue_of(tx, tables, "dee", 10, None))
    paged: list[str] = []
    after: tuple[float, str] | None = None
    while True:
        page = await bench.engine.read(lambda tx, after=after: store.queue_of(tx, tables, "dee", 1, after))
        if not page:
            break
        paged.append(page[0].lead_id)
        after = (page[0].qualified.score.total, page[0].lead_id)  # type: ignore[union-attr]
    assert paged == [lead.lead_id for lead in whole] == [facts.lead_id(n) for n in (1, 0, 2, 3)]


async def test_held_leads_are_paged_by_how_long_they_wait(bench: Bench, facts: Any) -> None:
    for number in (2, 1, 3):
        await bench.hear(facts.qualified(country="BR"), subject=facts.lead_id(number))
        await bench.advance(facts.at(number / 10 if number > 2 else 0.1))
    tables = bench.engine.service.tables  # type: ignore[attr-defined]
    first = await bench.engine.read(lambda tx: store.held(tx, tables, 1, None, None))
    assert first[0].hold is not None
    place = (first[0].hold.since.isoformat(), first[0].lead_id)
    rest = await bench.engine.read(lambda tx: store.held(tx, tables, 10, place, "no_rule"))
    assert [lead.lead_id for lead in [*first, *rest]] == [facts.lead_id(n) for n in (2, 1, 3)]
    assert await bench.engine.read(lambda tx: store.held_counts(tx, tables)) == {"no_rule": 3}


async def test_the_ledger_counts_leads_that_were_qualified_and_no_others(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.status(1, "lost"), subject=facts.lead_id(50))
    for number in range(3):
        await bench.hear(facts.qualified(), subject=facts.lead_id(number))
    await bench.hear(facts.status(1, "won"), subject=facts.lead_id(2))
    service: Any = bench.engine.service
    assert await bench.engine.read(service.ledger) == {"routed": 2, "won": 1}
    page = await bench.engine.read(lambda tx: service.ledger_page(tx, facts.lead_id(0), 1))
    assert page == [{"lead_id": facts.lead_id(1), "fate": "routed", "round": 1}]


async def test_rosters_and_playbooks_are_kept_as_long_as_a_decision_was_made_by_them(bench: Bench, facts: Any) -> None:
    service: Any = bench.engine.service

    async def kept() -> int:
        return len(await bench.engine.read(lambda tx: list(tx.execute(service.tables.kept.select()))))

    await bench.hear(facts.qualified(), subject=facts.lead_id(1))
    for number in range(2, 5):
        await bench.advance(timedelta(days=1))
        await bench.command("put", "zoe", facts.rep("zoe", weight=number), id=str(number))
        await bench.hear(facts.qualified(), subject=facts.lead_id(number))
    assert await kept() == 5
    await bench.advance(timedelta(days=service._decision_days - 1))
    await service.delete_old_decisions(bench.engine)
    assert await kept() == 5, "all but the first decision are young enough, and replicas may overlap for a day"
    await bench.advance(timedelta(days=30))
    await service.delete_old_decisions(bench.engine)
    assert await kept() == 2
    await bench.hear(facts.qualified(), subject=facts.lead_id(9))
    assert await kept() == 2
