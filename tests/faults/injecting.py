"""Carrying out a schedule."""

from __future__ import annotations

import contextlib
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
BROKER_TRIES = 20


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
        with psycopg.connect(self._plant.database(fault.target), autocommit=True, connect_timeout=5) as connection:
            connection.execute(others + " AND pid <> pg_backend_pid()")
        return True

    def _replay(self, fault: Fault) -> bool:
        """Append old records of a topic to its end once more, as a relay does that slept with them in its hands."""
        for _ in range(BROKER_TRIES):
            with contextlib.suppress(KafkaException), self._plant.server_lock:
                return self._append_again(fault.target)
            time.sleep(1.0)  # the broker is back, but does not lead all its partitions yet
        return False

    def _append_again(self, topic: str) -> bool:
        bootstrap = self._plant.kafka.bootstrap
        records = list(raw(bootstrap, [topic]))
        first = self._chance.randrange(max(1, len(records) - REPLAYED))
        producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        for record in records[first : first + REPLAYED]:
            producer.produce(record.topic(), record.value(), record.key(), record.partition(), headers=record.headers())
        return bool(records) and producer.flush(20) == 0
