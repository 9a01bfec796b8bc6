"""`baton deliveries`: what systems and people outside are told, what became of it, and telling them again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out

PAGE = 200


def deliveries(
    endpoint: str | None,
    state: str | None,
    lead: str | None,
    limit: int,
    endpoints: bool,
    replay: int | None,
    replay_since: datetime | None,
    resume: bool,
) -> None:
    """List deliveries (or endpoints), or do what one of `replay`, `replay_since` and `resume` asks for."""
    asked = [endpoints, replay is not None, replay_since is not None, resume]
    if sum(asked) > 1:
        raise Fault("one thing at a time: --endpoints, --replay, --replay-since or --resume", code=Exit.USAGE)
    with Client() as client:
        if endpoints:
            _list_endpoints(client)
        elif replay is not None:
            done = client.post(f"/routing/v1/deliveries/{replay}/replay")
            out.print(f"{done['id']}: {done['endpoint']} is told again", markup=False)
        elif replay_since is not None:
            _replay_since(client, _named(endpoint), replay_since)
        elif resume:
            done = client.post(f"/routing/v1/subscriptions/{_named(endpoint)}/resume")
            out.print(f"{done['id']}: {done['state']}, {done['waiting']} wait", markup=False)
        else:
            _list(client, limit, endpoint=endpoint, state=state, lead_id=lead)


def _named(endpoint: str | None) -> str:
    if endpoint is None:
        raise Fault("say which: --endpoint, as `baton deliveries --endpoints` lists them", code=Exit.USAGE)
    return endpoint


def _replay_since(client: Client, endpoint: str, since: datetime) -> None:
    at = since.replace(tzinfo=UTC) if since.tzinfo is None else since
    done = client.post(f"/routing/v1/subscriptions/{endpoint}/replay", {"since": at.isoformat()})
    out.print(f"{done['endpoint']}: {done['deliveries']} facts are told anew", markup=False)


def _list_endpoints(client: Client) -> None:
    found = client.get("/routing/v1/subscriptions")["subscriptions"]
    for one in found:
        why = f" ({one['reason']})" if one["reason"] else ""
        error = f"; {one['last_error']}" if one["last_error"] else ""
        out.print(f"{one['id']:<40}  {one['state']}{why}, {one['waiting']} wait{error}", markup=False)
    if not found:
        out.print("nobody is told: no endpoint, no notice, no subscription")


def _list(client: Client, limit: int, **wanted: Any) -> None:
    cursor, left = None, limit
    while left > 0:
        page = client.get("/routing/v1/deliveries", **wanted, limit=min(left, PAGE), cursor=cursor)
        for one in page["deliveries"]:
            out.print(_line(one), markup=False)
        left -= len(page["deliveries"])
        cursor = page["next"]
        if cursor is None:
            break
    if left == limit:
        out.print("nothing was to be delivered")


def _line(one: dict[str, Any]) -> str:
    until = f"; again {one['due_at']}" if one["due_at"] else ""
    error = f"; {one['error']}" if one["error"] else ""
    head = f"{one['id']:>6}  {one['endpoint']}  {one['lead_id']}  {one['type']}"
    return f"{head}  {one['state']} after {one['tries']} tries{until}{error}"
