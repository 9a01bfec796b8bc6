"""How a browser gets its cookie: by a one-time link, or by pasting a token on the login page."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from baton.runtime.http.access import COOKIE, COOKIE_LIFE, Access
from baton.runtime.http.bodies import read_body
from baton.runtime.http.pages import page
from baton.runtime.http.tokens import Token, make_cookie

_FORM_LIMIT = 8_192


def login_router(service: str) -> APIRouter:
    """Return `/<service>/login` and `/<service>/logout`."""
    router = APIRouter(prefix=f"/{service}", include_in_schema=False)

    @router.get("/login")
    async def login(request: Request, ticket: str | None = None, next: str | None = None) -> Response:  # noqa: A002
        """Log in by a link, or show where to paste a token."""
        access: Access = request.app.state.access
        back = _own_path(next, service)
        if ticket is None:
            return page(request, "login.html", next=back, wrong=None)
        token = access.tickets.redeem(ticket, access.now())
        if token is None:
            why = "This link has been used already, or it is too old. Ask for another, or paste a token."
            return page(request, "login.html", status=403, next=back, wrong=why)
        return _welcome(access, token, back)

    @router.post("/login")
    async def paste(request: Request) -> Response:
        """Log in with a token."""
        access: Access = request.app.state.access
        access.require_same_origin(request)
        form = parse_qs((await read_body(request, _FORM_LIMIT)).decode("utf-8", "replace"))
        back = _own_path(form.get("next", [None])[0], service)
        token = access.keyring.find(form.get("token", [""])[0].strip())
        if token is None:
            return page(request, "login.html", status=403, next=back, wrong="This token is not known here.")
        return _welcome(access, token, back)

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        """Forget the browser."""
        access: Access = request.app.state.access
        access.require_same_origin(request)
        response = RedirectResponse(f"/{service}/login", 303)
        response.delete_cookie(COOKIE, path="/")
        return response

    return router


def _welcome(access: Access, token: Token, back: str) -> Response:
    response = RedirectResponse(back, 303)
    response.set_cookie(
        COOKIE,
        make_cookie(token, access.now() + COOKIE_LIFE),
        max_age=int(COOKIE_LIFE.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=access.wants_secure_cookies,
    )
    return response


def _own_path(path: str | None, service: str) -> str:
    """Return `path` if it leads to a page of ours, else the service's own: never to another site."""
    is_ours = path is not None and path.startswith("/") and path.isprintable() and "\\" not in path
    if path is None or not is_ours or path.startswith("//"):
        return f"/{service}/"
    return path
