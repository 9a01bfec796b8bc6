"""The lines of a lead log as what would have been posted: applications, calls and statuses, in order of time.

One JSON object a line: `t` (received, status, queued, touch_start, touch_end, won, lost), `lead`, `at` (ISO 8601 with
offset), and with them `rep`, `amount`, `channel`, `status`, `reason`, `task`, `value`. Compressed (.xz, .gz, .bz2) or
not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from baton.cli.faults import Exit, Fault
from baton.cli.simulate.history import lines_of
from baton.cli.simulate.plain import moment_of

SYSTEM = "application"
"""The source of every lead, and the system its number belongs to."""
NOT_NAMED = "not_named"
"""Who made a call of which the log does not say who did."""
KINDS = ("received", "status", "queued", "touch_start", "touch_end", "won", "lost")
Kind = Literal["lead", "touch", "status"]


@dataclass(frozen=True, slots=True)
class Post:
    """Something that would have been posted to intake at that time."""

    at: datetime
    line: int
    kind: Kind
    body: dict[str, Any]


@dataclass
class Log:
    """All of it in order. `reps` are those it names, `unused` counts what nobody posts."""

    posts: list[Post] = field(default_factory=list)
    reps: set[str] = field(default_factory=set)
    unused: Counter[str] = field(default_factory=Counter)


def read_log(path: Path, words: frozenset[str], days: int | None = None) -> Log:
    """The log, or its first `days`. `words` are the statuses that the playbook knows.

    Raises Fault with file, line and reason.
    """
    log = Log()
    for number, event in lines_of(path):
        try:
            post = _post(event, number, words)
        except (KeyError, TypeError, ValueError) as fault:
            why = f"`{fault.args[0]}` is missing" if isinstance(fault, KeyError) else str(fault)
            raise Fault(f"{path}:{number}: {why}", code=Exit.USAGE) from fault
        if event.get("rep") is not None:
            log.reps.add(str(event["rep"]))
        if post is None:
            log.unused[_name(event)] += 1
        else:
            log.posts.append(post)
    if not any(post.kind == "lead" for post in log.posts):
        raise Fault(f"{path}: no lead is received in it", code=Exit.USAGE)
    log.posts.sort(key=lambda post: (post.at, post.line))
    if days is not None:
        end = log.posts[0].at + timedelta(days=days)
        log.posts = [post for post in log.posts if post.at < end]
    return log


def _name(event: dict[str, Any]) -> str:
    return f"status {event['status']}" if event["t"] == "status" else str(event["t"])


def _post(event: dict[str, Any], number: int, words: frozenset[str]) -> Post | None:
    """What is posted of a line; None if nothing is. Raises KeyError, TypeError or ValueError with what is wrong."""
    kind, lead, at = event["t"], event["lead"], moment_of(event)
    if kind not in KINDS:
        raise ValueError(f"`t` is {kind!r}, not one of {', '.join(KINDS)}")
    if not isinstance(lead, str | int) or lead == "":
        raise ValueError("`lead` is neither a text nor a number")
    when = {"occurred_at": at.isoformat()}
    about = {"lead": {"system": SYSTEM, "id": str(lead)}, "event_id": f"line-{number}", **when}
    match kind:
        case "received":
            known = {"source": SYSTEM, "external_id": str(lead), "properties": _properties(event)}
            return Post(at, number, "lead", known | when)
        case "touch_start":
            call = {"rep": str(event["rep"] or NOT_NAMED), "channel": "call", "direction": "out"}
            return Post(at, number, "touch", about | call | {"purpose": event.get("task")})
        case "won" | "lost":
            return Post(at, number, "status", about | _status(event, kind))
        case "status" if event["status"] in words:
            return Post(at, number, "status", about | _status(event, event["status"]))
        case _:
            return None


def _properties(event: dict[str, Any]) -> dict[str, Any]:
    amount = event.get("amount")
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int | float)):
        raise ValueError(f"`amount` is {amount!r}, not a number")
    found = {"amount": amount, "channel": event.get("channel")}
    return {name: value for name, value in found.items() if value is not None}


def _status(event: dict[str, Any], word: str) -> dict[str, Any]:
    rep = event.get("rep")
    said = {"status": word, "reason": event.get("reason"), "owner": None if rep is None else str(rep)}
    value = event.get("value")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"`value` is {value!r}, not a number")
    return {name: what for name, what in (said | {"value": value}).items() if what is not None}
