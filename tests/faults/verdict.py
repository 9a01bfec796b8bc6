"""What a run is to be, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import confluent_kafka
import psycopg

from deploy.kafka.run import KafkaUnavailable, java, locked
from deploy.postgres.run import PostgresUnavailable, binaries
from tests.faults.checks import Found, check_all
from tests.faults.load import Load

SHOWN = 5
COUNTED = ("lead.routed", "lead.reassigned", "lead.touched", "sla.started", "sla.met", "sla.breached")


@dataclass(frozen=True)
class Wanted:
    """What a run is to be; each can be set as `BATON_FAULTS_<NAME>`."""

    seed: int = 0
    seconds: float = 60.0
    """How long a round makes faults and posts leads."""
    leads: int = 10_000
    """In a round."""
    gap: float = 0.5
    """Seconds between two faults, on average."""
    drain: float = 300.0
    """After so many seconds without faults all must be quiet."""
    lease: float = 3.0
    rounds: int = 1
    """So often at most: faults and leads, drain, checks, all on the same stores and topics."""
    enough: int = 0
    """No further round begins once so many leads were accepted; 0: all rounds are made."""
    behind: int = 0
    """While more records are unread nothing is posted, and a round ends in time with what was posted; 0: never."""
    minutes: float = 0.0
    """After so long no further round begins, and one under way is cut short; 0: never."""
    keep: Path | None = None
    """Where logs and the client's own log stay."""
    out: Path | None = None
    """Where the result goes, after every round: <out>.json and <out>.md."""

    @classmethod
    def from_environment(cls, **otherwise: float) -> Wanted:
        def number(name: str) -> float:
            return float(os.environ.get(f"BATON_FAULTS_{name.upper()}", otherwise.get(name, getattr(cls, name))))

        def path(name: str) -> Path | None:
            given = os.environ.get(f"BATON_FAULTS_{name.upper()}")
            return Path(given) if given else None

        seed = os.environ.get("BATON_FAULTS_SEED")
        return cls(
            seed=int(seed) if seed else random.SystemRandom().randrange(10**6),
            leads=int(number("leads")),
            rounds=int(number("rounds")),
            enough=int(number("enough")),
            behind=int(number("behind")),
            keep=path("keep"),
            out=path("out"),
            **{name: number(name) for name in ("seconds", "gap", "drain", "lease", "minutes")},
        )


@dataclass
class Verdict:
    """What came of it. `left` is what was not done in time: another thing than lost."""

    wanted: Wanted
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    drained_in: float | None = None
    """The longest time from the last fault of a round until all was quiet; None if it did not become so."""
    caught_up_in: float | None = None
    """As above, until only the leads' own course was left (drain.py)."""
    idle: float | None = None
    """The share of the processors' time in which nobody ran until then, in the round that took longest."""
    left: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    gave_up: list[str] = field(default_factory=list)
    seconds: float = 0.0
    rounds: int = 0
    """So many are complete, their checks included."""
    is_finished: bool = False

    @property
    def held(self) -> bool:
        return not (self.wrong or self.gave_up or self.left)

    def add(self, other: Verdict) -> None:
        """Take one more round into account."""
        self.faults.update(other.faults)
        self.counts.update(other.counts)
        if self.caught_up_in is None or (other.caught_up_in or 0.0) > self.caught_up_in:
            self.idle = other.idle
        self.drained_in = _longer(self.drained_in, other.drained_in) if self.rounds else other.drained_in
        self.caught_up_in = _longer(self.caught_up_in, other.caught_up_in) if self.rounds else other.caught_up_in
        self.left = other.left
        for sentence, cases in other.wrong.items():
            self.wrong.setdefault(sentence, []).extend(cases)
        self.rounds += 1

    def text(self) -> str:
        done = ", ".join(f"{number} × {kind}" for kind, number in sorted(self.faults.items()))
        counts = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        lines = [f"seed {self.wanted.seed}: {done}", counts, ", ".join(f"{k} {v}" for k, v in versions().items())]
        if self.drained_in is None:
            lines.append(f"NOT DRAINED within {self.wanted.drain:.0f} s: {self.left}")
        if self.caught_up_in is not None:
            idle = "" if self.idle is None else f"; processors idle for {self.idle:.0%} of it"
            lines.append(
                f"caught up {self.caught_up_in:.1f} s after the last fault, but for the leads' own course{idle}"
            )
        if self.drained_in is not None:
            lines.append(f"quiet {self.drained_in:.1f} s after the last fault; {self.seconds:.0f} s in all")
        for sentence, cases in self.wrong.items():
            lines.append(f"NOT TRUE: {sentence} ({len(cases)} times)")
            lines += [f"    {case}" for case in cases[:SHOWN]]
        lines += [f"GAVE UP: {last_words}" for last_words in self.gave_up]
        broken = "promises were broken" if self.wrong or self.gave_up else "nothing is known to be lost or done twice"
        return "\n".join([*lines, "every promise was kept" if self.held else broken])

    def write(self) -> None:
        """Put the result, as far as it goes, where it is wanted."""
        if self.wanted.out is None:
            return
        self.wanted.out.parent.mkdir(parents=True, exist_ok=True)
        self.wanted.out.with_suffix(".json").write_text(json.dumps(self._account(), indent=2) + "\n")
        self.wanted.out.with_suffix(".md").write_text(self._row() + "\n")

    def _account(self) -> dict[str, Any]:
        return {
            "verdict": "broken" if self.wrong or self.gave_up else "kept" if self.held else "not drained",
            "finished": self.is_finished,
            "seed": self.wanted.seed,
            "written_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "seconds": round(self.seconds),
            "rounds": self.rounds,
            "counts": dict(self.counts),
            "faults": dict(self.faults),
            "caught_up_seconds": self.caught_up_in and round(self.caught_up_in, 1),
            "idle_share": self.idle and round(self.idle, 3),
            "quiet_seconds": self.drained_in and round(self.drained_in, 1),
            "left": self.left,
            "wrong": {
                sentence: {"times": len(cases), "first": cases[:SHOWN]} for sentence, cases in self.wrong.items()
            },
            "gave_up": self.gave_up,
            "versions": versions(),
            "settings": {name: str(value) for name, value in vars(self.wanted).items()},
        }

    def _row(self) -> str:
        """The row for docs/faults.md."""
        faults = ", ".join(f"{number:,} {kind}" for kind, number in self.faults.most_common())
        so_far = "" if self.is_finished else " so far"
        result = "all kept" if self.held else f"not drained: {sum(self.left.values())} left"
        if self.wrong or self.gave_up:
            result = f"BROKEN: {', '.join(self.wrong) or self.gave_up}"
        longest = f"caught up within {self.caught_up_in or 0:.0f} s, quiet within {self.drained_in or 0:.0f} s"
        facts = f"{self.counts['distinct facts']:,} facts, {self.counts['lead.routed']:,} routed"
        leads = f"{self.counts['leads accepted']:,} in {self.seconds / 60:.0f} min, {self.rounds} rounds{so_far}"
        return f"| {self.wanted.seed} | {leads} | {faults} | {result}; {longest}; {facts} |"


def _longer(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)


def versions() -> dict[str, str]:
    """Of what took part, as far as it is here."""

    def said(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).splitlines()[0].strip()

    found = {"Python": platform.python_version(), "librdkafka": confluent_kafka.libversion()[0]}
    found |= {"psycopg": psycopg.__version__, "processors": str(os.cpu_count())}
    found["Kafka"] = next(name.split("-")[-1].removesuffix(".jar") for name in locked() if name.startswith("kafka_2"))
    with contextlib.suppress(PostgresUnavailable):
        found["PostgreSQL"] = said(str(binaries() / "postgres"), "--version")
    with contextlib.suppress(KafkaUnavailable):
        found["Java"] = said(java(), "-version")
    return found


def weigh(what: Found, load: Load, audited: str, verdict: Verdict) -> None:
    """Judge what was found, and count it."""
    verdict.wrong |= check_all(what, is_quiet=verdict.drained_in is not None)
    if load.wrong:
        verdict.wrong["an answer is 2xx or 503"] = load.wrong
    if audited:
        verdict.wrong["baton audit agrees"] = [audited]
    distinct = what.distinct()
    verdict.counts["leads accepted"] = len({lead_id for _, lead_id, _ in what.promised})
    verdict.counts["records"] = len(what.facts) + len(what.about_those_at_rest)
    verdict.counts["distinct facts"] = len(distinct)
    types = Counter(fact.type for fact in distinct)
    verdict.counts.update({name: types[name] for name in COUNTED})
