"""Errors as problem details (RFC 9457), whatever raised them, and never with what is inside the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from baton.runtime.failures import NotNow, Refused

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 2
UNCERTAIN = "This cannot be done at the moment, or nobody can tell whether it was. Look, or try again."

log = structlog.get_logger()


class Problem(Exception):
    """Raise it anywhere in a request: the client gets it as problem details.

    `title` says what kind of problem it is and stays the same; `detail` speaks of this one and helps the client.
    Further keyword arguments become members of the object.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str | None = None,
        *,
        type: str = "about:blank",  # noqa: A002  (the RFC's name)
        errors: Sequence[Mapping[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """Return the members of the problem object."""
        members: dict[str, Any] = {"type": self.type, "status": self.status, "title": self.title}
        if self.detail is not None:
            members["detail"] = self.detail
        if self.errors is not None:
            members["errors"] = list(self.errors)
        return {**self.extra, **members}


def problem_response(problem: Problem) -> Response:
    """Return the response that says `problem`."""
    content = orjson.dumps(problem.body(), default=str)
    return Response(content, problem.status, problem.headers, media_type=PROBLEM_JSON)


def pointer(loc: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901, as a URI fragment) of a pydantic location."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in loc)


def install_problem_handlers(app: FastAPI) -> None:
    """Make `app` answer every failure with problem details."""
    app.add_exception_handler(Problem, _said)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(NotNow, _not_now)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _said(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem_response(problem)


async def _refused(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refused)
    no = exc.refusal
    return problem_response(Problem(no.status, no.title, no.detail, **no.extra))


async def _not_now(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, NotNow)
    return problem_response(not_now(exc))


def not_now(problem: NotNow, detail: str = UNCERTAIN, *, retry_after: int = RETRY_AFTER_SECONDS) -> Problem:
    """Return the 503 that `problem` is. `detail` must be true also where a COMMIT went through and its reply was
    lost."""
    cause = problem.__cause__ or problem
    log.warning("not_now", error=type(cause).__qualname__)
    return Problem(503, "Not now", detail, headers={"Retry-After": str(retry_after)})


async def _http(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    title = HTTPStatus(exc.status_code).phrase
    detail = exc.detail if exc.detail != title else None
    return problem_response(Problem(exc.status_code, title, detail, headers=exc.headers))


async def _invalid(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    errors = [_parameter_error(error) for error in exc.errors()]
    return problem_response(Problem(422, "Invalid request", errors=errors))


def _parameter_error(error: Mapping[str, Any]) -> dict[str, str]:
    where, *path = error["loc"]
    if where == "body":
        return {"detail": error["msg"], "pointer": pointer(path)}
    return {"detail": error["msg"], where: ".".join(map(str, path))}


async def _gone(_: Request, exc: Exception) -> Response:
    return problem_response(Problem(400, "Incomplete body", "The connection closed before the whole body was read."))
