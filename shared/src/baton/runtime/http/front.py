"""What stands before every route: the Host is checked, the request has an id, and answers carry safe headers."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.runtime.http.access import Access
from baton.runtime.http.problem import Problem, problem_response

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style, nothing from elsewhere, no frame around us. A route may set its own instead."""

Header = tuple[bytes, bytes]
_SAFE_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_SAFE_STATIC: Final = (*_SAFE_HEADERS[:-1], (b"cache-control", b"public, max-age=3600"))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger()


class Front:
    """ASGI middleware around a service's routes. No failure passes it: it becomes a 500 that tells nothing."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._static = f"/{access.service}/static/"
        # Probes and scrapers call by names of their own network; these routes are worth no rebinding.
        self._any_host = {f"/{access.service}/{route}" for route in ("healthz", "readyz", "metrics")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _given_or_new(headers.get("x-request-id"))
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                safe = _SAFE_STATIC if scope["path"].startswith(self._static) else _SAFE_HEADERS
                message["headers"] = _with_safe(message.get("headers", ()), request_id, safe)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            refused = self._refusal(scope, headers)
            if refused is not None:
                await problem_response(refused)(scope, receive, send_safely)
                return
            try:
                await self._app(scope, receive, send_safely)
            except Exception as exc:
                log_failure(exc, scope)
                if started:
                    raise
                failed = Problem(500, "Internal error", "It is in the log under this id.", request_id=request_id)
                await problem_response(failed)(scope, receive, send_safely)

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        if scope["path"] not in self._any_host and not self._access.knows_host(headers.get("host", "")):
            return _wrong_host(headers)
        return Problem(400, "Bad Request", "The URL holds the character NUL.") if _has_nul(scope) else None


def _has_nul(scope: Scope) -> bool:
    """True for a character that no name of ours holds and not every store can look for."""
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def log_failure(exc: BaseException, scope: Scope) -> None:
    """Log what failed and where, but not its message: that may quote a person's data."""
    frames = traceback.extract_tb(exc.__traceback__)[-12:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    route = getattr(scope.get("route"), "path", None)
    log.error("request_failed", method=scope["method"], route=route, error=type(exc).__qualname__, where=where)


def _wrong_host(headers: Headers) -> Problem:
    detail = f"Host {headers.get('host', '')!r} is not one of ours: see BATON_PUBLIC_URL and BATON_ALLOWED_HOSTS."
    return Problem(421, "Misdirected request", detail)


def _with_safe(headers: Iterable[Header], request_id: str, safe: tuple[Header, ...]) -> list[Header]:
    """The headers with the id, and those of ours that the route has not set itself. Names are in lower case (ASGI)."""
    kept = [header for header in headers if header[0] != b"x-request-id"]
    there = {name for name, _ in kept}
    return [*kept, *(header for header in safe if header[0] not in there), (b"x-request-id", request_id.encode())]


def _given_or_new(given: str | None) -> str:
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid4().hex
