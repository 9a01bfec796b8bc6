"""What Prometheus reads: series that are there before the first event, and never more of them than it bears."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from baton.contracts import Rep, RepChanged
from baton.runtime.labels import MOST_VALUES, OTHER
from baton.runtime.testing import Bench

MANY = MOST_VALUES + 20


def values(bench: Bench, metric: str, label: str) -> set[str]:
    text = bench.engine.metrics_text().decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {sample.labels[label] for sample in samples if sample.name == metric}


async def test_a_team_has_its_series_before_its_first_lead(bench: Bench, monitor: Any) -> None:
    rep = Rep(id="ada", name="Ada Byron", team="north", zone="UTC", calendar="always")
    await bench.hear(RepChanged(rep=rep), subject="ada")
    value = monitor.registry.get_sample_value
    for policy in (policy.id for policy in monitor.playbook.sla.policies):
        for counter in ("baton_sla_breaches_total", "baton_sla_kept_total"):
            assert value(counter, {"policy": policy, "team": "north"}) == 0
    assert value("baton_follow_up_seconds_count", {"team": "north"}) == 0
    assert value("baton_first_contact_seconds_bucket", {"team": "north", "le": "300.0"}) == 0


async def test_a_kept_promise_counts_once_for_the_team_that_kept_it(bench: Bench, facts: Any, monitor: Any) -> None:
    await bench.hear(facts.routed(0, "plain"), subject=facts.lead)
    await bench.hear(facts.touched(1), subject=facts.lead)
    await bench.hear(facts.touched(1.5), subject=facts.lead)
    value = monitor.registry.get_sample_value
    assert value("baton_sla_kept_total", {"policy": "plain", "team": "north"}) == 1


async def test_made_up_teams_and_policies_are_bounded_and_none_of_them_is_lost(
    bench: Bench, facts: Any, monitor: Any
) -> None:
    for number in range(MANY):
        rep = Rep(id=f"rep-{number}", name="Somebody", team=f"made-up-{number}", zone="UTC", calendar="always")
        await bench.publish(RepChanged(rep=rep), subject=rep.id)
    leads = [f"0190aaaa-0000-7000-8000-{number:012}" for number in range(MANY)]
    for number, lead in enumerate(leads):
        handed = facts.routed(0, "plain", facts.owner(f"rep-{number}", team=f"made-up-{number}"))
        await bench.publish(handed.model_copy(update={"policy": f"made-up-{number}"}), subject=lead)
        await bench.publish(facts.touched(1), subject=lead)
    await bench.settle()
    monitor.metrics.show({(f"made-up-{number}", "met"): 1 for number in range(MANY)})
    for metric in ("baton_follow_up_seconds_count", "baton_sla_kept_total", "baton_sla_breaches_total"):
        assert OTHER in values(bench, metric, "team")
        assert len(values(bench, metric, "team")) <= MOST_VALUES + 1
    for metric in ("baton_sla_kept_total", "baton_sla_obligations"):
        assert len(values(bench, metric, "policy")) <= MOST_VALUES + 1
    text = bench.engine.metrics_text().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert sum(sample.value for sample in samples if sample.name == "baton_sla_kept_total") == MANY
