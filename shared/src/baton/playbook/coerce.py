"""From what a lead holds to what a field promises; whatever cannot be that type is unknown."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from baton.playbook.definition import LeadField
from baton.playbook.moments import moment


class _Unknown:
    """Nobody knows."""


UNKNOWN: Final = _Unknown()
INT64 = 2**63
_TRUE, _FALSE = ("true", "yes", "y", "1", "on"), ("false", "no", "n", "0", "off")


def coerced(raw: Any, field: LeadField) -> Any:
    """The value in the field's type, or UNKNOWN."""
    value = raw.strip() if isinstance(raw, str) else raw
    if value in ("", [], {}):
        return UNKNOWN
    if field.unknown or field.values:
        if _word(value) in field.unknown_words:
            return UNKNOWN
        value = _translated(value, field)
    return _INTO[field.type](value)


def _translated(value: Any, field: LeadField) -> Any:
    words = field.translations
    if isinstance(value, list | tuple):
        return [words.get(_word(item), item) for item in value]
    return words.get(_word(value), value)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip().casefold()


def _string(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return _word(value) if isinstance(value, bool | int | float) else UNKNOWN


def _double(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return UNKNOWN
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return UNKNOWN
    return number if math.isfinite(number) else UNKNOWN


def _int(value: Any) -> Any:
    try:
        number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None:
        decimal = _double(value)
        if decimal is UNKNOWN or not decimal.is_integer():
            return UNKNOWN
        number = int(decimal)
    # CEL's int has 64 bits; a longer one would turn every rule on this lead into an error.
    return number if -INT64 <= number < INT64 else UNKNOWN


def _bool(value: Any) -> Any:
    word = _word(value)
    if word in _TRUE:
        return True
    return False if word in _FALSE else UNKNOWN


def _timestamp(value: Any) -> Any:
    at = moment(value)
    return UNKNOWN if at is None else at.isoformat().replace("+00:00", "Z")


def _list(value: Any) -> Any:
    items = value if isinstance(value, list | tuple) else [value]
    texts = [_string(item) for item in items]
    return [text for text in texts if text is not UNKNOWN]


_INTO: dict[str, Callable[[Any], Any]] = {
    "string": _string, "int": _int, "double": _double, "bool": _bool, "timestamp": _timestamp, "list": _list,
}  # fmt: skip
