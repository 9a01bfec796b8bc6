"""The figures as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from baton.calendars import Calendar
from baton.cli.faults import Exit, Fault
from bench.replay.figures import (
    STATES,
    Waits,
    callers,
    changes_of_clock,
    first_responses,
    kept_rate,
    named_responses,
    responses,
    states_by,
    waits,
    week_of,
)
from bench.replay.living import Lived

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def told(lived: Lived, hours: Calendar) -> str:
    """All figures of a log, in Markdown; `hours` are those of its office."""
    zone = ZoneInfo(hours.spec.zone)
    parts = (
        _through(lived),
        _waits(lived, hours),
        _policies(lived),
        _changes(lived, zone),
        _weeks(lived, zone),
        _reps(lived),
    )
    return "\n".join(f"{part}\n" for part in parts)


def put_on(page: Path, figures: str) -> None:
    """Put the figures between the marks of the page. Raises Fault where it has none."""
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise Fault(f"{page} has no {BEGIN} … {END}", code=Exit.USAGE)
    page.write_text(f"{before}{BEGIN}\n\n{figures}\n{END}{after}", encoding="utf-8")


def _through(lived: Lived) -> str:
    said, now = lived.record.said, lived.funnel["now"]
    stages = [(stage["label"], f"{stage['count']:,}") for stage in lived.funnel["stages"]]
    fates = [(f"now {fate}", f"{count:,}") for fate, count in now.items()]
    facts = [(f"`{type_}`", f"{count:,}") for type_, count in sorted(said.items())]
    refused = lived.receipts["quarantined"]
    rows = [*stages, ("handed over", f"{lived.funnel['handed_over']:,}"), *fates]
    quarantined = "".join(f"\n- {why}" for why in lived.refused)
    return "\n\n".join(
        (
            "### Through the funnel",
            _table(("leads", ""), rows),
            _table(("facts said", ""), facts),
            f"Posts in quarantine: {refused:,}." + quarantined,
        )
    )


def _waits(lived: Lived, hours: Calendar) -> str:
    found, named = responses(lived.record), named_responses(lived.record, hours)
    rows = []
    for some, by in ((found, ""), (named, ", by a rep the log names")):
        rows.append(_wait_row(f"wall clock{by}", waits(one.wall for one in some)))
        rows.append(_wait_row(f"business hours{by}", waits(one.business for one in some)))
    never = len(lived.record.routed) - len(found)
    head = ("first response", "leads", "median", "90 % by", "within 1 h", "within 8 h", "within 24 h")
    return f"### First response\n\n{_table(head, rows)}\n\nHanded over and never called: {never:,}."


def _wait_row(name: str, found: Waits) -> tuple[str, ...]:
    shares = (f"{share:.1%}" for share in (found.within_1h, found.within_8h, found.within_24h))
    return (name, f"{found.count:,}", f"{found.median:.2f} h", f"{found.p90:.2f} h", *shares)


def _policies(lived: Lived) -> str:
    found = states_by(first_responses(lived.record), lambda promise: promise.policy)
    rows = [_states_row(policy, states) for policy, states in found.items()]
    waived = states_by(
        (p for p in first_responses(lived.record) if p.state == "waived"), lambda promise: promise.reason
    )
    because = ", ".join(f"{reason} {sum(states.values()):,}" for reason, states in waived.items()) or "none"
    corrected = sum(p.was_breached and p.state != "breached" for p in first_responses(lived.record))
    table = _table(("policy", *STATES, "kept"), rows)
    return (
        f"### By policy\n\n{table}\n\nWaived because: {because}. Breaches corrected by later evidence: {corrected:,}."
    )


def _weeks(lived: Lived, zone: ZoneInfo) -> str:
    found = states_by(first_responses(lived.record), lambda promise: week_of(promise.started_at, zone))
    return "### By week of the hand-off\n\n" + _table(
        ("week", *STATES, "kept"), [_states_row(week, states) for week, states in found.items()]
    )


def _reps(lived: Lived) -> str:
    owned = states_by(first_responses(lived.record), lambda promise: promise.owner)
    made = callers(lived.record, responses(lived.record))
    rows = []
    for rep in sorted({*owned, *made}):
        calls = made.get(rep, Counter())
        states = _states_row(rep.replace("_", " "), owned.get(rep, Counter()))
        rows.append((*states, f"{calls['in time']:,}", f"{calls['late']:,}"))
    return "### By rep\n\n" + _table(("rep", *STATES, "kept", "first calls in time", "late"), rows)


def _changes(lived: Lived, zone: ZoneInfo) -> str:
    rows = [
        (f"{change.at.astimezone(zone).isoformat()}", f"{change.count:,}", f"{change.naive:,}")
        for change in changes_of_clock(responses(lived.record), zone)
    ]
    if not rows:
        return "### Across a change of the clocks\n\nNo wait for a first call lasted across one."
    return "### Across a change of the clocks\n\n" + _table(
        ("the clocks changed", "waits across it", "of which the clock on the wall would have told an hour wrong"), rows
    )


def _states_row(name: str, states: Mapping[str, int]) -> tuple[str, ...]:
    kept = kept_rate(states)
    return (name, *(f"{states[state]:,}" for state in STATES), "–" if kept is None else f"{kept:.1%}")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = "|".join(["---", *["---:"] * (len(head) - 1)])
    lines = [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
