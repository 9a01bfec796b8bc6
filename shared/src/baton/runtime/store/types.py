"""Two column types that mean the same on SQLite and on Postgres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime: timestamptz on Postgres, whole microseconds since 1970 on SQLite. Orders and compares."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime is not an instant: {value!r}")
        if dialect.name == "postgresql":
            return value.astimezone(UTC)
        return (value - _EPOCH) // _MICROSECOND

    def bound(self, values: Sequence[datetime | None], dialect: Dialect) -> list[Any]:
        """Return a whole column as the driver takes it: as it is for asyncpg, which turns it to UTC itself."""
        if dialect.driver != "asyncpg" or any(value is not None and value.tzinfo is None for value in values):
            return [self.process_bind_param(value, dialect) for value in values]
        return list(values)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """None where the driver gives UTC already."""
        return None if dialect.driver == "asyncpg" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """Any JSON value, kept as text: read and written whole, never queried into."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()

    def bound(self, values: Sequence[Any], _dialect: Dialect) -> list[str | None]:
        """Return a whole column as the driver takes it."""
        option = orjson.OPT_NON_STR_KEYS
        return [None if value is None else orjson.dumps(value, option=option).decode() for value in values]

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[str | None], Any]:
        """One function a value, where a decorated type has three."""
        return lambda value: None if value is None else orjson.loads(value)
