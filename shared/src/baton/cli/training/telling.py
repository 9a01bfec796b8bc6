"""What `baton train` found, in words and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from baton.cli.training.learning import Findings
from baton.cli.training.tables import Line, Side
from baton.playbook.learned import Learned, LearnedField

SHOWN = 8


def told(found: Findings) -> Iterator[str]:
    """Line by line."""
    held = found.learned.held_out
    yield f"Learned from {found.learned.cases:,} older cases, judged on {held.cases:,} newer ones (since {held.since})"
    if found.undecided:
        yield f"  {found.undecided:,} more have no end yet and were left out"
    yield f"  AUC {held.auc:.3f}; the rules alone have {held.rules_auc:.3f}; the difference {_interval(held.better_by)}"
    yield f"  log loss {held.log_loss:.3f}, calibration error {held.calibration_error:.3f}"
    yield f"  {_switch(found.learned)}"
    yield from _refused("Not learned from", found.refused)
    yield from _refused("Columns of the file no lead should be judged by", found.suspect_columns)
    if found.of_no_use:
        yield f"Of no use: {', '.join(found.of_no_use)}"
    yield from _strongest(found.learned)
    yield from _criteria(found)
    yield from _stages(found)


def plain(found: Findings) -> dict[str, Any]:
    """The same as plain data, for `--report`."""
    return {
        "learned": found.learned.model_dump(mode="json"),
        "is_on": found.learned.is_on,
        "undecided": found.undecided,
        "refused": dict(found.refused),
        "suspect_columns": dict(found.suspect_columns),
        "of_no_use": list(found.of_no_use),
        "criteria": [_plain_line(line) for line in found.criteria],
        "stages": [
            {"stage": one.stage, "detail": one.detail, "words": one.words, **_plain_line(one.line)}
            for one in found.stages
        ],
    }


def _plain_line(line: Line) -> dict[str, Any]:
    return {**asdict(line), "verdict": line.verdict}


def _switch(learned: Learned) -> str:
    if learned.is_on:
        return "It beats the rules on newer cases: it counts as soon as its file is part of the playbook"
    return "It does not (surely) beat the rules on newer cases: it stays off, and is shown as such"


def _refused(title: str, refused: Mapping[str, str]) -> Iterator[str]:
    if refused:
        yield f"{title}:"
        yield from (f"  {name}: {why}" for name, why in refused.items())


def _strongest(learned: Learned) -> Iterator[str]:
    yield "What counts, strongest first (odds between its best and its worst value):"
    for field in sorted(learned.fields, key=lambda one: -_reach(one))[:SHOWN]:
        yield f"  {field.field}: {_extremes(field)}"


def _reach(field: LearnedField) -> float:
    added = _added(field)
    return max(added.values()) - min(added.values())


def _extremes(field: LearnedField) -> str:
    added = _added(field)
    best, worst = max(added, key=added.__getitem__), min(added, key=added.__getitem__)
    return f"best {best} ({added[best]:+.2f}), worst {worst} ({added[worst]:+.2f})"


def _added(field: LearnedField) -> dict[str, float]:
    return dict(field.words) or {f"{value:g}": added for value, added in field.points}


def _criteria(found: Findings) -> Iterator[str]:
    if found.criteria:
        yield "Criteria of the definition, met against not met:"
    for line in found.criteria:
        yield f"  {line.label}: {_sides(line)}: {line.verdict}"


def _stages(found: Findings) -> Iterator[str]:
    spoken = [one for one in found.stages if one.words]
    if spoken:
        yield "What won deals knew by which stage:"
        yield from (f"  {one.words} ({_sides(one.line)})" for one in spoken)
    elif found.stages:
        yield "What won deals knew by which stage: nothing sure yet"


def _sides(line: Line) -> str:
    gain = "" if line.gain is None else f", difference {_interval(line.gain)}"
    unknown = f", {line.unknown:,} unknown" if line.unknown else ""
    return f"{_side(line.with_it)} against {_side(line.without)}{gain}{unknown}"


def _side(side: Side) -> str:
    return f"{side.well:,} of {side.cases:,}" + ("" if side.share is None else f" ({side.share:.0%})")


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:+.3f} … {interval[1]:+.3f}"
