"""`baton up` and `baton run`: start services, say where they are, end with a clear word."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from baton.cli.ended import forget_end, note_end
from baton.cli.faults import Exit, Fault
from baton.cli.first_steps import first_steps
from baton.cli.home import read_url, url_file
from baton.cli.screen import out
from baton.runtime.bus.access import NoAccess
from baton.runtime.failures import OtherLanes
from baton.runtime.http import ensure_admin_token, login_link
from baton.runtime.republish import NoBeginning
from baton.runtime.run import AlreadyRunning, CannotMigrate, PortTaken, installed_services, serve_embedded, serve_one
from baton.runtime.settings import Settings
from baton.runtime.traces import CannotTrace


def up(roll_forward: Sequence[str] = ()) -> None:
    """Run everything in this process until a signal. Raises Fault if it cannot."""
    settings = _settings(**_rolling(roll_forward))
    if not settings.bus.startswith("embedded:") or settings.database_url:
        hint = "For Kafka or PostgreSQL start each service with `baton run <service>`."
        raise Fault("`baton up` keeps everything in one process and under BATON_HOME", hint, Exit.USAGE)
    _run(lambda: _embedded(settings), settings, "up")


def run(service: str, roll_forward: bool = False, start_from: Path | None = None) -> None:
    """Run one service in this process until a signal. Raises Fault if it cannot."""
    if service not in (known := installed_services()):
        raise Fault(f"there is no service {service!r}", f"Installed are {', '.join(known)}.", Exit.USAGE)
    more: dict[str, Any] = {"start_from": start_from} if start_from else {}
    settings = _settings(**_rolling([service] if roll_forward else []), **more)
    if settings.bus.startswith("embedded:"):
        hint = "Name a Kafka in BATON_BUS (kafka://host:port); `baton up` runs all services in one process."
        raise Fault("the embedded bus connects services of one process only", hint, Exit.USAGE)

    def ready() -> None:
        forget_end(settings.home, service)
        _say(f"{service} is up on {address(settings)}/{service}/")

    _run(lambda: serve_one(settings, service, ready=ready), settings, service)


def _say(text: str) -> None:
    """Tell whoever watches. A full disk, under what he watches or where it goes, is no reason not to serve."""
    with contextlib.suppress(OSError):
        out.print(text, markup=False)


def address(settings: Settings) -> str:
    """Where the services can be reached from here, unless BATON_PUBLIC_URL says how the world does."""
    return (settings.public_url or nearby(settings)).rstrip("/")


def nearby(settings: Settings) -> str:
    """Where the services can be reached on this machine."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104  (told apart, not bound)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _typed() -> str:
    """How to type this command from here: by its name where the shell finds it, else by its path."""
    script = Path(sys.argv[0])
    if script.stem != "baton" or shutil.which("baton"):
        return "baton"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


async def _embedded(settings: Settings) -> None:
    # A name in the log is a mistake nobody can take back, so the link goes to the screen only.
    def ready() -> None:
        secret = ensure_admin_token(settings.home)
        link = login_link(settings, secret, datetime.now(UTC))
        if read_url(settings.home) != nearby(settings):
            with contextlib.suppress(OSError):
                url_file(settings.home).write_text(nearby(settings) + "\n")
        forget_end(settings.home, "up")
        _say(first_steps(address(settings), settings.home / "token", link, _typed()))

    try:
        ensure_admin_token(settings.home)
    except OSError as fault:
        hint = "Set BATON_HOME to a directory that may be written."
        raise Fault(f"cannot keep anything in {settings.home}: {fault.strerror}", hint) from fault
    await serve_embedded(settings, ready=ready)


def _rolling(services: Sequence[str]) -> dict[str, Any]:
    if unknown := [name for name in services if name not in installed_services()]:
        raise Fault(
            f"there is no service {unknown[0]!r}", f"Installed are {', '.join(installed_services())}.", Exit.USAGE
        )
    return {"roll_forward": ",".join(services)} if services else {}


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as faults:
        first = faults.errors()[0]
        name = "BATON_" + "_".join(map(str, first["loc"])).upper()
        raise Fault(f"{name}: {first['msg']}", "docs/settings.md lists every setting.", Exit.USAGE) from faults


def _run(serve: Callable[[], Coroutine[Any, Any, None]], settings: Settings, who: str) -> None:
    if hasattr(signal, "SIGPIPE"):
        # Other commands end with the reader of their output; a server whose broker hangs up has an error to handle.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve())
    except AlreadyRunning as fault:
        raise Fault(str(fault), code=Exit.BUSY) from fault
    except Exception as fault:
        told = _told(fault, settings)
        note_end(settings.home, who, told.message if told else _in_a_line(fault))
        if told is None:
            raise
        raise told from fault


def _in_a_line(fault: BaseException) -> str:
    """What is at the bottom of it: its kind and the first line of what it says."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}".strip()


_MENDED: dict[type[Exception], tuple[str, Exit]] = {
    PortTaken: ("Set BATON_PORT to a free one.", Exit.WRONG),
    NoAccess: ("docs/settings.md lists every setting.", Exit.USAGE),
    CannotMigrate: ("The data is as it was before.", Exit.WRONG),
    CannotTrace: ('pip install "baton-shared[traces]", or see docs/tracing.md.', Exit.USAGE),
    OtherLanes: ("Put the old number back: it cannot be changed later.", Exit.USAGE),
    NoBeginning: ("`baton republish --output FILE` writes one; then name it again.", Exit.WRONG),
}
"""What people can mend, by how."""


def _told(fault: Exception, settings: Settings) -> Fault | None:
    """Return what to tell of what kept us from serving; None if it is none of what people can mend."""
    if isinstance(fault, Fault):
        return fault
    for kind, (hint, code) in _MENDED.items():
        if isinstance(fault, kind):
            return Fault(str(fault), hint, code)
    playbook = sys.modules.get("baton.playbook")  # a service that works by none never loads what reads it: 18 MB
    if playbook is None or not isinstance(fault, playbook.PlaybookErrors):
        return None
    hint = f"`baton playbook check {settings.playbook}` lists all of it."
    return Fault(f"the playbook is not valid: {fault.problems[0]}", hint)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
