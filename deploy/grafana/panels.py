"""A Grafana dashboard as plain data: panels, laid out in rows of a grid 24 wide. Nothing is written or asked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.grafana.queries import Query

Json = dict[str, Any]
SCHEMA = 42
"""Of dashboards; Grafana 12 writes it, later ones read it."""
WIDTH = 24
SOURCE: Json = {"type": "prometheus", "uid": "prometheus"}
"""As provisioning/datasources names it."""
RED, GREEN, ORANGE = "red", "green", "orange"


@dataclass(frozen=True)
class Panel:
    """One picture, the question it answers, and the alert it belongs to."""

    title: str
    queries: tuple[Query, ...]
    about: str
    kind: str = "timeseries"
    unit: str = "short"
    alert: str = ""
    """One or several, with blanks between."""
    steps: tuple[tuple[float | None, str], ...] = ()
    is_stacked: bool = False
    is_name: bool = False
    """Whether a figure shows what its line is called (a version) in place of the value."""


@dataclass(frozen=True)
class Row:
    """Panels side by side, under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard. `variables` maps a name to the metric and the label whose values it takes."""

    uid: str
    title: str
    about: str
    rows: tuple[Row, ...]
    variables: Mapping[str, tuple[str, str]]


def graph(title: str, about: str, *queries: Query, unit: str = "short", alert: str = "", stack: bool = False) -> Panel:
    """Lines over time."""
    return Panel(title, queries, about, unit=unit, alert=alert, is_stacked=stack)


def figure(
    title: str,
    about: str,
    *exprs: Query,
    unit: str = "short",
    alert: str = "",
    steps: tuple[tuple[float | None, str], ...] = ((None, GREEN),),
) -> Panel:
    """The latest value, large; `steps` say from which value on it has which colour."""
    instant = tuple(Query(query.expr, query.legend, is_instant=True) for query in exprs)
    return Panel(title, instant, about, kind="stat", unit=unit, alert=alert, steps=steps)


def heat(title: str, about: str, query: Query, unit: str = "s") -> Panel:
    """How a histogram spreads over time; the query sums by `le`."""
    return Panel(title, (query,), about, kind="heatmap", unit=unit)


def as_json(board: Board) -> Json:
    """The dashboard as Grafana provisions it. The same board gives the same JSON."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.about,
        "tags": ["baton"],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,  # one crosshair for all panels
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_alerts()]},
        "links": [_other_boards()],
        "templating": {"list": [_variable(name, *values) for name, values in board.variables.items()]},
        "panels": list(_laid_out(board.rows)),
    }


def _laid_out(rows: Iterable[Row]) -> Iterable[Json]:
    top, number = 0, 0
    for row in rows:
        number += 1
        grid = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": grid, "panels": []}
        width = WIDTH // len(row.panels)
        height = 4 if all(panel.kind == "stat" for panel in row.panels) else 8
        for place, panel in enumerate(row.panels):
            number += 1
            grid = {"x": place * width, "y": top + 1, "w": width, "h": height}
            yield {"id": number, "gridPos": grid, **_panel(panel)}
        top += 1 + height


def _panel(panel: Panel) -> Json:
    told = "".join(f" Alert {alert}: docs/runbooks/{alert}.md." for alert in panel.alert.split())
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about + told,
        "datasource": SOURCE,
        "targets": [_target(chr(ord("A") + at), query, panel.kind) for at, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(letter: str, query: Query, kind: str) -> Json:
    return {
        "refId": letter,
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "format": "heatmap" if kind == "heatmap" else "time_series",
        "instant": query.is_instant,
        "range": not query.is_instant,
        **({"exemplar": True} if query.has_exemplars else {}),
        "legendFormat": "{{le}}" if kind == "heatmap" else query.legend or "__auto",
    }


def _defaults(panel: Panel) -> Json:
    if panel.kind == "heatmap":
        return {}
    defaults: Json = {"unit": panel.unit, "min": 0}
    if panel.steps:
        steps = [{"value": value, "color": color} for value, color in panel.steps]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.is_stacked else "none", "group": "A"}
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 20 if panel.is_stacked else 0, "stacking": stacking}
    return defaults


def _options(panel: Panel) -> Json:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    text = "name" if panel.is_name else "auto"
    options: dict[str, Json] = {
        "timeseries": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "stat": {"reduceOptions": last, "colorMode": "value", "graphMode": "none", "textMode": text},
        "heatmap": {
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
            "yAxis": {"unit": "s"},
            "tooltip": {"mode": "single", "yHistogram": False},
        },
    }
    return options[panel.kind]


def _variable(name: str, metric: str, label: str) -> Json:
    query = f"label_values({metric}, {label})"
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,  # whenever the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _alerts() -> Json:
    """Marks where an alert of deploy/prometheus/rules.yml fired."""
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": RED,
        "expr": 'ALERTS{alertname=~"Baton.*",alertstate="firing"}',
        "step": "30s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{job}} {{topic}} {{reason}} {{team}} {{endpoint}}",
    }


def _other_boards() -> Json:
    return {"title": "Baton", "type": "dashboards", "tags": ["baton"], "asDropdown": True, "includeVars": False}
