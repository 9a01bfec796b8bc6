"""Carrying out a schedule."""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence

import psycopg
from confluent_kafka import KafkaException, Producer

from tests.faults.plan import BROKER, CUT, FREEZE, KILL, POSTGRES, REPLAY, Fault
from tests.faults.plant import Plant
from tests.faults.reader import raw

REPLAYED = 300


class Injector:
    """Makes faults happen, each in a thread of its own, so that they overlap; counts those that really did."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self._plant = plant
        self._chance = random.Random(f"replay-{seed}")
        self._threads: list[threading.Thread] = []
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []

    def carry_out(self, faults: Sequence[Fault]) -> None:
        """Return when the last has begun."""
        begun = time.monotonic()
        for fault in faults:
            time.sleep(max(0.0, begun + fault.at - time.monotonic()))
            thread = threading.Thread(target=self._one, args=(fault,))
            thread.start()
            self._threads.append(thread)

    def heal(self) -> None:
        """Wait until every fault is undone."""
        for thread in self._threads:
            thread.join()

    def _one(self, fault: Fault) -> None:
        ways = {
            KILL: self._kill, FREEZE: self._freeze, CUT: self._cut, REPLAY: self._replay,
            POSTGRES: self._postgres, BROKER: self._broker,
        }  # fmt: skip
        try:
            happened = ways[fault.kind](fault)
        except (KafkaException, psycopg.OperationalError):
            self.done[f"{fault.kind} skipped"] += 1  # the server it needs is not there yet
        except Exception as problem:  # noqa: BLE001  (a fault that cannot be made is told, not hidden)
            self.failed.append(f"{fault}: {type(problem).__name__}: {problem}")
        else:
            self.done[fault.kind if happened else f"{fault.kind} skipped"] += 1

    def _kill(self, fault: Fault) -> bool:
        replica = self._plant.replicas[fault.target]
        if not replica.wanted:
            return False
        replica.kill()
        time.sleep(fault.seconds)
        replica.start()
        return True

    def _freeze(self, fault: Fault) -> bool:
        replica = self._plant.replicas[fault.target]
        if not replica.wanted:
            return False
        stopped = replica.process
        replica.send(signal.SIGSTOP)
        time.sleep(fault.seconds)
        if stopped is replica.process:
            replica.send(signal.SIGCONT)
        return True

    def _postgres(self, fault: Fault) -> bool:
        self._plant.crash_postgres(fault.seconds)
        return True

    def _broker(self, fault: Fault) -> bool:
        self._plant.crash_broker(fault.seconds)
        return True

    def _cut(self, fault: Fault) -> bool:
        """Cut every connection of a service to its database."""
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        if self._plant.server_lock.locked():
            return False
        with psycopg.connect(self._plant.database(fault.target), autocommit=True, connect_timeout=5) as connection:
            connection.execute(others + " AND pid <> pg_backend_pid()")
        return True

    def _replay(self, fault: Fault) -> bool:
        """Append old records of a topic to its end once more, as a relay does that slept with them in its hands."""
        if not self._plant.server_lock.acquire(timeout=30):
            return False
        try:
            bootstrap = self._plant.kafka.bootstrap
            records = list(itertools.islice(raw(bootstrap, [fault.target]), self._chance.randrange(4000), None))
            producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
            for record in records[:REPLAYED]:
                producer.produce(
                    record.topic(), record.value(), record.key(), record.partition(), headers=record.headers()
                )
            producer.flush(20)
        finally:
            self._plant.server_lock.release()
        return bool(records)
