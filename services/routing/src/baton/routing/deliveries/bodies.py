"""What people may ask of deliveries, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from baton.contracts import Instant
from baton.playbook.endpoints import HAND_OVERS, Deliverable, Endpoint, HeaderName, Step, Text, Url
from baton.playbook.secret import Secret
from baton.playbook.terms import Cel, FieldName, Id, Label
from baton.routing.deliveries.receivers import Directory, Receiver
from baton.routing.domain.signing import PRIVATE, public_key


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubscriptionIn(_Strict):
    """A new endpoint. Without `steps` it gets each fact as a signed Standard Webhook."""

    url: Url
    label: Label | None = None
    facts: tuple[Deliverable, ...] = Field(default=HAND_OVERS, min_length=1, max_length=20)
    when: Cel | None = Field(default=None, description="CEL over `fact` and `data`: only facts of which it is true.")
    signing: Literal["v1", "v1a"] = Field(default="v1", description="v1: HMAC-SHA256; v1a: Ed25519.")
    headers: dict[HeaderName, Text] = Field(default_factory=dict, max_length=50, description="Kept, not shown again.")
    steps: tuple[Step, ...] = Field(default=(), max_length=10)
    record_id: FieldName | None = None
    system: Id | None = Field(default=None, description="Whose ids `record_id` names: a `system` of sources.yaml.")
    at_once: int = Field(default=4, ge=1, le=32)

    def endpoint(self, id_: str) -> Endpoint:
        """The endpoint with this id."""
        known = {
            name: getattr(self, name) for name in ("url", "facts", "when", "headers", "steps", "record_id", "system")
        }
        return Endpoint(id=id_, label=self.label or id_, at_once=self.at_once, **known)


class RotateIn(_Strict):
    """A new key; the old ones sign beside it for a while."""

    keep_old_hours: float = Field(default=24, ge=0, le=24 * 30, allow_inf_nan=False)


class ReplayIn(_Strict):
    """Everything since then, anew."""

    since: Instant


def receiver_shown(
    receiver: Receiver, directory: Directory, outlet: Row[Any] | None, waiting: tuple[int, datetime] | None
) -> dict[str, Any]:
    """One endpoint: what it is told, and how it fares. No secret, and of headers only the names."""
    off = directory.is_off.get(receiver.id)
    disabled = outlet.disabled if outlet is not None else None
    place = receiver.place
    return {
        "id": receiver.id,
        "label": receiver.label,
        "origin": receiver.origin,
        "kind": receiver.kind,
        "url": place.model_dump(exclude_none=True) if isinstance(place, Secret) else place,
        "facts": sorted(receiver.facts),
        "when": receiver.endpoint.when if receiver.endpoint is not None else None,
        "headers": sorted(receiver.endpoint.headers) if receiver.endpoint is not None else [],
        "steps": [step.id for step in receiver.endpoint.steps] if receiver.endpoint is not None else [],
        "keys": [_key_shown(key, until) for key, until in receiver.keys],
        "state": "off" if off is not None else "disabled" if disabled is not None else "on",
        "reason": off or disabled,
        "since": outlet.since if outlet is not None else None,
        "paused_until": outlet.paused_until if outlet is not None else None,
        "failures": outlet.failures if outlet is not None else 0,
        "last_success_at": outlet.last_success_at if outlet is not None else None,
        "last_error": outlet.last_error if outlet is not None else None,
        "waiting": waiting[0] if waiting is not None else 0,
        "waiting_since": waiting[1] if waiting is not None else None,
    }


def _key_shown(key: str, until: datetime | None) -> dict[str, Any]:
    public = public_key(key) if key.startswith(PRIVATE) else None
    return {"signing": "v1a" if public else "v1", "public_key": public, "until": until}


def delivery_shown(row: Row[Any]) -> Mapping[str, Any]:
    """One delivery, and what became of it so far."""
    return {
        "id": row.id,
        "endpoint": row.endpoint,
        "lead_id": row.lead_id,
        "event_id": row.event_id,
        "type": row.type,
        "state": "delivered" if row.state == "taken" else row.state,
        "tries": row.tries,
        "due_at": row.due_at if row.state == "pending" else None,
        "made_at": row.made_at,
        "settled_at": row.settled_at,
        "status": row.status,
        "error": row.error,
    }
