"""How several processes share the tests, where pytest-xdist runs them."""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

ALONE = "alone"
TOGETHER = ("tests/doors/",)
"""Folders whose tests share something that is costly to set up."""


class ByFile(LoadGroupScheduling):  # type: ignore[misc]  # it has no types
    """A file stays in one process, in its order and with its fixtures; all tests marked `alone` are in one process."""

    def _split_scope(self, nodeid: str) -> str:
        group = str(super()._split_scope(nodeid))
        if group != nodeid:
            return group
        path = nodeid.split("::")[0]
        return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)  # when all marks are set
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: what is left at the end is short then, and no process waits long for another."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        if item.get_closest_marker(ALONE):
            item.add_marker(pytest.mark.xdist_group(ALONE))
    items.sort(key=lambda item: (item.get_closest_marker(ALONE) is None, not item.nodeid.startswith("tests/")))
