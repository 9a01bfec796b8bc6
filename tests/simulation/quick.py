"""A connection to SQLite that does what the services ask of SQLAlchemy's, at a third of its cost.

Statements are compiled by SQLAlchemy, once for each form of statement and process; binding values, running and reading
is done here without the events, contexts and cursors that a run of a million statements spends most of its time on. It
leans on SQLAlchemy's inside (`_compile_w_cache`), as it was in 2.1; `BATON_SIM_PLAIN=1` runs the same seeds, with the
same digests, on SQLAlchemy's own connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Dialect, TextClause
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import TextualSelect

Reader = Callable[[Any], Any] | None


class Answer(IteratorResult[Any]):
    """Rows with names, or how many rows were changed."""

    rowcount = -1


class _Plan:
    """What is known of a statement once it is compiled."""

    def __init__(self, statement: Any, compiled: Any, dialect: Dialect) -> None:
        self.statement = statement  # kept: a plan may be found by its statement's identity
        self.compiled = compiled
        self.expands = bool(compiled.post_compile_params or compiled.literal_execute_params)
        self.binders: dict[str, Any] = dict(compiled._bind_processors)
        self.order: Sequence[str] = compiled.positiontup or ()
        columns = compiled._result_columns
        self.readers: list[Reader] = [entry.type._cached_result_processor(dialect, None) for entry in columns]
        self.reads = any(self.readers)
        self.names = SimpleResultMetaData([entry.keyname for entry in columns]) if columns else None

    def bound(self, values: dict[str, Any], extracted: Any) -> tuple[str, list[Any]]:
        """Return the SQL with the values in the order it wants them."""
        given = self.compiled.construct_params(values, extracted_parameters=extracted, escape_names=False)
        sql, order, binders = self.compiled.string, self.order, self.binders
        if self.expands:
            more = self.compiled._process_parameters_for_postcompile(given)
            given.update(more.additional_parameters)
            sql, order, binders = more.statement, more.positiontup, {**binders, **more.processors}
        return sql, [binders[name](given[name]) if name in binders else given[name] for name in order]


class Quick:
    """As much of a `Connection` as services use."""

    def __init__(self, raw: sqlite3.Connection, dialect: Dialect) -> None:
        self.dialect = dialect
        self.info: dict[str, Any] = {}
        self._raw = raw
        self._compiled: dict[Any, Any] = {}
        self._plans: dict[Any, _Plan] = {}
        self._names: dict[str, SimpleResultMetaData] = {}

    def exec_driver_sql(self, sql: str, values: Any = ()) -> Answer:
        """Run SQL as it stands; a list of values runs it once for each."""
        many = isinstance(values, list) and bool(values) and not isinstance(values[0], str | int | float)
        return self._run(sql, values, many, None)

    def execute(self, statement: ClauseElement, values: Any = None) -> Answer:
        """Run a statement, once for each of `values` if that is a list."""
        if isinstance(values, list):
            plan, extracted = self._plan(statement, values[0], many=True)
            bound = [plan.bound(each, extracted) for each in values]
            return self._run(bound[0][0], [row for _, row in bound], True, plan)
        plan, extracted = self._plan(statement, values or {}, many=False)
        sql, row = plan.bound(values or {}, extracted)
        return self._run(sql, row, False, plan)

    def _plan(self, statement: Any, values: dict[str, Any], *, many: bool) -> tuple[_Plan, Any]:
        # Texts, and what the runtime makes once and keeps, need no key of all their parts.
        is_text = isinstance(statement, TextClause | TextualSelect)
        key: Any = (statement.text if isinstance(statement, TextClause) else id(statement), many) if is_text else None
        if key in self._plans:
            return self._plans[key], None
        keys = sorted(values)
        compiled, extracted, *_ = statement._compile_w_cache(
            self.dialect, compiled_cache=self._compiled, column_keys=keys, for_executemany=many
        )
        key = key or id(compiled)
        if key not in self._plans:
            self._plans[key] = _Plan(statement if is_text else None, compiled, self.dialect)
        return self._plans[key], extracted

    def _run(self, sql: str, values: Any, many: bool, plan: _Plan | None) -> Answer:
        try:
            cursor = self._raw.executemany(sql, values) if many else self._raw.execute(sql, values)
            rows = cursor.fetchall() if cursor.description else []
        except sqlite3.Error as problem:
            raise DBAPIError.instance(sql, None, problem, sqlite3.Error, dialect=self.dialect) from problem
        if plan is not None and plan.reads:
            readers = plan.readers
            rows = [
                tuple([read(value) if read else value for read, value in zip(readers, row, strict=True)])
                for row in rows
            ]
        names = plan.names if plan is not None else None
        answer = Answer(names or self._named(sql, cursor), iter(rows))
        answer.rowcount = cursor.rowcount
        return answer

    def _named(self, sql: str, cursor: sqlite3.Cursor) -> SimpleResultMetaData:
        if sql not in self._names:
            self._names[sql] = SimpleResultMetaData([column[0] for column in cursor.description or ()])
        return self._names[sql]
