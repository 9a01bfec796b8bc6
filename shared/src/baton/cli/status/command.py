"""`baton status` as typed: live on a terminal, once elsewhere, or one JSON document."""

from __future__ import annotations

import sys
import time
from datetime import datetime

import orjson
from rich.console import Console
from rich.live import Live

from baton.cli.client import Client
from baton.cli.screen import out
from baton.cli.status.board import board
from baton.cli.status.look import PATIENCE, Lookout, Round
from baton.cli.status.summary import Status, status_of

WIDTH = 100
"""Columns of what is written elsewhere than to a terminal."""


def status(once: bool, as_json: bool, interval: float) -> None:
    """Show the pipeline. Raises Fault when no service shows its metrics at the first look.

    What is not live looks twice, `interval` seconds apart: rates need two readings.
    """
    with Client(timeout=PATIENCE) as client:
        lookout = Lookout(client)
        try:
            if as_json:
                out.print(_as_json(_twice(lookout, interval)), markup=False)
            elif once or not _is_live():
                _screen().print(board(_twice(lookout, interval), _told(interval)))
            else:
                _watch(lookout, interval)
        finally:
            lookout.close()


def _twice(lookout: Lookout, interval: float) -> Status:
    before = _first(lookout)
    time.sleep(interval)
    return _status(lookout, before, lookout.look())


def _watch(lookout: Lookout, interval: float) -> None:
    """Until Ctrl-C, which is how it ends well. Services may go away meanwhile, all of them, and come back."""
    try:
        before = after = _first(lookout)
        with Live(console=_screen(), auto_refresh=False) as live:
            while True:
                due = time.monotonic() + interval
                live.update(board(_status(lookout, before, after), f"{_told(interval)}; Ctrl-C ends"), refresh=True)
                time.sleep(max(0.0, due - time.monotonic()))
                before, after = after, lookout.look()
    except KeyboardInterrupt:
        return


def _first(lookout: Lookout) -> Round:
    """The first look. Raises the Fault of one service when none of them shows anything."""
    found = lookout.look()
    faults = [seen.fault for seen in found.values() if seen.fault is not None]
    if len(faults) == len(found):
        # Who is there and refuses is nearer to an answer than who is not.
        raise max(faults, key=lambda fault: fault.code)
    return found


def _status(lookout: Lookout, before: Round, after: Round) -> Status:
    fates = None if after["reporting"].metrics is None else lookout.fates()
    return status_of(before, after, fates)


def _told(interval: float) -> str:
    return f"Baton at {datetime.now().astimezone():%H:%M:%S}, every {interval:g} s"


def _as_json(found: Status) -> str:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()


def _is_live() -> bool:
    """Whether a screen can be drawn again in place. FORCE_COLOR makes no terminal of a pipe."""
    return sys.stdout.isatty() and not out.is_dumb_terminal


def _screen() -> Console:
    """Lines are cut to the width, other than those of `out`: a longer one would break the screen."""
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDTH)
