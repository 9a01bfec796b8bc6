"""Starting services: all in one process (embedded) or one alone (distributed); migrations first, in a child process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from baton.runtime.bus.port import open_bus
from baton.runtime.clock import Clock
from baton.runtime.engine import Engine
from baton.runtime.failures import STORE_AWAY, NotNow
from baton.runtime.handler import Service
from baton.runtime.http.app import combine, create_app
from baton.runtime.http.wire import BoundedHttp
from baton.runtime.observe import log, set_up_logs
from baton.runtime.settings import Settings
from baton.runtime.store.port import open_store

WAIT_SECONDS = 1.0
ENTRY_POINTS = "baton.services"
ORDER = ("intake", "scoring", "routing", "sla-monitor", "reporting")


class AlreadyRunning(Exception):
    """Another process holds the lock on BATON_HOME; embedded data has one master."""


class PortTaken(Exception):
    """Nobody can listen on BATON_HOST and BATON_PORT."""


class CannotMigrate(Exception):
    """The child process that migrates a store failed."""


def installed_services() -> list[str]:
    """Return the names of the services that are installed, in the order of the lead's journey."""
    found = {point.name for point in entry_points(group=ENTRY_POINTS)}
    return [name for name in ORDER if name in found] + sorted(found - set(ORDER))


def build_service(name: str, settings: Settings) -> Service[Any, Any]:
    """Build an installed service. Raises LookupError if it is not installed."""
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            service: Service[Any, Any] = point.load()(settings)
            return service
    raise LookupError(f"the service {name} is not installed; there are: {', '.join(installed_services())}")


@contextlib.contextmanager
def lock_home(home: Path, *parts: str) -> Any:
    """Hold the exclusive locks on these parts of the data directory. Raises AlreadyRunning."""
    with contextlib.ExitStack() as held:
        for part in parts:
            held.enter_context(_lock(home, part))
        yield


@contextlib.contextmanager
def _lock(home: Path, part: str) -> Any:
    home.mkdir(parents=True, exist_ok=True)
    handle = (home / part).open("a+")
    try:
        if os.name == "nt":  # pragma: no cover
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        handle.close()
        raise AlreadyRunning(f"another Baton works on {home.absolute()}; stop it, or set BATON_HOME") from problem
    try:
        yield
    finally:
        handle.close()


async def migrate(names: Sequence[str]) -> None:
    """Migrate the stores of these services in a child process, so that Alembic never loads here.

    Waits for a store that is away: services and databases may start in any order. Raises CannotMigrate.
    """
    while True:
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "baton.runtime.migrate", *names)
        code = await child.wait()
        if code == 0:
            return
        if code != STORE_AWAY:
            raise CannotMigrate(f"the store of {', '.join(names)} could not be migrated; see the error above")
        log.warning("store_away", services=list(names), seconds=WAIT_SECONDS)
        await asyncio.sleep(WAIT_SECONDS)


async def _start(engine: Engine) -> None:
    """Start the engine, however long its store takes to answer."""
    while True:
        try:
            await engine.start()
        except NotNow as problem:
            log.warning("store_away", services=[engine.service.name], reason=str(problem)[:200], seconds=WAIT_SECONDS)
            await asyncio.sleep(WAIT_SECONDS)
        else:
            return


async def serve_embedded(settings: Settings, *, ready: Callable[[], None] = lambda: None) -> None:
    """Run all installed services in this process until a signal. Raises AlreadyRunning, PortTaken, CannotMigrate."""
    names = installed_services()
    with lock_home(settings.home, "lock", *map(_lock_of, names)):
        await _serve(settings, names, alone=True, ready=ready)


async def serve_one(settings: Settings, name: str, *, ready: Callable[[], None] = lambda: None) -> None:
    """Run one service in this process until a signal. With SQLite its store is its own, also against `up`. Raises
    AlreadyRunning, PortTaken, CannotMigrate."""
    if settings.database_url is None:
        with lock_home(settings.home, _lock_of(name)):
            await _serve(settings, [name], alone=True, ready=ready)
    else:
        await _serve(settings, [name], alone=False, ready=ready)


def _lock_of(service: str) -> str:
    return f"{service}.lock"


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as fault:
            raise PortTaken(f"cannot listen on {settings.host}:{settings.port}: {fault.strerror}") from fault


async def _serve(settings: Settings, names: Sequence[str], *, alone: bool, ready: Callable[[], None]) -> None:
    _refuse_taken_port(settings)
    set_up_logs(settings.log_level)
    await migrate(names)
    clock = Clock()
    bus = open_bus(settings)
    engines = [
        Engine(service, settings, open_store(settings.store_url(service.name)), bus, clock, alone=alone)
        for service in (build_service(name, settings) for name in names)
    ]
    apps: dict[str, ASGIApp] = {engine.service.name: create_app(engine) for engine in engines}
    try:
        for engine in engines:
            await _start(engine)
        _calm_garbage_collection()
        await _listen(settings, apps[names[0]] if len(names) == 1 else combine(apps), engines, ready)
    finally:
        for engine in engines:
            await engine.stop()
        await bus.close()


def _calm_garbage_collection() -> None:
    """What was loaded at start is never garbage; collecting less often halves the cost of decoding (measured)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


async def _listen(settings: Settings, app: ASGIApp, engines: Sequence[Engine], ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=int(settings.graceful_seconds),
        timeout_keep_alive=30,
        server_header=False,
    )
    server = _Server(config, ready)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, _ask_to_exit, server, engines)
    serving = asyncio.create_task(server.serve())
    failures = [engine.failed for engine in engines]
    await asyncio.wait([serving, *failures], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    for failure in failures:
        if failure.done():
            failure.result()


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers: it would raise the signal again once it has stopped."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _ask_to_exit(server: uvicorn.Server, engines: Sequence[Engine]) -> None:
    log.info("stopping")
    for engine in engines:
        engine.begin_to_stop()
    server.should_exit = True
