"""Label values that people make up are bounded: a metric must not grow by a series with every name somebody types."""

from __future__ import annotations

from typing import Final

OTHER: Final = "other"
MOST_VALUES: Final = 100
"""Teams, endpoints or policies in one metric. A histogram of 13 buckets has 1,500 series then, which a small Prometheus
bears; ten times as many it feels."""


class Values:
    """The values of one label: the first `most` different ones are themselves, what comes after is `other`."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self._seen: set[str] = set()

    def of(self, value: str) -> str:
        """Return what stands in the label for this value."""
        if value in self._seen:
            return value
        if len(self._seen) >= self._most:
            return OTHER
        self._seen.add(value)
        return value
