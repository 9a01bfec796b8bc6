"""A span for each request that may change something, where traces are asked for. What it leads to is in its trace."""

from __future__ import annotations

import secrets
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.runtime.envelope import is_traceparent
from baton.runtime.traces import Traces

TRACED = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MANY = ("application/x-ndjson", "application/ndjson", "application/jsonl")
"""Bodies of any number of leads: each begins a trace of its own."""


class Traced:
    """ASGI middleware. The request's `traceparent` becomes the one of its own span, in the sender's trace or a new
    one."""

    def __init__(self, app: ASGIApp, traces: Traces, service: str) -> None:
        self._app = app
        self._traces = traces
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        is_many = headers.get("content-type", "").split(";")[0].strip().lower() in MANY
        if scope["type"] != "http" or scope["method"] not in TRACED or is_many:
            await self._app(scope, receive, send)
            return
        given = headers.get("traceparent", "")
        known = given if is_traceparent(given) else None
        own = f"00-{known[3:35] if known else secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        others = [(name, value) for name, value in scope["headers"] if name != b"traceparent"]
        began, status = time.time_ns(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        traced = {**scope, "headers": [*others, (b"traceparent", own.encode())]}
        try:
            await self._app(traced, receive, note)
        finally:
            route = getattr(traced.get("route"), "path", f"/{self._service}")
            about = {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
            self._traces.span(
                f"{scope['method']} {route}",
                own,
                known[36:52] if known else None,
                began,
                kind="SERVER",
                error=str(status) if status >= 500 else None,
                attributes=about,
            )
