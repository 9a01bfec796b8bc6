"""What a platform's answer to a fetch means: here it is, later, or no. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import orjson

from baton.playbook.fetching import Fetch

LONGEST_PAUSE: Final = 3600.0
"""Seconds between two tries at most; a platform that was away is noticed within an hour."""

LONGEST_ASKED: Final = 86_400.0
"""Seconds a platform may ask us to wait."""

_LATER: Final = frozenset({408, 425, 429})
_HINTS: Final = {
    401: "the token is not accepted; renew it, then replay",
    403: "the token may not read this; give it the permission, then replay",
    404: "there is no such thing there, or the token may not see it",
    410: "it is gone",
}


def is_there(status: int) -> bool:
    """Whether the answer carries what was asked for."""
    return status == HTTPStatus.OK


def is_later(status: int, body: bytes, fetch: Fetch) -> bool:
    """Whether asking again later may help: too many calls, the platform's own trouble, or its word for either."""
    return status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR or fetch.is_busy(_json(body))


def refusal(status: int) -> str:
    """Why the platform will not give it, for people; quotes nothing of the answer, which may speak of the person."""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"the platform answered {status}: it sends us elsewhere, and redirects are not followed"
    hint = _HINTS.get(status, "it does not say anything we could use")
    return f"the platform answered {status}: {hint}"


def pause(tries: int, chance: float) -> float:
    """Seconds until the next try: doubling from two, at most an hour, between half of it and all of it by chance."""
    whole: float = min(2.0 ** min(tries + 1, 20), LONGEST_PAUSE)
    return whole * (0.5 + chance / 2)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
