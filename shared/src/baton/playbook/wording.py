"""The words in which a playbook is spoken of: what its lists are lists of, and how a value reads in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

NOUNS: Final = {
    "definition.fields": "field",
    "criteria": "criterion",
    "must_know": "must-know item",
    "fit": "fit rule",
    "parts": "energy part",
    "disqualify.rules": "disqualify rule",
    "routing.rules": "routing rule",
    "policies": "policy",
    "status_words": "status words of",
    "exit": "exit criterion",
    "added": "added holiday",
}
"""By list, where dropping the `s` does not do; with the file where one word stands in several."""

WORDS: Final = {
    "when": "applies when",
    "label": "called",
    "half_life_days": "half-life in days",
    "look_again_days": "looked at again after days",
    "for": "used for",
    "from": "read from",
}
LONGEST: Final = 160
_SECONDS = re.compile(r"\d+s")
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def words_of(key: str) -> str:
    """A key as it reads in a sentence."""
    return WORDS.get(key) or key.replace("_", " ")


def name_of(item: Mapping[str, Any], marker: str) -> str:
    """What people call a thing: its label, else the key it is told apart by."""
    label = item.get("label")
    return f"“{label}”" if isinstance(label, str) and label else f"“{item[marker]}”"


def is_empty(value: Any) -> bool:
    """True of whatever stands for "nothing was said": null, no text, an empty list or map."""
    return value is None or value in ("", [], {}, ())


def said(value: Any) -> str:
    """A value as it reads in a sentence, cut short where it is long."""
    text = _said(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _said(value: Any) -> str:
    if is_empty(value):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _length(int(value[:-1])) if _SECONDS.fullmatch(value) else value
    if isinstance(value, Mapping):
        return ", ".join(
            _pair(key, inner) for key, inner in value.items() if not is_empty(inner) and inner is not False
        )
    if isinstance(value, Sequence):
        return ", ".join(f"({_said(item)})" if isinstance(item, Mapping) else _said(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pair(key: str, value: Any) -> str:
    return words_of(key) if value is True else f"{words_of(key)} {_said(value)}"


def _length(seconds: int) -> str:
    """A length of time in the largest units that fit: `4 h`, `1 h 30 min`, `21 d`."""
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"
