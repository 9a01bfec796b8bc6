"""A fact without the person: what stays of it in a journal once its subject is erased. Pure.

Which fields tell of a person is said by the facts themselves: `x-personal-data` in their schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from baton.runtime.envelope import data_of

MARK = "x-personal-data"
WORD = "erased"
"""What stands where a text must stand."""
NOTHING = b"{}"
HEADER = "ce_erased"
"""The header of a fact that was left without its person: the extension attribute `erased`."""


def blank(model: type[BaseModel] | None, value: bytes) -> bytes:
    """Return the fact's data without anything that tells of a person: still of its schema, and of the same moment.

    Of a type nobody knows, and of what is not of its schema, nothing is left.
    """
    if model is None:
        return NOTHING
    try:
        return data_of(_without_person(model.model_validate_json(value)))
    except ValueError:
        return NOTHING


def blank_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a fact that was left without its person: ids, times and sequence stay."""
    return {**headers, HEADER: "true"}


def _without_person(part: BaseModel, *, whole: bool = False) -> BaseModel:
    """Blank the fields that are marked; all of them, where the `whole` part tells of the person."""
    changes: dict[str, Any] = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if whole or _is_personal(field):
            changes[name] = _emptied(field, value)
        elif isinstance(value, BaseModel):
            changes[name] = _without_person(value)
    return part.model_copy(update=changes)


def _is_personal(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, Mapping) and bool(extra.get(MARK))


def _emptied(field: FieldInfo, value: Any) -> Any:
    if not field.is_required():
        return field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return _without_person(value, whole=True)
    if isinstance(value, str) and get_origin(field.annotation) is not Literal:
        return WORD
    if isinstance(value, list | dict):
        return type(value)()
    return WORD if field.annotation is Any else value
