"""The plot of docs/performance.md: each row's share of what the machine can do at best, with its spread. Plain SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.table import Row

WIDTH, LEFT, RIGHT, LINE, TOP = 1040, 510, 90, 26, 64
INK, FAINT, BAR, SPREAD, TARGET = "#1f2933", "#9aa5b1", "#4c8dd6", "#12467f", "#d64545"
TITLE = "Baton beside what it is compared with"
LEGEND = "1 = as good; longer is better, also for times; the line is the spread"
SLOWER_IS_MORE = ("ms", "ms/lead", "µs", "ms/s", "s")


def svg(rows: Sequence[Row]) -> str:
    """Return a bar a row: how near Baton comes to its limit, 1 being as good; in a grid of quarters.

    Where more is worse (time), the ratio is turned over, so that longer bars are better throughout.
    """
    drawn = [row for row in rows if row.ratio and row.spread]
    height = TOP + LINE * len(drawn) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="600" fill="{INK}">{TITLE}</text>',
        f'<text x="16" y="46" fill="{FAINT}">{LEGEND}</text>',
        *_grid(height),
    ]
    for number, row in enumerate(drawn):
        parts += _bar(row, TOP + LINE * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(height: int) -> list[str]:
    parts = []
    for quarter in range(6):
        x, share = _x(quarter / 4), quarter / 4
        colour = INK if quarter == 4 else "#e4e7eb"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{height - 32}" stroke="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 14}" text-anchor="middle" fill="{FAINT}">{share:g}</text>')
    return parts


def _bar(row: Row, y: int) -> list[str]:
    share, low, high = shares(row)
    middle, whisker = y + LINE / 2, f'stroke="{SPREAD}" stroke-width="2"'
    return [
        f'<text x="{LEFT - 10}" y="{middle + 4}" text-anchor="end" fill="{INK}">{escape(row.row)}</text>',
        f'<rect x="{LEFT}" y="{y + 5}" width="{_x(share) - LEFT:.1f}" height="{LINE - 10}" rx="2" fill="{BAR}"/>',
        f'<line x1="{_x(low):.1f}" y1="{middle}" x2="{_x(high):.1f}" y2="{middle}" {whisker}/>',
        f'<text x="{_x(max(share, high)) + 8:.1f}" y="{middle + 4}" fill="{INK}">{share:.2f}</text>',
    ]


def shares(row: Row) -> tuple[float, float, float]:
    """Return the row's ratio and its spread as shares of the limit: 1 is as good, less is worse."""
    assert row.ratio
    assert row.spread
    if row.unit in SLOWER_IS_MORE:
        return 1 / row.ratio, 1 / max(row.spread[1], 1e-9), 1 / max(row.spread[0], 1e-9)
    return row.ratio, *row.spread


def _x(share: float) -> float:
    return LEFT + min(max(share, 0.0), 1.35) / 1.35 * (WIDTH - LEFT - RIGHT)
