"""How several processes share the tests, where pytest-xdist runs them."""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ALONE = ("tests/faults/", "tests/outages/", "tests/simulation/", "tests/fuzz/", "tests/burst/")
"""Folders whose tests are sensitive to load or make much of it: nothing else runs beside them."""

TOGETHER = ("tests/doors/",)
"""Folders whose tests share something that is costly to set up."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """A file stays in one process, in its order and with its fixtures.

    What must be alone is in one process, which begins it when every other has nothing left to do.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return "alone"
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.split("::")[0])

    def remove_node(self, node: WorkerController) -> str | None:
        """Return the test a process died of, if it did; what it has left is for the others, or for its successor.

        xdist's own hands out again what was done, too, and then waits for ever for a word on it.
        """
        units = self.assigned_work.pop(node)
        died_of = next((test for unit in units.values() for test, is_done in unit.items() if not is_done), None)
        for scope, unit in units.items():
            if died_of in unit:
                unit[died_of] = True
            if not all(unit.values()):
                self.workqueue[scope] = unit
        if "alone" in self.workqueue:
            self.workqueue.move_to_end("alone")
        for other in self.nodes:
            self._reschedule(other)
        return died_of

    def _reschedule(self, node: WorkerController) -> None:
        if node.shutting_down or list(self.workqueue) != ["alone"]:
            super()._reschedule(node)
            return
        # A process keeps its last test until it hears what comes after it: one that is left is none.
        if any(self._pending_of(work) > 1 for work in self.assigned_work.values()):
            return
        self._assign_work_unit(node)
        for other in self.nodes:
            if other is not node:
                other.shutdown()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process waits long for another; end with what must be alone."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: (item.nodeid.startswith(ALONE), not item.nodeid.startswith("tests/")))
