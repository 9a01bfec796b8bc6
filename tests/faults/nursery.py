"""Starts services quickly: a process that has everything imported forks one whenever it is asked to.

A start from nothing costs two to three seconds of processor time for imports and a look at the migrations; a fork
costs a twentieth of that, so that many more can be killed in a minute. What is killed is a process of its own either
way. This is the harness' end; `newborn.py` is the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Process(Protocol):
    """What the harness does with a process: a `subprocess.Popen` is one, and so is `Forked`."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the exit code."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Forked:
    """A process the nursery has forked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.ended = threading.Event()

    def poll(self) -> int | None:
        return self.code

    def wait(self, timeout: float | None = None) -> int:
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        assert self.code is not None
        return self.code

    def send_signal(self, sig: int) -> None:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The harness' end. What it started ends with it, also when the harness is killed."""

    def __init__(self, folder: Path, root: Path) -> None:
        log = (folder / "nursery.log").open("ab")
        pipe, command = subprocess.PIPE, [sys.executable, "-m", "tests.faults.newborn"]
        # A session of its own: Ctrl-C is for the harness, which then ends what it started in good order.
        self._server = subprocess.Popen(
            command, cwd=root, stdin=pipe, stdout=pipe, stderr=log, text=True, start_new_session=True
        )
        log.close()
        self._born: queue.Queue[Forked] = queue.Queue()
        self._alive: dict[int, Forked] = {}
        self._lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, clock: Path) -> Forked:
        """Fork one that runs `baton <arguments>`, by the wall clock shifted by what `clock` holds."""
        order = {"arguments": [*arguments], "environment": {**environment}, "log": str(log), "clock": str(clock)}
        with self._lock:
            assert self._server.stdin is not None
            self._server.stdin.write(json.dumps(order) + "\n")
            self._server.stdin.flush()
            return self._born.get(timeout=60)

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(30)
        self._listener.join()
        assert self._server.stdout is not None
        self._server.stdout.close()

    def _listen(self) -> None:
        assert self._server.stdout is not None
        for line in self._server.stdout:
            what, pid, code = json.loads(line)
            if what == "born":
                self._alive[pid] = Forked(pid)
                self._born.put(self._alive[pid])
            else:
                self._ended(pid, code)
        for pid in list(self._alive):
            self._ended(pid, -signal.SIGKILL)

    def _ended(self, pid: int, code: int) -> None:
        forked = self._alive.pop(pid)
        forked.code = code
        forked.ended.set()


def set_clock(file: Path, seconds: float) -> None:
    """Let the wall clock of the process that has this file stand so far from the true one; its monotonic goes on."""
    if not file.exists():
        file.write_bytes(struct.pack("d", seconds))
        return
    with file.open("r+b") as handle:
        handle.write(struct.pack("d", seconds))
