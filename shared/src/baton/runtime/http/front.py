"""What stands before every route: the Host is checked, the request has an id, and answers carry safe headers."""

from __future__ import annotations

import re
import traceback
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.runtime.http.access import Access
from baton.runtime.http.problem import Problem, problem_response

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style, nothing from elsewhere, no frame around us. A route may set its own instead."""

_SAFE_HEADERS = {
    "content-security-policy": CONTENT_SECURITY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_STATIC_CACHE = "public, max-age=3600"
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
                answer = MutableHeaders(scope=message)
                if scope["path"].startswith(self._static):
                    answer.setdefault("cache-control", _STATIC_CACHE)
                _add_headers(answer, request_id)
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


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["x-request-id"] = request_id
    for name, value in _SAFE_HEADERS.items():
        headers.setdefault(name, value)


def _given_or_new(given: str | None) -> str:
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid4().hex
