"""A rule that cannot be computed counts as not met, says so in the trace, and is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baton.playbook import Playbook

BROKEN = "100 / (lead.employees - 5) > 1"


async def test_a_rule_in_error_is_passed_over_told_in_the_trace_and_counted(
    open_bench: Any, make: Callable[..., Playbook], facts: Any
) -> None:
    rules = [
        {"id": "odd", "label": "Odd", "when": BROKEN, "pool": "south", "policy": "plain"},
        {"id": "rest", "label": "Rest", "pool": "north", "policy": "plain"},
    ]
    async with open_bench(make(rules=rules)) as bench:
        service: Any = bench.engine.service
        labels = {"list": "residuals", "rule": "odd"}
        await bench.hear(facts.qualified(fields={"employees": 25}), subject=facts.lead_id(1))
        assert service.registry.get_sample_value("baton_rule_errors_total", labels) is None
        for number in (2, 3):
            await bench.hear(facts.qualified(fields={"employees": 5}), subject=facts.lead_id(number))
        first, second, _ = await bench.said("lead.routed")
        assert first.body["rule"]["id"] == "odd"
        assert second.body["rule"]["id"] == "rest"
        (missed,) = second.body["trace"]["near_misses"]
        assert missed["rule"] == "odd"
        assert missed["because"].startswith("its condition could not be computed: divi")
        assert service.registry.get_sample_value("baton_rule_errors_total", labels) == 2
