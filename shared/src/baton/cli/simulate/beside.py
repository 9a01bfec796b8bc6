"""Two playbooks' courses of one history beside each other: neither knows of the other, so each may have a processor."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from baton.cli.faults import Fault
from baton.cli.simulate.history import History
from baton.cli.simulate.world import Course, World, live_through


def live_both(
    before: World, after: World, history: History, processes: int, told: Callable[[int], None]
) -> tuple[Course, Course]:
    """Live through the history by both. With two processes `before` goes to one of its own, if the system can do that.

    The same courses either way. `told` hears how many entries `after` has done. Raises Fault for what cannot be read.
    """
    if processes < 2 or not _can_part():
        live_through([before, after], history, told=told)
        return before.course(), after.course()
    with _lived_apart(before, history) as course_before:
        live_through([after], history, told=told)
        return course_before(), after.course()


def _can_part() -> bool:
    """A process is copied as it stands, which is safe where nothing else goes on in it."""
    return sys.platform == "linux" and threading.active_count() == 1


@contextmanager
def _lived_apart(world: World, history: History) -> Iterator[Callable[[], Course]]:
    copied = multiprocessing.get_context("fork")
    ours, theirs = copied.Pipe(duplex=False)
    process = copied.Process(target=_live, args=(world, history, theirs), daemon=True)
    process.start()
    theirs.close()

    def course() -> Course:
        try:
            found: Course = ours.recv()
        except EOFError:
            process.join()
            hint = "Lack of memory is a likely reason: `--processes 1` needs half of it."
            raise Fault(f"the process of the playbook compared with ended with {process.exitcode}", hint) from None
        return found

    try:
        yield course
    finally:
        process.terminate()
        process.join()
        ours.close()


def _live(world: World, history: History, to: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted is the other, and he ends this one
    live_through([world], history)
    to.send(world.course())
