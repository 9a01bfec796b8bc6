"""How `baton status` looks: one screen, of 80 columns where figures are not huge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from baton.cli.events import PUBLISHERS
from baton.cli.status.summary import ServiceStatus, Status

UNKNOWN = "–"
ALARMING = "red"


def board(status: Status, told: str) -> RenderableType:
    """The whole screen; `told` is its first line."""
    return Group(Text(told, style="dim"), _services(status), *_problems(status), "", _figures(status))


def _services(status: Status) -> Table:
    topics = _topics(status)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("\nservice", "\nstate", "\nversion"):
        table.add_column(name, no_wrap=True)
    for name in (
        "\noutbox",
        "leads\nparked",
        "seq.\ngaps",
        *(f"lag\n{topic.removeprefix('leads.')}" for topic in topics),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for name, one in status.services.items():
        lag = [None if one.consumer_lag is None else one.consumer_lag.get(topic) for topic in topics]
        counts = (one.outbox_pending, one.parked_leads, one.sequence_gaps, *lag)
        style = "" if one.is_ready else ALARMING
        table.add_row(name, _state(one), one.version or UNKNOWN, *map(_count, counts), style=style)
    return table


def _topics(status: Status) -> list[str]:
    """Those that somebody reads, in the order of the pipeline."""
    read = {topic for one in status.services.values() for topic in one.consumer_lag or ()}
    return [*(topic for topic in PUBLISHERS if topic in read), *sorted(read - PUBLISHERS.keys())]


def _state(one: ServiceStatus) -> str:
    if not one.answers:
        return "no answer"
    return "ready" if one.is_ready else "not ready"


def _problems(status: Status) -> Iterator[Text]:
    for name, one in status.services.items():
        for problem in one.problems:
            yield Text(f"{name}: {problem}", style="yellow" if one.is_ready else ALARMING)


def _figures(status: Status) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    rates = "  ".join(f"{what} {_number(rate)}" for what, rate in status.per_second.items())
    table.add_row("per second", rates)
    table.add_row("hand-off", _handoff(status))
    table.add_row("held", _summed(status.held))
    table.add_row("promises", _promises(status))
    table.add_row("webhooks", _webhooks(status))
    table.add_row("leads", _summed(status.fates))
    return table


def _handoff(status: Status) -> str:
    took = status.handoff
    if took is None:
        return UNKNOWN
    return f"p50 {_seconds(took.p50_seconds)}  p99 {_seconds(took.p99_seconds)}  of {took.count:,} in the interval"


def _summed(counts: Mapping[str, int] | None) -> str:
    if counts is None:
        return UNKNOWN
    parts = "  ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in counts.items() if number)
    return f"{sum(counts.values()):,}{': ' if parts else ''}{parts}"


def _promises(status: Status) -> Text:
    states = status.obligations
    if states is None:
        return Text(UNKNOWN)
    said = Text(f"open {states.open:,}  ")
    said.append(f"at risk {states.at_risk:,}", style="yellow" if states.at_risk else "")
    said.append("  ")
    said.append(f"breached {states.breached:,}", style=ALARMING if states.breached else "")
    return said


def _webhooks(status: Status) -> str:
    told = status.webhooks
    if told is None:
        return UNKNOWN
    return (
        f"pending {told.pending:,}  failed tries {told.failed_tries:,}  given up {told.given_up:,}  "
        f"endpoints disabled {told.disabled_endpoints:,}"
    )


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _number(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:,.1f}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"
