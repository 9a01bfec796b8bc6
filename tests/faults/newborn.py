"""The other end of `nursery.py`: has every service imported, and forks one for each line of orders it reads."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import mmap
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import baton.cli.main
import baton.runtime.run
from baton.runtime.clock import Clock

LATE = ("baton.cli.serving", "asyncpg", "aiokafka", "uvloop")
"""What a service imports only once it runs."""


def load() -> None:
    """Import what a service needs, start nothing."""
    for name in LATE:
        importlib.import_module(name)
    for point in entry_points(group=baton.runtime.run.ENTRY_POINTS):
        point.load()
    gc.collect()
    gc.freeze()


def shift_clock(file: Path) -> None:
    """Let this process's wall clock stand as far from the true one as the file says, from one moment to the next."""
    with file.open("rb") as handle:
        shared = mmap.mmap(handle.fileno(), 8, prot=mmap.PROT_READ)
    true_now, true_time = Clock.now, time.time

    def offset() -> float:
        return float(struct.unpack("d", shared[:8])[0])

    Clock.now = lambda self: true_now(self) + timedelta(seconds=offset())  # type: ignore[method-assign]
    time.time = lambda: true_time() + offset()


async def migrated_before(names: Sequence[str]) -> None:
    """The first start, which was an ordinary one, has migrated the stores."""


def be_born(order: Mapping[str, Any]) -> None:
    """Become what was asked for; never returns."""
    code = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        null, log = os.open(os.devnull, os.O_RDONLY), os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = ["baton", *order["arguments"]]
        shift_clock(Path(order["clock"]))
        baton.runtime.run.migrate = migrated_before
        baton.cli.main.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001  (it ends here, as an interpreter does: with a traceback)
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class Ward:
    """Who was born and has not ended yet."""

    def __init__(self) -> None:
        self._alive: set[int] = set()
        self._rest = b""

    def obey(self, read: bytes) -> None:
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            if not (pid := os.fork()):
                signal.set_wakeup_fd(-1)
                be_born(json.loads(line))
            self._alive.add(pid)
            self._tell("born", pid, None)

    def bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                self._alive.discard(pid)
                self._tell("ended", pid, os.waitstatus_to_exitcode(status))

    def close(self) -> None:
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _tell(self, what: str, pid: int, code: int | None) -> None:
        with contextlib.suppress(BrokenPipeError):  # the harness was killed: our orders end, too
            os.write(1, (json.dumps([what, pid, code]) + "\n").encode())


def main() -> None:
    """Obey until there are no more orders; then nobody stays."""
    load()
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.set_wakeup_fd(wake)
    ward = Ward()
    while True:
        readable, _, _ = select.select([0, awake], [], [])
        if awake in readable:
            os.read(awake, 4096)
            ward.bury()
        if 0 in readable:
            read = os.read(0, 65536)
            if not read:
                break
            ward.obey(read)
    ward.close()


if __name__ == "__main__":
    main()
