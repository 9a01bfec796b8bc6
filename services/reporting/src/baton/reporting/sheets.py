"""Answers as CSV that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request, Response

from baton.runtime.http import Problem

CSV = "text/csv; charset=utf-8"

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def wants_csv(request: Request, format: str | None) -> bool:  # noqa: A002  (the parameter's name in the URL)
    """True if the client asked for CSV, by `format` or by Accept; 400 for a format that there is not."""
    if format not in {None, "csv", "json"}:
        raise Problem(400, "Unknown format", "There are json and csv.")
    return format == "csv" or (format is None and "text/csv" in request.headers.get("accept", ""))


def sheet(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Return a CSV download (RFC 4180) named `name`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_safe(value) for value in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), media_type=CSV, headers=headers)


def _safe(value: Any) -> Any:
    """Text a spreadsheet would take for a formula is quoted with an apostrophe; numbers stay numbers."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
