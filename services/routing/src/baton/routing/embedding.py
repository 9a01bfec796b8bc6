"""A rep's list inside a CRM: a link for one rep, signed, for a short time; framed by whom the playbook names (H5)."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from baton.routing import store, views
from baton.routing.asking import KnownRepId, Reader
from baton.runtime.http import Problem, page
from baton.runtime.http.access import Access
from baton.runtime.http.front import CONTENT_SECURITY
from baton.runtime.http.tokens import Keyring, Token

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

MOST_SHOWN = 200
_PURPOSE = "rep list"
_Minutes = Annotated[int, Query(ge=1, le=720, description="How long the link works; a working day at most.")]


def make_link(token: Token, rep_id: str, expires: datetime) -> str:
    """Return what lets whoever has it see this rep's list until then, for as long as the token exists."""
    until = str(int(expires.timestamp()))
    return ".".join((token.short, until, token.sign(_PURPOSE, rep_id, until)))


def is_good(link: str, keyring: Keyring, rep_id: str, now: datetime) -> bool:
    """True if the link was made for this rep, by a token that exists and may read leads, and its time is not over."""
    short, _, rest = link.partition(".")
    until, _, mac = rest.partition(".")
    token = keyring.named(short)
    if token is None or not link.isascii() or not until.isdigit() or not token.scopes & {"leads:read", "admin"}:
        return False
    return hmac.compare_digest(mac, token.sign(_PURPOSE, rep_id, until)) and int(until) > now.timestamp()


def embedding_routes(engine: Engine, routing: Routing) -> APIRouter:
    """Return what makes a link, and the page behind it."""
    routes = APIRouter(prefix="/routing")

    @routes.post("/v1/reps/{rep_id}/link", tags=["work"])
    async def make(request: Request, rep_id: KnownRepId, who: Reader, minutes: _Minutes = 60) -> dict[str, Any]:
        """Make a link to the rep's list that a CRM can show in a frame. It shows this list and nothing else."""
        access: Access = request.app.state.access
        expires = (engine.clock.now() + timedelta(minutes=minutes)).replace(microsecond=0)
        query = urlencode({"link": make_link(access.token_of(request), rep_id, expires)})
        base = (access.public_url or f"http://127.0.0.1:{engine.settings.port}").rstrip("/")
        return {"url": f"{base}/routing/embed/{rep_id}?{query}", "expires_at": expires}

    @routes.get("/embed/{rep_id}", include_in_schema=False)
    async def show(request: Request, rep_id: KnownRepId, link: str = "") -> Response:
        """The rep's list without menu and buttons, for a frame."""
        access: Access = request.app.state.access
        if not is_good(link, access.keyring, rep_id, engine.clock.now()):
            raise Problem(
                403, "Link is over", "This link was not made for this list, or its time is over: get another."
            )
        books = await engine.read(routing.books_now)
        rep = books.roster.reps.get(rep_id)
        if rep is None:
            raise Problem(404, "Unknown rep", f"There is no rep {rep_id!r} on the roster.")
        leads = await engine.read(lambda tx: store.queue_of(tx, routing.tables, rep_id, MOST_SHOWN, None))
        ancestors = " ".join(routing.house.playbook.targets.frame_ancestors) or "'none'"
        return page(
            request,
            "embed.html",
            headers={
                "Content-Security-Policy": CONTENT_SECURITY.replace(
                    "frame-ancestors 'none'", f"frame-ancestors {ancestors}"
                )
            },
            rep=views.rep_shown(rep, books, routing.house),
            leads=views.queue_shown(leads, 1),
            now=engine.clock.now(),
        )

    return routes
