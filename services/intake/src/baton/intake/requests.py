"""What intake's doors read of a request before its body is understood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fastapi import Request

from baton.intake.domain.reading import NDJSON
from baton.intake.in_hand import Carried
from baton.intake.reception import Letter, Reception
from baton.playbook.opening import media_type
from baton.runtime.failures import NotNow
from baton.runtime.http import Problem, not_now
from baton.runtime.http.bodies import require_json

RETRY_SECONDS: Final = 2
SEND_AGAIN: Final = (
    "It was not stored, or nobody can tell. Send it again: what was stored is known then as a duplicate."
)
WITHOUT_KEY: Final = (
    "Under an Idempotency-Key a body is taken in whole, in one transaction with its answer. Without the key NDJSON of "
    "any length is taken in as it comes; posted again after a cut, a line that was taken in is a duplicate."
)
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


@contextmanager
def room(reception: Reception, retry_after: int) -> Iterator[Carried]:
    """Room for one request; whatever cannot be stored now is a 503 that says when to come again."""
    with told_when_to_come_again(retry_after), reception.room() as more:
        yield more


@contextmanager
def told_when_to_come_again(retry_after: int) -> Iterator[None]:
    """What cannot be stored now is a 503."""
    try:
        yield
    except NotNow as problem:
        raise not_now(problem, SEND_AGAIN, retry_after=retry_after) from problem


@contextmanager
def told_the_way_out(*, is_lines: bool) -> Iterator[None]:
    """What is too much under an Idempotency-Key is told how to come without one."""
    try:
        yield
    except Problem as problem:
        if problem.status == 413 and is_lines:
            problem.detail = f"{problem.detail or problem.title} {WITHOUT_KEY}"
        raise


def letter_of(request: Request, body: bytes) -> Letter:
    """What came, with all its headers."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    return Letter(body, headers.get("content-type"), headers)


def require_json_or_lines(request: Request) -> bool:
    """Whether the body is NDJSON. 415 unless it is that or JSON, in UTF-8; lines may be compressed by gzip."""
    coding = coding_of(request)
    content_type = request.headers.get("content-type")
    if coding == "identity" and content_type == "application/json":
        return False  # nearly everybody, word for word
    if coding in ("identity", "gzip") and media_type(content_type) in NDJSON:
        return True
    try:
        require_json(request)
    except Problem as problem:
        accepted = "application/json, application/x-ndjson"
        raise Problem(
            415, problem.title, f"Send {accepted}.", headers={**problem.headers, "Accept": accepted}
        ) from None
    return False


def coding_of(request: Request) -> str:
    """How the body is compressed; `identity` if it is not."""
    return request.headers.get("content-encoding", "identity").strip().lower()


def wants_lines(request: Request) -> bool:
    """Whether the sender asks for NDJSON in answer."""
    return any(media_type(kind) in NDJSON for kind in request.headers.get("accept", "").split(","))


def idempotency_key(request: Request) -> str | None:
    """The key without the quotes that the draft asks for and many clients leave out."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    text = given.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    if not _KEY.fullmatch(text):
        raise Problem(400, "Idempotency-Key", "A key is 1 to 255 printable ASCII characters.")
    return text
