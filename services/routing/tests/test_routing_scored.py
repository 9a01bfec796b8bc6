"""A lead that is scored again while its round is open has its place by what it is worth now (U4)."""

from __future__ import annotations

from typing import Any

from baton.contracts import DefinitionRef, LeadScored, Reason, Score
from baton.routing import store
from baton.runtime.testing import Bench


def scored(total: float, round_: int = 1, temperature: Any = "warm") -> LeadScored:
    return LeadScored(
        round=round_,
        score=Score(total=total, fit=total),
        temperature=temperature,
        definition=DefinitionRef(label="d", playbook="p-1"),
        why=[Reason(criterion="now", label="Is worth more now", value=True, points=total)],
        outcome="qualified",
    )


async def queue(bench: Bench, rep: str) -> list[tuple[str, float]]:
    service: Any = bench.engine.service
    leads = await bench.engine.read(lambda tx: store.queue_of(tx, service.tables, rep, 10, None))
    return [(lead.lead_id, lead.qualified.score.total) for lead in leads if lead.qualified]


async def test_a_lead_worth_more_by_now_goes_up_in_the_rep_s_list(bench: Bench, facts: Any) -> None:
    one, two = facts.lead_id(1), facts.lead_id(2)
    for number in (1, 2):
        await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead_id(number))
        await bench.command("claim", facts.lead_id(number), {"rep": "ada"})
    assert await queue(bench, "ada") == [(one, 60), (two, 60)]
    await bench.hear(scored(75), subject=two)
    assert await queue(bench, "ada") == [(two, 75), (one, 60)]
    await bench.hear(scored(10), subject=two)
    assert await queue(bench, "ada") == [(one, 60), (two, 10)]
    assert len(await bench.said("lead.routed", "lead.reassigned")) == 4, "nobody else gets it for that"


async def test_the_best_of_a_queue_is_the_best_by_the_scores_of_now(make: Any, open_bench: Any, facts: Any) -> None:
    pools = [{"id": "q", "label": "Queue", "members": [{"rep": "ada"}], "rotation": "pull"}]
    rules = [{"id": "all", "label": "All", "pool": "q", "policy": "plain"}]
    async with open_bench(make(pools=pools, rules=rules)) as bench:
        for number in (1, 2):
            await bench.hear(facts.qualified(), subject=facts.lead_id(number))
        await bench.hear(scored(90), subject=facts.lead_id(2))
        found = await bench.engine.read(lambda tx: store.queued(tx, bench.engine.service.tables, "q", 5))
        assert found == [facts.lead_id(2), facts.lead_id(1)]
        assert len(await bench.said("lead.held")) == 2, "a hold that stands is said once"


async def test_a_held_lead_that_has_become_hot_goes_where_hot_ones_go(make: Any, open_bench: Any, facts: Any) -> None:
    rules = [{"id": "hot", "label": "Hot", "match": {"temperature": ["hot"]}, "pool": "north", "policy": "fast"}]
    async with open_bench(make(rules=rules)) as bench:
        await bench.hear(facts.qualified(), subject=facts.lead)
        await bench.hear(scored(80, temperature="hot"), subject=facts.lead)
        routed = (await bench.said("lead.routed"))[0].body
        assert (routed["rule"]["id"], routed["score"]["total"], routed["temperature"]) == ("hot", 80, "hot")
        assert routed["why"][0]["criterion"] == "now"


async def test_the_score_of_another_round_and_of_a_suspect_changes_nothing(desk: Bench, facts: Any) -> None:
    await desk.hear(scored(99, round_=0), subject=facts.lead)
    await desk.hear(scored(98), subject=facts.lead)
    await desk.hear(facts.qualified(), subject=facts.lead)
    owner = (await desk.said("lead.routed"))[0].body["owner"]["id"]
    await desk.hear(scored(99, round_=2), subject=facts.lead)
    assert await queue(desk, owner) == [(facts.lead, 60)]
