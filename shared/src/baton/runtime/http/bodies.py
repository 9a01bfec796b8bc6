"""Request bodies: read with a bound on size and time, then judged strictly from their raw bytes."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError

from baton.runtime.http.problem import Problem, pointer

T = TypeVar("T")

DEFAULT_LIMIT = 1_048_576
"""Enough for any single thing said to Baton; batches of leads name their own limit."""

READ_SECONDS = 30.0
"""uvicorn waits for a body for ever; a client that trickles one must not hold a connection that long."""

DEFS = "x-baton-defs"
"""Where `body_of` leaves schemas for the OpenAPI document to lift into its components."""

# What pydantic lets through and a store or another reader chokes on: NaN, Infinity, 1e999, NUL, integers past 64 bits.
# Rare, so the bytes are searched first and only a hit is looked at closely.
_SUSPECT = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}|\\u0000|\d{19}")
_INT64 = range(-(2**63), 2**63)


async def read_body(
    request: Request,
    limit: int = DEFAULT_LIMIT,
    *,
    seconds: float = READ_SECONDS,
    more: Callable[[int], None] = lambda _: None,
) -> bytes:
    """Return the whole body. 413 above `limit` bytes, declared or counted; 408 if it takes longer than `seconds`.

    `more` is told of each chunk's bytes as they come in, and may refuse them by raising.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                more(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(408, "Request timeout", "The body took too long.", headers={"Connection": "close"}) from None
    return b"".join(chunks)


async def read_json(request: Request, adapter: TypeAdapter[T], limit: int = DEFAULT_LIMIT) -> T:
    """Return the body as `adapter` understands it, strictly: no string is taken for a number, nor false for 0.

    415 unless it is plain JSON, 413 above `limit`, 400 if it is not JSON (or too deep, or a value no store keeps), 422
    with `errors: [{detail, pointer}]` if it is not what the adapter asks for.
    """
    require_json(request)
    raw = await read_body(request, limit)
    check_json(raw)
    try:
        return adapter.validate_json(raw, strict=True)
    except ValidationError as exc:
        raise invalid(exc) from None


def require_json(request: Request) -> None:
    """Raise 415 unless the body is declared as JSON in UTF-8, not compressed."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "Unsupported content coding", headers={"Accept-Encoding": "identity"})
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters, re.IGNORECASE)
    if not is_json or (charset and charset[1].lower() not in {"utf-8", "utf8"}):
        raise Problem(415, "Unsupported media type", "Send application/json.", headers={"Accept": "application/json"})


def check_json(raw: bytes) -> None:
    """Raise 400 if `raw` holds a number or a character that pydantic lets through and no store can keep."""
    if not _SUSPECT.search(raw):
        return
    try:
        value = json.loads(raw, parse_constant=_refuse_constant, parse_int=_int, parse_float=_float)
    except (ValueError, RecursionError) as exc:
        raise _not_json(_reason(exc)) from None
    if _has_nul(value):
        raise _not_json("A string holds the character NUL.")


def invalid(exc: ValidationError) -> Problem:
    """Return the problem that `exc` is: 400 if the text is not JSON, else 422 with a pointer to each fault."""
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return _not_json(first["msg"].removeprefix("Invalid JSON: "))
    return Problem(422, "Invalid content", errors=errors_of(exc))


def errors_of(exc: ValidationError) -> list[dict[str, str]]:
    """Return each fault as `{detail, pointer}`, without the values that were sent."""
    faults = exc.errors(include_url=False, include_context=False, include_input=False)
    return [{"detail": fault["msg"], "pointer": pointer(fault["loc"])} for fault in faults]


def body_of(model: type[BaseModel] | TypeAdapter[Any], *, media_type: str = "application/json") -> dict[str, Any]:
    """Return `openapi_extra` that describes a body FastAPI does not see because the handler reads it raw."""
    adapter = model if isinstance(model, TypeAdapter) else TypeAdapter(model)
    schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
    defs = schema.pop("$defs", {})
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}, DEFS: defs}


def _too_large(limit: int) -> Problem:
    return Problem(413, "Content too large", f"At most {limit} bytes.", headers={"Connection": "close"}, limit=limit)


def _not_json(detail: str) -> Problem:
    return Problem(400, "Not JSON", detail)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _int(text: str) -> int:
    if len(text) > 20 or int(text) not in _INT64:
        raise ValueError("an integer does not fit 64 bits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _reason(exc: ValueError | RecursionError) -> str:
    return "too deep" if isinstance(exc, RecursionError) else str(exc)


def _has_nul(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and "\0" in item:
            return True
        if isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
