"""A run on the embedded set-up: one `baton up`, killed, frozen and started twice under load; then its files are read.

`python -m tests.faults.embedded`; seed, length and load are set as for `tests.faults`.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.account import audit, left_to_do, read_account
from tests.faults.home import REFUSED, Files, Home, home
from tests.faults.load import Load, promised
from tests.faults.plan import FREEZE, KILL, Fault
from tests.faults.run import Verdict, Wanted, weigh
from tests.journeys.running import SERVICES

ANOTHER = "another"
KINDS = (*[KILL] * 8, FREEZE, ANOTHER)
MOMENT, WHILE = (0.05, 0.5), (1.0, 2.0)
"""Seconds until the next fault: it strikes a Baton that is only starting, or one that has come to work."""
GAPS = (*[MOMENT] * 6, *[WHILE] * 4)
TEN_SECONDS = 11.0
"""How long ten faults take: eight kills, a freeze and a second Baton, in an order that the seed decides."""
EVERY_FIFTH = 5
"""So often it is started as by its user, imports and migrations and all; else by a fork, seconds quicker."""
LOADED = 0.8
"""The share of the time in which leads are offered: the last faults strike what is under way."""
SHORT = {"seconds": 22, "leads": 1000, "drain": 60}
"""The run that fits into a test, unless the environment wants another."""


def schedule(seed: int, seconds: float, lease: float) -> list[Fault]:
    """Return the faults of a run; the same seed gives the same."""
    chance, at = random.Random(f"embedded-{seed}"), 1.0
    faults: list[Fault] = []
    for _ in range(max(1, round(seconds / TEN_SECONDS))):
        for kind, gap in zip(chance.sample(KINDS, 10), chance.sample(GAPS, 10), strict=True):
            lasts = {KILL: chance.uniform(0.0, 0.2), FREEZE: chance.uniform(0.2, lease + 1.0)}.get(kind, 0.7)
            faults.append(Fault(at, kind, "baton up", lasts))
            at += lasts + chance.uniform(*gap)
    return faults


def run(wanted: Wanted) -> Verdict:
    """Do it all."""
    started = time.monotonic()
    print(f"BATON_FAULTS_SEED={wanted.seed}: {wanted.leads} leads in {wanted.seconds:.0f} s, embedded", flush=True)
    with contextlib.ExitStack() as stack:
        folder = wanted.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="baton-faults-")))
        folder.mkdir(parents=True, exist_ok=True)
        found, verdict = stack.enter_context(home(folder)), Verdict(wanted)
        load = _under_fire(found, folder, verdict)
        _drain(found, verdict)
        audited = "" if verdict.drained_in is None else audit(found.environment)
        verdict.gave_up = found.gave_up
        if code := found.stop():
            verdict.gave_up.append(f"asked to stop, it ended with {code}")
        files = Files(found.path)
        weigh(read_account(files, files.said(), promised(load.log)), load, audited, verdict)
        if torn := files.torn():
            verdict.wrong["every file is sound"] = torn
    verdict.seconds = time.monotonic() - started
    return verdict


def _under_fire(found: Home, folder: Path, verdict: Verdict) -> Load:
    wanted = verdict.wanted
    faults = schedule(wanted.seed, wanted.seconds, wanted.lease)
    (folder / "schedule.txt").write_text("\n".join(map(str, faults)) + "\n")
    log = folder / "promised.jsonl"
    load = Load(f"s{wanted.seed}", wanted.seed, wanted.leads, wanted.seconds * LOADED, [found.port], log)
    load.start()
    _carry_out(found, faults, verdict)
    verdict.counts["leads offered"] = load.finish(wanted.drain)
    verdict.counts["requests refused or cut"] = load.refused
    return load


def _carry_out(found: Home, faults: Sequence[Fault], verdict: Verdict) -> None:
    """One fault after the other: there is only one process to strike."""
    begun = time.monotonic()
    for fault in faults:
        time.sleep(max(0.0, begun + fault.at - time.monotonic()))
        found.look_after()
        if fault.kind == KILL:
            verdict.faults["kill while it starts"] += not found.is_ready()
            found.kill()
            time.sleep(fault.seconds)
            found.start(anew=verdict.faults[KILL] % EVERY_FIFTH == 0)
        elif fault.kind == FREEZE:
            found.freeze(fault.seconds)
        elif (code := found.start_another()) != REFUSED:
            verdict.wrong.setdefault("a second one on the same home is refused", []).append(f"it ended with {code}")
        verdict.faults[fault.kind] += 1


def _drain(found: Home, verdict: Verdict) -> None:
    """Wait until there is nothing left to publish, to read or to fire."""
    begun, files, quiet = time.monotonic(), Files(found.path), 0
    while quiet < 3 and time.monotonic() - begun < verdict.wanted.drain:
        found.look_after()
        try:
            verdict.left = left_to_do(files, files.ends(), SERVICES)
        except sqlite3.OperationalError as problem:
            verdict.left = {f"cannot be read: {problem}": 1}
        quiet = 0 if verdict.left else quiet + 1
        time.sleep(0.3)
    if quiet == 3:
        verdict.drained_in = time.monotonic() - begun


if __name__ == "__main__":
    outcome = run(Wanted.from_environment(**SHORT))
    print(outcome.text())
    sys.exit(0 if outcome.held else 1)
