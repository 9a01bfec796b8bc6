"""What was posted and could not be taken in, over HTTP, and how to try again."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from baton.intake import store
from baton.intake.delivery import summary
from baton.intake.reception import Reception
from baton.runtime.engine import Engine
from baton.runtime.http import Principal, Problem, next_cursor, read_cursor, requires

SHOWN_BYTES: Final = 65_536
"""As much of a raw body as a list shows; all of it is in the store."""

REPLAY_PAGE: Final = 200

Admin = Annotated[Principal, Depends(requires("admin"))]


def quarantine_router(engine: Engine, reception: Reception) -> APIRouter:
    """What was posted and could not be taken in, and how to try again."""
    router = APIRouter(prefix="/intake/v1/quarantine", tags=["quarantine"])

    @router.get("")
    async def listed(
        _: Admin,
        source: Annotated[str | None, Query(description="Only what this source posted.")] = None,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """List elements in quarantine, oldest first, each with the reason and its raw body."""
        start = read_cursor(after, (str,))[0] if after else ""
        rows = await engine.read(lambda tx: store.quarantine_page(tx, start, limit, source))
        items = [_quarantined(row) for row in rows]
        return {"items": items, "next": next_cursor(rows[-1].id) if len(rows) == limit else None}

    @router.post("/replay")
    async def replay_all(
        _: Admin, source: Annotated[str | None, Query(description="Only what this source posted.")] = None
    ) -> dict[str, Any]:
        """Try everything in quarantine again, or everything of one source."""
        counts = Counter(replayed=0, accepted=0, duplicate=0, quarantined=0)
        place: str | None = ""
        last = await engine.read(store.newest_quarantined)
        while place is not None:
            start = place
            ids = await engine.read(lambda tx, start=start: store.quarantine_ids(tx, start, REPLAY_PAGE, source))  # type: ignore[misc]
            ids = [id_ for id_ in ids if last is not None and id_ <= last]
            for receipt in await reception.replay(ids):
                counts[receipt.status] += 1
            counts["replayed"] += len(ids)
            place = ids[-1] if len(ids) == REPLAY_PAGE else None
        return counts

    @router.post("/{quarantine_id}/replay")
    async def replay(quarantine_id: str, _: Admin) -> dict[str, Any]:
        """Try one element again, by the playbook as it is now."""
        receipts = await reception.replay([quarantine_id.replace("\0", "")[:100]])
        if not receipts:
            raise Problem(404, "Not in quarantine", "Nothing is in quarantine under this id.")
        return summary(receipts)

    return router


def _quarantined(row: Any) -> dict[str, Any]:
    names = ("id", "received_at", "source", "kind", "cause", "detail", "raw_id")
    return {**{name: getattr(row, name) for name in names}, "element": row.form, "raw": _shown_raw(row)}


def _shown_raw(row: Any) -> dict[str, Any] | None:
    """The bytes as text where they are text, else in base64."""
    if row.body is None or row.sealed_at is not None:
        return None
    body = bytes(row.body)
    shown: dict[str, Any] = {"door": row.door, "content_type": row.content_type, "bytes": len(body)}
    try:
        shown["text"] = body[:SHOWN_BYTES].decode()
    except UnicodeDecodeError:
        shown["base64"] = b64encode(body[:SHOWN_BYTES]).decode()
    return {**shown, "is_cut": len(body) > SHOWN_BYTES}
