"""Which of many postal patterns cover a code, without looking at each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


def tight(code: str) -> str:
    """A postal code as it is compared: without blanks, case aside."""
    return "".join(code.split()).casefold()


@dataclass(frozen=True, order=True)
class _Range:
    low: int
    high: int
    position: int


class _Ranges:
    """Ranges of codes of one length by their low end, with the furthest high end of every half (an interval tree)."""

    def __init__(self, ranges: list[_Range]) -> None:
        self._ranges = sorted(ranges)
        self._furthest = [0] * len(ranges)
        if ranges:
            self._fill(0, len(ranges))

    def _fill(self, start: int, stop: int) -> int:
        middle = (start + stop) // 2
        furthest = self._ranges[middle].high
        if start < middle:
            furthest = max(furthest, self._fill(start, middle))
        if middle + 1 < stop:
            furthest = max(furthest, self._fill(middle + 1, stop))
        self._furthest[middle] = furthest
        return furthest

    def covering(self, code: int) -> Iterator[int]:
        """Positions of the ranges that cover `code`."""
        waiting = [(0, len(self._ranges))]
        while waiting:
            start, stop = waiting.pop()
            if start >= stop:
                continue
            middle = (start + stop) // 2
            if self._furthest[middle] < code:
                continue
            here = self._ranges[middle]
            if here.low <= code <= here.high:
                yield here.position
            waiting.append((start, middle))
            if here.low <= code:
                waiting.append((middle + 1, stop))


@dataclass
class PostalIndex:
    """Positions of rules by their postal patterns: exact codes, beginnings (`EC*`) and ranges (`80000-89999`)."""

    _exact: dict[str, list[int]] = field(default_factory=dict)
    _beginnings: dict[str, list[int]] = field(default_factory=dict)
    _raw: dict[int, list[_Range]] = field(default_factory=dict)
    _built: dict[int, _Ranges] = field(default_factory=dict)

    def add(self, pattern: str, position: int) -> None:
        """Index one pattern of the rule at `position`."""
        text = tight(pattern)
        low, dash, high = text.partition("-")
        if dash and low.isdigit() and high.isdigit():
            self._raw.setdefault(len(low), []).append(_Range(int(low), int(high), position))
            self._built.pop(len(low), None)
        elif text.endswith("*"):
            self._beginnings.setdefault(text[:-1], []).append(position)
        else:
            self._exact.setdefault(text, []).append(position)

    def covering(self, code: str) -> set[int]:
        """Positions of the rules with a pattern that covers `code`."""
        text = tight(code)
        found = set(self._exact.get(text, ()))
        for length in range(len(text) + 1):
            found.update(self._beginnings.get(text[:length], ()))
        if text.isdecimal() and len(text) in self._raw:
            if len(text) not in self._built:
                self._built[len(text)] = _Ranges(self._raw[len(text)])
            found.update(self._built[len(text)].covering(int(text)))
        return found
