"""What has become of a lead, by docs/lifecycle.md: its newest round's marks, else routing's word, else scoring's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from baton.reporting.domain.lead import Lead, Round, Status

IN_FLIGHT = "in_flight"
FATES = (
    IN_FLIGHT, "nurtured", "disqualified", "held", "routed", "accepted", "opportunity", "won", "lost", "junk", "test",
    "erased", "merged",
)  # fmt: skip
"""Every lead has exactly one of these."""

STAGES = ("received", "qualified", "accepted", "opportunity", "won")
"""The funnel; who reached a stage has reached those before it."""

_STATE_OF = {
    "accepted": "accepted",
    "opportunity": "opportunity",
    "disqualified": "disqualified",
    "stopped": "recycled",
    "unreachable": "recycled",
    "recycle": "recycled",
    "lost": "lost",
    "won": "won",
    "junk": "junk",
}
_RANK = {mark: rank for rank, mark in enumerate(_STATE_OF)}  # among marks of the same time the later one decides

_REACH = {"accepted": "accepted", "opportunity": "opportunity", "won": "won", "lost": "opportunity"}
# A deal can only be lost if it was one: without this the win rate would leave the lost ones out.

_BEGINNING = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_SALES_DECIDES = frozenset({"held", "routed", "accepted", "opportunity", "won", "lost", "junk"})


def fate_of(lead: Lead) -> str:
    """Return the one fate of the lead. While a round is open, or sales ended it, sales decides it; else scoring."""
    if lead.received_at is None:
        return IN_FLIGHT
    if lead.is_erased:
        return "erased"
    if lead.is_test:
        return "test"
    if lead.merged_into is not None:
        return "merged"
    newest = lead.round
    state = state_of(newest, lead.statuses) if newest else None
    if state in _SALES_DECIDES:
        return str(state)
    if state == "qualified" or lead.judged not in {"nurtured", "disqualified"}:
        return IN_FLIGHT
    return lead.judged


def state_of(round_: Round, statuses: tuple[Status, ...]) -> str:
    """Return the state of the lead in its newest round: by its marks, or without one as routing left it."""
    marks = list(_marks(round_, statuses))
    if any(mark == "junk" for _, mark in marks):
        return "junk"
    if marks:
        _, mark = max(marks, key=lambda at_mark: (at_mark[0], _RANK[at_mark[1]]))
        return _STATE_OF[mark]
    return round_.routing or "qualified"


def stages_of(lead: Lead, number: int) -> dict[str, datetime]:
    """Return the stages that round `number` has reached, each with when: the earliest fact that says so."""
    round_ = lead.rounds[number]
    times: dict[str, datetime] = {}
    if round_.qualified_at is not None:
        times["qualified"] = round_.qualified_at
    if round_.routed_at is not None:
        times["routed"] = round_.routed_at
    for status in statuses_of(lead, number):
        stage = _REACH.get(status.status)
        if stage is not None and status.at < times.get(stage, _END):
            times[stage] = status.at
    return times


_END = datetime.fromisoformat("9999-12-31T23:59:59+00:00")


def statuses_of(lead: Lead, number: int) -> Iterator[Status]:
    """Yield the statuses that belong to round `number`: after it was opened, and before the next one was."""
    later = [round_ for n, round_ in lead.rounds.items() if n > number]
    for status in lead.statuses:
        if _is_in(lead.rounds[number], status) and not any(_is_in(round_, status) for round_ in later):
            yield status


def _is_in(round_: Round, status: Status) -> bool:
    return status.sequence > round_.intake_sequence and status.at > (round_.opened_after or _BEGINNING)


def _marks(round_: Round, statuses: tuple[Status, ...]) -> Iterator[tuple[datetime, str]]:
    since = round_.counts_after or _BEGINNING
    for status in statuses:
        if status.sequence > round_.intake_sequence and status.at > since:
            yield status.at, status.status
    yield from ((at, "stopped") for at in round_.stopped if at > since)
    yield from ((at, "disqualified") for at in round_.disqualified if at > since)
