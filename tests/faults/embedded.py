"""A run on the embedded set-up: one `baton up`, killed, frozen and started twice under load; then its files are read.

`python -m tests.faults.embedded`; seed, length and load are set as for `tests.faults`.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.account import audit, read_account
from tests.faults.drain import Ends, drain
from tests.faults.home import REFUSED, Files, Home, append_again, home
from tests.faults.load import Load, promised
from tests.faults.plan import FREEZE, KILL, REPLAY
from tests.faults.verdict import Verdict, Wanted, weigh

ANOTHER = "another"
KINDS = (*[KILL] * 7, FREEZE, ANOTHER)
AT_WORK = (*[True] * 4, *[False] * 5)
TEN_SECONDS = 11.0
"""How long ten strikes take: eight kills, a freeze and a second Baton. The last kill leaves old records once more on
the log."""
GONE_SECONDS = 5.0
"""How long one that ended by itself is waited for: the verdict is known."""
EVERY_FIFTH = 5
"""So often it is started as by its user, imports and migrations and all; else by a fork, seconds quicker."""
LOADED = 0.8
"""The share of the time in which leads are offered: the last faults strike what is under way."""
SHORT = {"seconds": 22, "leads": 700, "drain": 90}
"""The run that fits into a test, unless the environment wants another."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `after` so many seconds, counted from when it is ready if it is to strike a Baton at work."""

    kind: str
    at_work: bool
    after: float
    seconds: float


def schedule(seed: int, seconds: float, lease: float) -> list[Strike]:
    """Return the faults of a run; the same seed gives the same."""
    chance = random.Random(f"embedded-{seed}")
    strikes = []
    for _ in range(max(1, round(seconds / TEN_SECONDS))):
        ten = zip(chance.sample(KINDS, 9), chance.sample(AT_WORK, 9), strict=True)
        for kind, at_work in (*ten, (REPLAY, True)):
            lasts = chance.uniform(0.2, lease + 1.0) if kind == FREEZE else chance.uniform(0.0, 0.2)
            strikes.append(Strike(kind, at_work, chance.uniform(0.05, 1.2 if at_work else 0.5), lasts))
    return strikes


def run(wanted: Wanted) -> Verdict:
    """Do it all."""
    started = time.monotonic()
    print(f"BATON_FAULTS_SEED={wanted.seed}: {wanted.leads} leads in {wanted.seconds:.0f} s, embedded", flush=True)
    with contextlib.ExitStack() as stack:
        folder = wanted.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="baton-faults-")))
        folder.mkdir(parents=True, exist_ok=True)
        found, verdict = stack.enter_context(home(folder)), Verdict(wanted)
        strikes = schedule(wanted.seed, wanted.seconds, wanted.lease)
        (folder / "schedule.txt").write_text("\n".join(map(str, strikes)) + "\n")
        log = folder / "promised.jsonl"
        load = Load(f"s{wanted.seed}", wanted.seed, wanted.leads, wanted.seconds * LOADED, [found.port], log)
        load.start()
        stack.callback(load.over.set)
        _carry_out(found, strikes, random.Random(f"replay-{wanted.seed}"), verdict)
        judge(found, load, verdict)
    verdict.seconds = time.monotonic() - started
    return verdict


def judge(found: Home, load: Load, verdict: Verdict) -> None:
    """Let the load end and all become quiet, stop it, and read what it leaves."""
    verdict.counts["leads offered"] = load.finish(GONE_SECONDS if found.gave_up else verdict.wanted.drain)
    verdict.counts["requests refused or cut"] = load.refused
    files = Files(found.path)

    def ends() -> Ends:
        found.look_after()
        return files.ends()

    drained = drain(files, ends, GONE_SECONDS if found.gave_up else verdict.wanted.drain)
    verdict.caught_up_in, verdict.drained_in, verdict.left = drained.caught_up, drained.quiet, drained.left
    verdict.idle = drained.idle
    audited = "" if verdict.drained_in is None else audit(found.environment)
    if (code := found.stop()) and not found.gave_up:
        found.gave_up.append(f"asked to stop, it ended with {code}")
    verdict.gave_up = found.gave_up
    weigh(read_account(files, files.said(), promised(load.log)), load, audited, verdict)
    if torn := files.torn():
        verdict.wrong["every file is sound"] = torn


def _carry_out(found: Home, strikes: Sequence[Strike], chance: random.Random, verdict: Verdict) -> None:
    """One fault after the other: there is only one process to strike."""
    for strike in strikes:
        found.look_after()
        if found.gave_up:
            return
        if strike.at_work:
            found.await_ready()
        time.sleep(strike.after)
        if strike.kind == FREEZE:
            found.freeze(strike.seconds)
        elif strike.kind != ANOTHER:
            _kill(found, strike, chance, verdict)
        elif (code := found.start_another()) != REFUSED:
            verdict.wrong.setdefault("a second one on the same home is refused", []).append(f"it ended with {code}")
        verdict.faults[strike.kind] += 1


def _kill(found: Home, strike: Strike, chance: random.Random, verdict: Verdict) -> None:
    verdict.faults["kill at work" if found.is_ready() else "kill while it starts"] += 1
    found.kill()
    if strike.kind == REPLAY:
        verdict.counts["records appended once more"] += append_again(found.path, chance)
    time.sleep(strike.seconds)
    found.start(anew=verdict.faults[KILL] % EVERY_FIFTH == 0)


if __name__ == "__main__":
    outcome = run(Wanted.from_environment(**SHORT))
    print(outcome.text())
    sys.exit(0 if outcome.held else 1)
