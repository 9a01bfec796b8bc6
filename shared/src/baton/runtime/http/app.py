"""One service's application, and five of them under one port."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from baton.runtime.http.access import Access, LoginNeeded
from baton.runtime.http.describe import describe, methods_at
from baton.runtime.http.front import CONTENT_SECURITY, Front
from baton.runtime.http.login import login_router
from baton.runtime.http.pages import DESCRIBED, STATIC, make_environment, package_folder, page
from baton.runtime.http.problem import Problem, install_problem_handlers, problem_response
from baton.runtime.http.routes import health_router, parked_router, records_router
from baton.runtime.http.traced import Traced

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

# Swagger UI writes style attributes; scripts still come from us only.
_DOCS_SECURITY = CONTENT_SECURITY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def create_app(engine: Engine) -> FastAPI:
    """Return the application of the engine's service: its own routes and those every service has, under its name."""
    service = engine.service
    name = service.name
    app = FastAPI(title=f"Baton {name}", version=_version(), docs_url=None, redoc_url=None, openapi_url=None)
    package = type(service).__module__.rpartition(".")[0] or None
    app.state.access = Access(engine.settings, name, engine.clock)
    app.state.pages = make_environment(package)
    install_problem_handlers(app)
    app.add_exception_handler(LoginNeeded, _to_login)
    app.add_exception_handler(405, _wrong_method)
    if engine.traces is not None:
        app.add_middleware(Traced, traces=engine.traces, service=name)
    app.add_middleware(Front, access=app.state.access)
    for router in service.routers(engine):
        app.include_router(router)
    for router in (health_router(engine, name), records_router(engine, name), parked_router(engine, name)):
        app.include_router(router)
    app.include_router(login_router(name))
    app.include_router(_docs_router(name))
    app.mount(f"/{name}/static", _static_files(package), name="static")
    return app


def combine(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    """Return one application that hands each request to the service its path names; `/` leads to `/reporting/`."""

    async def combined(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        answer = apps.get(first)
        if answer is None:
            answer = RedirectResponse("/reporting/", 307) if not first else _nowhere(apps)
        await answer(scope, receive, send)

    return combined


async def _lifespan(receive: Receive, send: Send) -> None:
    """Engines are started and stopped by who runs them, not by the server's lifespan."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _nowhere(apps: Mapping[str, ASGIApp]) -> Response:
    return problem_response(Problem(404, "Not Found", f"Paths begin with one of: {', '.join(sorted(apps))}."))


async def _to_login(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, LoginNeeded)
    return RedirectResponse(exc.location, 303)


async def _wrong_method(request: Request, _: Exception) -> Response:
    """`Allow` names the methods of all routes at this path; the router's own names those of the first."""
    allowed = methods_at(request.app.routes, request.url.path)
    return problem_response(Problem(405, "Method Not Allowed", headers={"Allow": ", ".join(sorted(allowed))}))


def _static_files(package: str | None) -> StaticFiles:
    own = package_folder(package, "static")
    return StaticFiles(directory=STATIC, packages=[(package, "static")] if package and own else None)


def _docs_router(name: str) -> APIRouter:
    router = APIRouter(prefix=f"/{name}", include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi(request: Request) -> dict[str, Any]:
        """Describe the service's HTTP."""
        app: FastAPI = request.app
        if app.openapi_schema is None:
            app.openapi_schema = describe(app.title, app.version, app.routes)
        return app.openapi_schema

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        """Show the description as a page one can try requests on."""
        return page(request, "docs.html", headers={"Content-Security-Policy": _DOCS_SECURITY}, described=DESCRIBED)

    return router


def _version() -> str:
    try:
        return version("baton-shared")
    except PackageNotFoundError:
        return "0"
