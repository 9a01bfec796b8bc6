"""What was measured, as ratios with their spread: a table for people, JSON for machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

OUT = Path(__file__).parent / "out"


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


def paired(row: str, unit: str, target: str | None, pairs: list[tuple[float, float]]) -> Row:
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


def single(row: str, unit: str, target: str | None, figures: list[float]) -> Row:
    """Return the row of a figure that has no limit; its spread is that of the figure."""
    return Row(row, _round(median(figures)), unit, target=target, spread=(_round(min(figures)), _round(max(figures))))


def _round(value: float) -> float:
    return float(f"{value:.4g}")


def show(rows: list[Row]) -> str:
    """Return the table."""
    head = ("row", "figure", "unit", "limit", "ratio", "spread", "target")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    spread = f"{row.spread[0]:g} … {row.spread[1]:g}" if row.spread else ""
    limit = f"{row.limit:g}" if row.limit is not None else ""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    return (row.row, f"{row.figure:g}", row.unit, limit, ratio, spread, row.target or "")


def write(rows: list[Row]) -> Path:
    """Write bench/out/results.json; return its path."""
    OUT.mkdir(exist_ok=True)
    path = OUT / "results.json"
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return path
