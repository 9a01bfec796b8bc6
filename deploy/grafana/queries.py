"""PromQL as the dashboards need it.

`$__rate_interval` and `$__range` are Grafana's: four scrapes or more, and the time looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

NOW, RANGE = "$__rate_interval", "$__range"


@dataclass(frozen=True)
class Query:
    """What is asked, and how a line is called: `{{label}}` is the label's value."""

    expr: str
    legend: str = ""
    is_instant: bool = False
    has_exemplars: bool = False
    """Whether dots lead from its buckets to leads."""


def selected(metric: str, *where: str) -> str:
    """The series of a metric, of those for which all of `where` holds (`job="routing"`)."""
    return f"{metric}{{{','.join(where)}}}" if where else metric


def summed(expr: str, *by: str) -> str:
    """One sum, or one for each value of `by`."""
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def counted_once(expr: str, *by: str) -> str:
    """For gauges that every replica reads from the store they share: adding them up would count twice."""
    return f"max by ({', '.join(by)}) ({expr})" if by else f"max({expr})"


def per_second(counter: str, *by: str, where: tuple[str, ...] = ()) -> str:
    """How fast a counter grows."""
    return summed(f"rate({selected(counter, *where)}[{NOW}])", *by)


def during(counter: str, window: str, *by: str, where: tuple[str, ...] = ()) -> str:
    """By how much a counter grew in a window."""
    return summed(f"increase({selected(counter, *where)}[{window}])", *by)


def quantile(q: float, histogram: str, *by: str, where: tuple[str, ...] = (), window: str = NOW) -> str:
    """What the share `q` stays below, in the unit of the histogram."""
    buckets = summed(f"rate({selected(f'{histogram}_bucket', *where)}[{window}])", "le", *by)
    return f"histogram_quantile({q}, {buckets})"


def share_within(bound: str, histogram: str, *by: str, where: tuple[str, ...] = (), window: str = NOW) -> str:
    """The share, 0 to 1, that stayed within a bound; `bound` is a bucket as the service writes it (`1.0`)."""
    met = selected(f"{histogram}_bucket", f'le="{bound}"', *where)
    every = selected(f"{histogram}_count", *where)
    return f"{summed(f'rate({met}[{window}])', *by)} / {summed(f'rate({every}[{window}])', *by)}"
