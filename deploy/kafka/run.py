#!/usr/bin/env python3
"""A real Apache Kafka on this machine without Docker: one KRaft node out of its published Java artefacts.

    run.py start [--home var/dev/kafka] [--port 19092]   starts it and prints the line for BATON_BUS
    run.py stop | status [--home …]
    run.py fetch                                         only fills the cache of jars
    run.py lock                                          rewrites jars.sha256 after pom.xml was changed

Needs Java 17 or newer, and Maven the first time. Standard library only: tests import it too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "jars.sha256"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baton"
CLUSTER_ID = "YmF0b24tZGV2LWNsdXN0ZXI"  # any 16 bytes in URL-safe base64
DEFAULT_HOME, DEFAULT_PORT = Path("var/dev/kafka"), 19092
START_SECONDS = 90  # measured 5 s idle on 2 cores; a loaded CI machine takes several times that
SEEN_ABSENT = 5
"""Looks in a row, a tenth of a second apart, after which a process that is not there has ended."""


class KafkaUnavailable(Exception):
    """Kafka cannot run here; the text says what is missing."""


def java() -> str:
    """Path of a Java 17 or newer. Raises KafkaUnavailable."""
    home = os.environ.get("JAVA_HOME")
    candidate = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not candidate or not shutil.which(candidate):
        raise KafkaUnavailable("no Java found: install a JRE 17 or newer")
    text = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', text)
    if not found or int(found[1]) < 17:
        raise KafkaUnavailable(f"Java 17 or newer is needed, {candidate} says: {text.splitlines()[:1]}")
    return candidate


def locked() -> dict[str, str]:
    """File name → SHA-256 of every jar, as committed."""
    rows = (line.split() for line in LOCK.read_text().splitlines())
    return {name: digest for digest, name in rows}


def digests(folder: Path) -> dict[str, str]:
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in sorted(folder.glob("*.jar"))}


def copy_dependencies(target: Path) -> None:
    """Let Maven copy the jars of pom.xml into `target`; three tries. Raises KafkaUnavailable."""
    maven = shutil.which("mvn")
    if not maven:
        raise KafkaUnavailable("no Maven found: install it once, to fetch Kafka's jars")
    command = [maven, "-B", "-q", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={target}", "-DincludeScope=runtime"]
    for pause in (2, 10, None):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return
        if pause is not None:
            time.sleep(pause)
    raise KafkaUnavailable("Maven could not fetch Kafka: " + (done.stdout + done.stderr).strip()[-500:])


def jars() -> Path:
    """Folder with exactly the jars of jars.sha256, fetched once per content of that file."""
    wanted = locked()
    folder = CACHE / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if digests(folder) == wanted:
        return folder
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    copy_dependencies(fresh)
    if (found := digests(fresh)) != wanted:
        odd = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        shutil.rmtree(fresh)
        raise KafkaUnavailable(f"these jars differ from jars.sha256: {', '.join(odd)}")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def free_port() -> int:
    """A TCP port nobody listens on, below the range the kernel hands to clients."""
    try:
        highest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        highest = 32768
    span = range(max(highest - 12000, 10000), highest)
    start = int.from_bytes(os.urandom(2), "big") % len(span)
    for step in range(len(span)):
        port = span[(start + step) % len(span)]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise KafkaUnavailable("no free TCP port")


def properties(home: Path, port: int, controller: int, through: tuple[int, int] | None = None) -> str:
    """The configuration; `through`: a second port to listen on, and the one its clients are told to come back to."""
    listeners, told = f"PLAINTEXT://127.0.0.1:{port}", f"PLAINTEXT://127.0.0.1:{port}"
    if through is not None:
        listeners += f",THROUGH://127.0.0.1:{through[0]}"
        told += f",THROUGH://127.0.0.1:{through[1]}"
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={told}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,THROUGH:PLAINTEXT
log.dirs={home / "data"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
"""


@dataclass(frozen=True)
class Kafka:
    """One node whose data and log lie under `home`; it outlives the process that started it."""

    home: Path
    port: int = DEFAULT_PORT
    heap_mb: int = 320
    through: tuple[int, int] | None = None
    """A second port, and the one where its clients meet a proxy to it: Kafka sends clients on to what it advertises."""
    more: tuple[tuple[str, str], ...] = ()
    """Further properties of the broker."""

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid_file(self) -> Path:
        return self.home / "pid"

    def command(self, main: str, *arguments: str) -> list[str]:
        options = [f"-Xmx{self.heap_mb}m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
        return [java(), *options, "-cp", f"{jars()}{os.sep}*", main, *arguments]

    def format(self) -> None:
        """Write the configuration; format the storage unless that was done before."""
        self.home.mkdir(parents=True, exist_ok=True)
        config = self.home / "server.properties"
        if not (self.home / "data" / "meta.properties").exists():
            config.write_text(self._properties(free_port()))
            arguments = ("format", "-t", CLUSTER_ID, "-c", str(config))
            done = subprocess.run(
                self.command("kafka.tools.StorageTool", *arguments), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise KafkaUnavailable("storage could not be formatted: " + (done.stdout + done.stderr).strip()[-500:])
        # The quorum remembers the controller's port of the first start: keep it, only our own port may change.
        voters = re.search(r"voters=1@127\.0\.0\.1:(\d+)", config.read_text())
        controller = int(voters[1]) if voters else free_port()
        config.write_text(self._properties(controller))

    def _properties(self, controller: int) -> str:
        more = "".join(f"{name}={value}\n" for name, value in self.more)
        return properties(self.home.resolve(), self.port, controller, self.through) + more

    def start(self) -> None:
        """Afterwards it answers at `bootstrap`. Does nothing when it runs already. Raises KafkaUnavailable."""
        if self.running():
            return
        self.format()
        log = self.home / "kafka.log"
        # The shell leaves it as nobody's child: a caller owes it no wait() and does not take it along with Ctrl-C.
        script = 'exec >>"$0" 2>&1 </dev/null; "$@" & echo $! >"$BATON_PID_FILE"'
        subprocess.run(
            ["/bin/sh", "-c", script, str(log), *self.command("kafka.Kafka", str(self.home / "server.properties"))],
            env={**os.environ, "BATON_PID_FILE": str(self.pid_file)},
            start_new_session=True,
            check=True,
        )
        deadline, absent = time.monotonic() + START_SECONDS, 0
        while not self.answers():
            # A process that is becoming Java has no command line for a moment.
            absent = 0 if self.running() else absent + 1
            if absent == SEEN_ABSENT or time.monotonic() > deadline:
                self.stop()
                raise KafkaUnavailable(f"Kafka did not start; the end of {log}:\n" + log.read_text()[-1500:])
            time.sleep(0.1)

    def answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def running(self) -> bool:
        pid = self.pid()
        if pid is None:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        if not Path("/proc/self").exists():
            return True
        # The number may be another program's by now; a zombie nobody reaped has an empty command line.
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return False
        return b"java" in command or b"/bin/sh" in command

    def pid(self) -> int | None:
        return int(self.pid_file.read_text()) if self.pid_file.exists() else None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it and wait; data stays. SIGKILL is for tests of crashes."""
        pid = self.pid()
        if pid is None or not self.running():
            self.pid_file.unlink(missing_ok=True)
            return
        os.kill(pid, how)
        deadline = time.monotonic() + 20
        while self.running():
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        self.pid_file.unlink(missing_ok=True)


def lock() -> None:
    folder = CACHE / "kafka-lock"
    shutil.rmtree(folder, ignore_errors=True)
    copy_dependencies(folder)
    LOCK.write_text("".join(f"{digest}  {name}\n" for name, digest in digests(folder).items()))
    shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["start", "stop", "status", "fetch", "lock"])
    parser.add_argument("--home", type=Path, default=DEFAULT_HOME)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    arguments = parser.parse_args()
    kafka = Kafka(arguments.home, arguments.port)
    try:
        return run(arguments.verb, kafka)
    except KafkaUnavailable as why:
        print(f"kafka: {why}", file=sys.stderr)
        return 1


def run(verb: str, kafka: Kafka) -> int:
    if verb == "lock":
        lock()
    elif verb == "fetch":
        print(jars())
    elif verb == "stop":
        kafka.stop()
    elif verb == "start":
        kafka.start()
        print(f"export BATON_BUS=kafka://{kafka.bootstrap}")
    else:
        print("running" if kafka.running() else "stopped")
        return 0 if kafka.running() else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
