"""HTTP of deliveries: who is told, what is on its way, and doing it again."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import TypeAdapter
from sqlalchemy import Connection

from baton.playbook.checks import SUBSCRIPTION
from baton.playbook.endpointcheck import faults_of
from baton.playbook.endpoints import Endpoint
from baton.routing import store_deliveries as store
from baton.routing import store_subscriptions as subscriptions
from baton.routing.asking import Admin, LeadIdAsked, Reader
from baton.routing.deliveries.bodies import ReplayIn, RotateIn, SubscriptionIn, delivery_shown, receiver_shown
from baton.routing.deliveries.receivers import Directory, Receiver
from baton.routing.domain.signing import PRIVATE, private_key, public_key, symmetric_key
from baton.runtime.fence import store_now
from baton.runtime.http import Problem, body_of, next_cursor, problems, read_cursor, read_json
from baton.runtime.ids import uuid7
from baton.runtime.outbound.client import Outbound
from baton.runtime.outbound.urls import Forbidden
from baton.runtime.store.tables import runtime_tables

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

_NEW, _ROTATE, _REPLAY = TypeAdapter(SubscriptionIn), TypeAdapter(RotateIn), TypeAdapter(ReplayIn)
State = Literal["pending", "delivered", "given_up"]
MOST_SUBSCRIPTIONS = 500
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


def delivery_routers(engine: Engine, routing: Routing) -> tuple[APIRouter, ...]:
    """Return the routes of subscriptions and deliveries."""
    outbound = Outbound.of(engine.settings)
    return (_made(engine, routing, outbound), _shown(engine, routing), _again(engine, routing))


def _made(engine: Engine, routing: Routing, outbound: Outbound) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["deliveries"])
    tables = routing.tables

    @api.post("/subscriptions", status_code=201, openapi_extra=body_of(SubscriptionIn), responses=problems(409))
    async def subscribe(request: Request, who: Admin) -> dict[str, Any]:
        """Tell an endpoint of every fact it names, from now on. The answer has its signing key: it is not shown again.

        With `v1a` the key stays here, and `public_key` is what the receiver verifies with.
        """
        body = await read_json(request, _NEW)
        endpoint = body.endpoint(SUBSCRIPTION + uuid7(engine.clock.now()))
        _refuse_faults(endpoint)
        try:
            await outbound.vet(body.url)
        except Forbidden as fault:
            raise _wrong("url", str(fault)) from fault
        key = _new_key(body.signing)

        def work(tx: Connection) -> dict[str, Any]:
            if len(routing.directory(tx).everybody) >= MOST_SUBSCRIPTIONS:
                raise Problem(409, "Too many endpoints", f"There may be {MOST_SUBSCRIPTIONS}; delete those not used.")
            subscriptions.add(tx, tables, endpoint, key, store_now(tx, engine.clock), who.name)
            return _one(tx, routing, endpoint.id)

        return {**await engine.store.write(work), **_told_once(key)}

    @api.post("/subscriptions/{subscription_id}/rotate", openapi_extra=body_of(RotateIn), responses=problems(409))
    async def rotate(request: Request, subscription_id: str, who: Admin) -> dict[str, Any]:
        """Sign with a new key, which the answer has, and for `keep_old_hours` with the old ones too."""
        body = await read_json(request, _ROTATE)

        keep = timedelta(hours=body.keep_old_hours)
        return await engine.store.write(
            lambda tx: _rotated(tx, routing, subscription_id, keep, store_now(tx, engine.clock))
        )

    @api.delete("/subscriptions/{subscription_id}", status_code=204, response_class=Response, responses=problems(409))
    async def unsubscribe(subscription_id: str, who: Admin) -> Response:
        """Tell it nothing more. What was on its way to it is forgotten."""

        def work(tx: Connection) -> None:
            subscriptions.remove(tx, tables, _of_the_api(_known(tx, routing, subscription_id)).id)

        await engine.store.write(work)
        return Response(status_code=204)

    return api


def _shown(engine: Engine, routing: Routing) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["deliveries"])
    tables = routing.tables

    @api.get("/subscriptions")
    async def list_subscriptions(who: Admin) -> dict[str, Any]:
        """Everybody who is told, and how each fares: endpoints and notices of targets.yaml, and subscriptions."""

        def work(tx: Connection) -> list[dict[str, Any]]:
            directory, outlets, waiting = routing.directory(tx), store.outlets(tx, tables), store.waiting(tx, tables)
            return [
                receiver_shown(one, directory, outlets.get(name), waiting.get(name))
                for name, one in directory.everybody.items()
            ]

        return {"subscriptions": await engine.read(work)}

    @api.get("/subscriptions/{subscription_id}")
    async def show_subscription(subscription_id: str, who: Admin) -> dict[str, Any]:
        """One endpoint, and how it fares."""
        return await engine.read(lambda tx: _one(tx, routing, subscription_id))

    @api.get("/deliveries", responses=problems(404))
    async def list_deliveries(
        who: Reader,
        lead_id: LeadIdAsked,
        endpoint: str | None = None,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Deliveries, the newest first, each with its state and its last error."""
        after = int(read_cursor(cursor, (int,))[0]) if cursor else None
        rows = await engine.read(
            lambda tx: store.listed(
                tx, tables, endpoint=endpoint, state=state, lead_id=lead_id, after=after, limit=limit + 1
            )
        )
        following = next_cursor(rows[limit - 1].id) if len(rows) > limit else None
        return {"deliveries": [delivery_shown(row) for row in rows[:limit]], "next": following}

    return api


def _again(engine: Engine, routing: Routing) -> APIRouter:
    api = APIRouter(prefix="/routing/v1", tags=["deliveries"])
    tables, runtime = routing.tables, runtime_tables(routing.metadata)

    @api.post("/deliveries/{delivery_id}/replay", status_code=202)
    async def replay(delivery_id: DeliveryId, who: Admin) -> dict[str, Any]:
        """Deliver it again, with all its tries before it and under the same id. A disabled endpoint is called again."""
        row = await engine.store.write(lambda tx: store.replay(tx, tables, delivery_id, store_now(tx, engine.clock)))
        if row is None:
            raise Problem(404, "Unknown delivery", f"There is no delivery {delivery_id}.")
        return {"id": row.id, "endpoint": row.endpoint, "state": "pending"}

    @api.post("/subscriptions/{subscription_id}/replay", status_code=202, openapi_extra=body_of(ReplayIn))
    async def replay_since(request: Request, subscription_id: str, who: Admin) -> dict[str, Any]:
        """Deliver everything it is told of anew that was said since then, delivered or not, in the order of then."""
        body = await read_json(request, _REPLAY)

        def work(tx: Connection) -> int:
            receiver, now = _known(tx, routing, subscription_id), store_now(tx, engine.clock)
            return store.replay_since(tx, tables, runtime, receiver.id, sorted(receiver.facts), body.since, now)

        return {"endpoint": subscription_id, "deliveries": await engine.store.write(work)}

    @api.post("/subscriptions/{subscription_id}/resume")
    async def resume(subscription_id: str, who: Admin) -> dict[str, Any]:
        """Call a disabled endpoint again: what waits is due now."""

        def work(tx: Connection) -> dict[str, Any]:
            receiver = _known(tx, routing, subscription_id)
            store.resume(tx, tables, receiver.id, store_now(tx, engine.clock))
            return _one(tx, routing, receiver.id)

        return await engine.store.write(work)

    return api


def _rotated(tx: Connection, routing: Routing, name: str, keep: timedelta, now: datetime) -> dict[str, Any]:
    receiver = _of_the_api(_known(tx, routing, name))
    row = subscriptions.find(tx, routing.tables, receiver.id)
    assert row is not None  # the directory has it
    old = [(key, min(until or now + keep, now + keep)) for key, until in receiver.keys[:2]]
    key = _new_key("v1a" if receiver.keys[0][0].startswith(PRIVATE) else "v1")
    kept = [(name, until) for name, until in old if until > now]
    subscriptions.put_keys(tx, routing.tables, row, [(key, None), *kept])
    return {**_one(tx, routing, receiver.id), **_told_once(key)}


def _one(tx: Connection, routing: Routing, name: str) -> dict[str, Any]:
    directory = routing.directory(tx)
    receiver = _in(directory, name)
    outlets, waiting = store.outlets(tx, routing.tables), store.waiting(tx, routing.tables)
    return receiver_shown(receiver, directory, outlets.get(name), waiting.get(name))


def _known(tx: Connection, routing: Routing, name: str) -> Receiver:
    return _in(routing.directory(tx), name)


def _in(directory: Directory, name: str) -> Receiver:
    receiver = directory.everybody.get(name)
    if receiver is None:
        raise Problem(404, "Unknown subscription", f"There is no endpoint {name[:100]!r}.")
    return receiver


def _of_the_api(receiver: Receiver) -> Receiver:
    if receiver.origin != "api":
        raise Problem(
            409, "Not a subscription", f"{receiver.id} stands in targets.yaml of the playbook: change it there."
        )
    return receiver


def _refuse_faults(endpoint: Endpoint) -> None:
    errors = [{"detail": why, "pointer": "#/" + "/".join(map(str, loc))} for loc, why in faults_of(endpoint)]
    if errors:
        raise Problem(422, "Invalid content", errors=errors)


def _wrong(field: str, why: str) -> Problem:
    return Problem(422, "Invalid content", errors=[{"detail": why, "pointer": f"#/{field}"}])


def _new_key(signing: Literal["v1", "v1a"]) -> str:
    return symmetric_key(os.urandom(32)) if signing == "v1" else private_key(os.urandom(32))


def _told_once(key: str) -> dict[str, Any]:
    return {"public_key": public_key(key)} if key.startswith(PRIVATE) else {"secret": key}
