"""One Baton of each kind for all journeys: they use leads of their own, so they do not disturb each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.running import Baton, distributed, embedded, playbook_with_short_promises

AT_ONCE = {"test_cli_page.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever starts a Baton of its own is not for `make check`, and may wait for several things in turn."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name not in AT_ONCE:
            item.add_marker("slow")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="module", params=["embedded", "distributed"])  # two Batons on one broker would hear each other
def baton(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baton]:
    """A running Baton with the example playbook, except that hot leads must be called within two seconds."""
    folder = tmp_path_factory.mktemp(request.param)
    playbook = playbook_with_short_promises(folder)
    with ExitStack() as stack:
        if request.param == "embedded":
            yield stack.enter_context(embedded(folder, playbook))
        else:
            kafka = request.getfixturevalue("own_kafka")
            postgres = request.getfixturevalue("postgres")
            yield stack.enter_context(distributed(folder, playbook, kafka, postgres.new_database))
