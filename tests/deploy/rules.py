"""The rules that Prometheus is given: what is recorded, and what alerts."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from tests.layout.tree import ROOT

FOLDER = ROOT / "deploy/prometheus"
RULES = ("rules.yml", "slo.yml")
RECORDED = re.compile(r"(?<![\w:])[a-z]+:\w+:\w+")


@cache
def rules(*kinds: str) -> dict[str, dict[str, Any]]:
    """The rules that `alert`, that `record`, or both, by what they are called."""
    groups = [group for name in RULES for group in yaml.safe_load((FOLDER / name).read_text())["groups"]]
    found = [(rule[kind], rule) for group in groups for rule in group["rules"] for kind in kinds if kind in rule]
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


def alerts() -> list[str]:
    return list(rules("alert"))


def spelled_out(expr: str) -> str:
    """The query with what is recorded in place of its name. Raises KeyError for what nobody records."""
    return RECORDED.sub(lambda name: f"({rules('record')[name[0]]['expr']})", expr)
