"""What the draft changes: two courses of one history side by side, lead by lead and in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from baton.cli.simulate.history import History
from baton.cli.simulate.tally import OUTCOMES, SLA_STATES, Fate
from baton.cli.simulate.world import Course, received

SIDES = ("qualified", "routed", "held", "sla", "busiest")
NAMES = ("leads", "changed", "moved", "rerouted", *(f"{one}_{side}" for one in SIDES for side in ("before", "after")))
"""What `--fail-if` may name."""
_NONE = Fate()
LONGEST = 200
"""Characters of one reason."""


def compared(history: History, before: Course, after: Course) -> dict[str, Any]:
    """The whole report as plain data; nothing in it depends on the machine or the hour."""
    leads = sorted(before.tally.fates.keys() | after.tally.fates.keys())
    changed = [one for lead in leads if (one := _change(lead, before, after)) is not None]
    measures = _measures(leads, changed, before, after)
    return {
        "history": {
            "from": history.title,
            "begins": history.begins,
            "ends": history.ends,
            "since": max(history.begins, before.tally.since),
            "leads": received(history.entries),
            "entries": len(history.entries),
            "unused": dict(sorted(history.unused.items())),
        },
        "playbooks": {"before": before.version, "after": after.version},
        "measures": measures,
        "outcomes": _side_by_side(_outcomes(before), _outcomes(after), OUTCOMES),
        "sla": {"before": _sla(before), "after": _sla(after)},
        "owners": list(_owners(before, after)),
        "rules": _side_by_side(before.tally.rules, after.tally.rules),
        "as_recorded": _as_recorded(history, before),
        "not_repeated": {"before": before.refused, "after": after.refused},
        "books": {"before": before.books_digest, "after": after.books_digest},
        "changed": changed,
    }


def _measures(leads: list[str], changed: list[dict[str, Any]], before: Course, after: Course) -> dict[str, float]:
    """The values of `NAMES`; shares are of the leads something was decided about."""
    number = len(leads) or 1
    had_owner = sum(1 for lead in leads if _of(before, lead).owner or _of(after, lead).owner) or 1
    moved = [one for one in changed if "owner" in one["what"]]
    rerouted = [one for one in moved if one["before"]["pool"] != one["after"]["pool"]]
    measures = {
        "leads": float(len(leads)),
        "changed": len(changed) / number,
        "moved": len(moved) / had_owner,
        "rerouted": len(rerouted) / had_owner,
    }
    for name, world in (("before", before), ("after", after)):
        outcomes, attainment = _outcomes(world), world.tally.attainment()
        ever = sum(fate.rounds > 0 for fate in world.tally.fates.values())
        measures |= {
            f"qualified_{name}": ever / number,
            f"routed_{name}": outcomes["routed"] / number,
            f"held_{name}": outcomes["held"] / number,
            f"sla_{name}": 1.0 if attainment is None else attainment,
            f"busiest_{name}": max(world.tally.first.values(), default=0) / (sum(world.tally.first.values()) or 1),
        }
    return {measure: round(value, 6) for measure, value in measures.items()}


def _of(world: Course, lead: str) -> Fate:
    return world.tally.fates.get(lead, _NONE)


def _outcomes(world: Course) -> Counter[str]:
    return Counter(fate.outcome for fate in world.tally.fates.values())


def _sla(world: Course) -> dict[str, Any]:
    tally = world.tally
    return {**{state: tally.sla[state] for state in SLA_STATES}, "attainment": tally.attainment()}


def _side_by_side(before: Counter[str], after: Counter[str], names: tuple[str, ...] = ()) -> dict[str, Any]:
    listed = names or tuple(sorted(before.keys() | after.keys()))
    return {name: {"before": before[name], "after": after[name]} for name in listed if before[name] or after[name]}


def _owners(before: Course, after: Course) -> Iterator[dict[str, Any]]:
    names = {**before.names, **after.names}
    reps = {rep for world in (before, after) for rep in (*world.tally.first, *world.tally.taken_over)}
    for rep in sorted(reps):
        yield {"rep": rep, "name": names.get(rep, rep), "before": _load(before, rep), "after": _load(after, rep)}


def _load(world: Course, rep: str) -> dict[str, Any]:
    kept = world.tally.by_rep.get(rep, Counter())
    return {
        "leads": world.tally.first[rep],
        "taken_over": world.tally.taken_over[rep],
        "open_at_the_end": world.load.get(rep, 0),
        **{state: kept[state] for state in ("met", "breached")},
    }


def _as_recorded(history: History, before: Course) -> dict[str, int] | None:
    """How often the playbook compared with gives the owner that was recorded; None where none was."""
    if not history.recorded:
        return None
    newest = {key.rpartition(":")[0]: rep for key, rep in history.recorded.items()}
    mine = {lead: rep for lead, rep in newest.items() if lead in before.tally.fates}
    return {"leads": len(mine), "same_owner": sum(_of(before, lead).owner == rep for lead, rep in mine.items())}


def _change(lead: str, before: Course, after: Course) -> dict[str, Any] | None:
    was, will = _of(before, lead), _of(after, lead)
    names = ("outcome", "owner", "rule", "policy", "respond_by", "score", "temperature", "sla", "reassigned", "reason")
    what = [name for name in names if getattr(was, name) != getattr(will, name)]
    if not what:
        return None
    told = {"lead_id": lead, "what": what, "why": list(_why(was, will, what))}
    return told | {"before": was.shown(), "after": will.shown()}


def _why(was: Fate, will: Fate, what: list[str]) -> Iterator[str]:
    """In words, the cause before its effects."""
    if "score" in what or "temperature" in what:
        yield f"scored {will.score:g} ({will.temperature}) in place of {was.score:g} ({was.temperature})"
    if "outcome" in what:
        yield f"{_ended(will)} in place of {_ended(was)}"[:LONGEST]
    if "rule" in what and will.rule and was.rule:
        yield f"rule {will.rule} (pool {will.pool}) in place of {was.rule} (pool {was.pool})"
    if "owner" in what and was.owner and will.owner and "rule" not in what:
        looked = f"; looked at: {'; '.join(will.candidates)}" if will.candidates else ""
        yield f"the same rule, another turn: {will.owner} in place of {was.owner}{looked}"[:LONGEST]
    if "policy" in what and will.policy and was.policy:
        yield f"policy {will.policy} in place of {was.policy}"
    if "sla" in what:
        yield f"first response {will.sla or 'still open'} in place of {was.sla or 'still open'}"


def _ended(fate: Fate) -> str:
    told = f"{fate.outcome} ({fate.reason})" if fate.reason else fate.outcome
    return f"{told}: {fate.detail}" if fate.detail and fate.outcome != "routed" else told
