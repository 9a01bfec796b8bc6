"""What was measured, as ratios with their spread: a table for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

OUT = Path(__file__).parent / "out"
HEAD = ("row", "figure", "unit", "limit", "ratio", "spread", "target")


@dataclass(frozen=True)
class Row:
    """One line. `ratio` is the median of the pairs' ratios of figure to limit, `spread` their least and greatest."""

    row: str
    figure: float
    unit: str
    limit: float | None = None
    ratio: float | None = None
    target: str | None = None
    spread: tuple[float, float] | None = None


def paired(row: str, unit: str, target: str | None, pairs: Sequence[tuple[float, float]]) -> Row:
    """Return the row of alternating (figure, limit) pairs."""
    ratios = [figure / limit for figure, limit in pairs if limit]
    return Row(
        row,
        _round(median(figure for figure, _ in pairs)),
        unit,
        _round(median(limit for _, limit in pairs)),
        _round(median(ratios)) if ratios else None,
        target,
        (_round(min(ratios)), _round(max(ratios))) if ratios else None,
    )


def single(row: str, unit: str, target: str | None, figures: Sequence[float]) -> Row:
    """Return the row of a figure that has no limit; its spread is that of the figure."""
    return Row(row, _round(median(figures)), unit, target=target, spread=(_round(min(figures)), _round(max(figures))))


def _round(value: float) -> float:
    return float(f"{value:.4g}")


def show(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    lines = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def markdown(rows: Sequence[Row]) -> str:
    """Return the table for a page."""
    lines = [HEAD, ("---", "---:", "---", "---:", "---:", "---", "---"), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    spread = f"{_plain(row.spread[0])} … {_plain(row.spread[1])}" if row.spread else ""
    limit = _plain(row.limit) if row.limit is not None else ""
    ratio = _plain(row.ratio) if row.ratio is not None else ""
    return (row.row, _plain(row.figure), row.unit, limit, ratio, spread, row.target or "")


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a list of objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> list[Row]:
    """Read what `write_json` wrote."""
    return [Row(**{**row, "spread": tuple(row["spread"]) if row["spread"] else None}) for row in _load(path)]


def _load(path: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(path.read_text())
    return loaded
