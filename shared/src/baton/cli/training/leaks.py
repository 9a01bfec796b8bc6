"""Columns that know too much: filled in after the outcome, or because of it. Pure.

A file says what a lead looks like today, not what was known on the day it came in. Nothing in it tells the two apart
for certain; four signs together catch what is usual, and somebody who knows can overrule them by name (`--trust`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from baton.cli.training.measures import auc

MOST_BY_BEING_FILLED: Final = 0.05
"""How far from 0.5 the AUC of "is filled in" may be."""
MOST_ALONE: Final = 0.8
"""AUC that one column may reach by itself on newer cases."""
MOST_CHANGE: Final = 0.25
"""How far the share of filled-in cases may move from the oldest third to the newest."""
MOST_WORDS: Final = 0.5
"""Above this share of different words a column is a name or a number of a case, and says nothing."""
PRIOR: Final = 5.0
GROUPS: Final = 20
FEWEST: Final = 50
"""Cases below which nothing is judged."""

_WRITTEN_LATER = re.compile(
    r"(?:^|[^a-z])(?:last|latest|final|tags?|quality|grade|rating|score|index|stage|status|result|notable|disposition)"
    r"(?:$|[^a-z])"
)
_BLANK = frozenset({"", "select", "n/a", "na", "none", "null", "-", "unknown"})

Told = Mapping[str, Any]


def leaks(rows: Sequence[Told], truths: Sequence[bool]) -> dict[str, str]:
    """By column or field: why it may not be learned from. `rows` are in the order of time."""
    if len(rows) < FEWEST:
        return {}
    names = sorted({name for row in rows for name in row})
    found = {name: _why(name, [row.get(name) for row in rows], truths) for name in names}
    return {name: why for name, why in found.items() if why is not None}


def _why(name: str, values: Sequence[Any], truths: Sequence[bool]) -> str | None:
    if _WRITTEN_LATER.search(name.casefold().replace("_", " ")):
        return "by its name it is written down later than the lead came in"
    filled = [not _is_blank(value) for value in values]
    alone = auc(truths, [float(one) for one in filled])
    if abs(alone - 0.5) > MOST_BY_BEING_FILLED:
        return f"whether it is filled in already tells the outcome (AUC {alone:.2f}): it is filled in because of it"
    third = len(values) // 3
    change = sum(filled[-third:]) / third - sum(filled[:third]) / third
    if abs(change) > MOST_CHANGE:
        return f"its filled-in share moves by {change:+.0%} from the oldest third to the newest: it has changed its use"
    told = _alone(values, truths)
    if told > MOST_ALONE:
        return f"alone it tells newer outcomes with an AUC of {told:.2f}: too good to have been known before"
    return None


def _is_blank(value: Any) -> bool:
    return value is None or str(value).strip().casefold() in _BLANK


def _alone(values: Sequence[Any], truths: Sequence[bool]) -> float:
    """AUC on the newer half of the share of good outcomes that each word had in the older half."""
    words = _grouped(["" if _is_blank(value) else str(value).strip().casefold() for value in values])
    half = len(words) // 2
    if len(set(words)) > MOST_WORDS * len(words):
        return 0.5
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for word, truth in zip(words[:half], truths[:half], strict=True):
        counts[word][truth] += 1
    share = sum(truths[:half]) / half
    shares = {word: (good + share * PRIOR) / (bad + good + PRIOR) for word, (bad, good) in counts.items()}
    return auc(truths[half:], [shares.get(word, share) for word in words[half:]])


def _grouped(words: list[str]) -> list[str]:
    """Numbers of many values as groups of about the same size; anything else as it is."""
    try:
        numbers = [float(word) if word else None for word in words]
    except ValueError:
        return words
    known = sorted(number for number in numbers if number is not None)
    if len(set(known)) <= GROUPS:
        return words
    ends = [known[len(known) * number // GROUPS] for number in range(1, GROUPS)]
    return ["" if number is None else str(bisect_right(ends, number)) for number in numbers]
