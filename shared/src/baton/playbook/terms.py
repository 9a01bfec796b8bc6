"""The small words every playbook file is written in: ids, labels, lengths of time, conditions."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PARTS = re.compile(r"(?:\d{1,9}[smhdw])+")
_PART = re.compile(r"(\d+)([smhdw])")


class Strict(BaseModel):
    """Frozen, without coercion; an unknown key is an error and not a silent no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _seconds(text: object, units: str) -> int:
    example = "4h, 30m or 1h30m" if "d" not in units else "36h, 10d or 2w"
    if not isinstance(text, str) or not _PARTS.fullmatch(text):
        raise ValueError(f"write a length of time such as {example}")
    parts = _PART.findall(text)
    if any(unit not in units for _, unit in parts):
        raise ValueError(f"business time is counted in hours and minutes: write {example}")
    return sum(int(count) * UNIT_SECONDS[unit] for count, unit in parts)


def _written(seconds: int) -> str:
    return f"{seconds}s"


def _business(value: object) -> int:
    return _seconds(value, "smh")


def _span(value: object) -> int:
    return _seconds(value, "smhdw")


BusinessTime = Annotated[int, BeforeValidator(_business), PlainSerializer(_written)]
"""Seconds during which a calendar is open, written `4h` or `1h30m`.

Days are not a unit here: a day has no fixed number of open hours.
"""

Span = Annotated[int, BeforeValidator(_span), PlainSerializer(_written)]
"""Seconds on the wall, written `36h`, `10d`, `2w`."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Cel = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
"""A CEL condition over `lead.<field>`."""
