"""`baton playbook check` and `show`."""

from __future__ import annotations

import os
from pathlib import Path

from baton.cli.faults import Exit, Fault
from baton.cli.screen import out
from baton.playbook import SIDES, Playbook, PlaybookErrors, load
from baton.playbook import check as problems_of

DEFAULT = Path("deploy/playbook")


def playbook_path(given: Path | None) -> Path:
    """What was given, else BATON_PLAYBOOK, else the example."""
    return given or Path(os.environ.get("BATON_PLAYBOOK") or DEFAULT)


def check(path: Path | None) -> None:
    """Print every problem as file:line:column: message. Raises Fault if any is an error."""
    where = playbook_path(path)
    problems = problems_of(where)
    for problem in problems:
        out.print(str(where / str(problem)), markup=False)
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        raise Fault(
            f"{where}: {errors} error{'s' if errors > 1 else ''}; a running Baton would keep the version it has"
        )
    playbook = load(where)
    out.print(f"{where}: fine, version {playbook.version}, {signed(playbook)}", markup=False)


def signed(playbook: Playbook) -> str:
    """Who signed it in signatures.yaml, in words."""
    by = playbook.signatures.of(playbook.version)
    given = [f"signed by {by[side].name} for {side}" if side in by else f"not signed for {side}" for side in SIDES]
    return ", ".join(given) if by else "signed by nobody in signatures.yaml"


def show(path: Path | None) -> None:
    """Print what the playbook decides, in words."""
    where = playbook_path(path)
    try:
        playbook = load(where)
    except PlaybookErrors as faults:
        hint = f"`baton playbook check {where}` lists all of it."
        raise Fault(f"{where} is not valid: {faults.problems[0]}", hint, Exit.WRONG) from faults
    for line in summary(playbook):
        out.print(line, markup=False)


def summary(playbook: Playbook) -> list[str]:
    """The playbook in words, line by line."""
    definition = playbook.definition
    lines = [f"{definition.title}", f"version {playbook.version}", "", "A lead is somebody who"]
    lines += [f"  must: {one.label}" for one in definition.criteria if one.required]
    lines += [f"  {one.points:+d} points: {one.label}" for one in definition.criteria if one.points]
    if definition.min_points:
        lines.append(f"  with at least {definition.min_points} points together")
    if definition.must_know:
        lines += ["", "Sales must know: " + ", ".join(item.label for item in definition.must_know)]
    lines += ["", f"Score: {playbook.scoring.score}"]
    lines += [f"  fit {rule.points:+d}: {rule.label}" for rule in playbook.scoring.fit]
    lines += [f"  interest {one.weight:+g}: {one.label}" for one in playbook.scoring.signals if one.weight]
    lines += _turned_away(playbook) + _handed_over(playbook) + _promised(playbook)
    return lines


def _turned_away(playbook: Playbook) -> list[str]:
    rules = [f"  {rule.label} → {rule.reason} ({rule.closes})" for rule in playbook.disqualify.rules]
    tracks = [
        f"  {track.label}: looked at again after {track.look_again_days} days" for track in playbook.nurture.tracks
    ]
    return ["", "Not a lead", *rules, "", "Nurtured on", *tracks]


def _handed_over(playbook: Playbook) -> list[str]:
    routing = playbook.routing
    lines = ["", "Handed over, by the first rule that matches"]
    for rule in routing.rules:
        match = "; ".join(
            f"{name} {' | '.join(values[:6])}{' …' * (len(values) > 6)}" for name, values in rule.match.items()
        )
        condition = " and ".join(part for part in (match, rule.when) if part) or "everybody else"
        lines.append(f"  {rule.label}: {condition} → {rule.pool}, {rule.policy}")
    for pool in routing.pools:
        members = ", ".join(member.rep for member in pool.members) or "by team, skill or language"
        lines.append(f"  pool {pool.id}: {members}")
    return lines


def _promised(playbook: Playbook) -> list[str]:
    lines = ["", "Promised"]
    for policy in playbook.sla.policies:
        promise = f"first attempt within {_span(policy.first_attempt)} of business time"
        shares = " and ".join(map(str, policy.warn_at))
        lines.append(f"  {policy.label}: {promise}, warned at {shares} %, then {policy.on_breach}")
    return [*lines, f"  a breach moves a lead at most {playbook.routing.max_reassigns} times"]


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    parts = [(hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
