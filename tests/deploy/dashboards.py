"""The committed dashboards, as Grafana would read them: their panels, and what those ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.deploy.rules import spelled_out
from tests.layout.tree import ROOT

FOLDER = ROOT / "deploy/grafana/dashboards"
PROMETHEUS_OWN = {"up", "ALERTS"}


@dataclass(frozen=True)
class Asked:
    """One query of one panel."""

    board: str
    panel: str
    expr: str
    legend: str = ""

    @property
    def metrics(self) -> frozenset[str]:
        """Metrics as they are named, `_bucket` and the like included."""
        return frozenset(re.findall(r"\bbaton_[a-z_]+", spelled_out(self.expr)))

    @property
    def label_names(self) -> frozenset[str]:
        """Labels that are asked for, grouped by or shown."""
        expr = spelled_out(self.expr)
        compared = re.findall(r'(\w+)=~?"', expr)
        grouped = re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", expr)))
        return frozenset(compared) | frozenset(grouped)


@cache
def boards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Asked]:
    for uid, board in boards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield Asked(uid, panel["title"], target["expr"], target["legendFormat"])


def variables() -> Iterator[tuple[str, str]]:
    """Metric and label of every variable."""
    for board in boards().values():
        for variable in board["templating"]["list"]:
            found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
            assert found
            yield found[1], found[2]
