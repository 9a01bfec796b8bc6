"""One Baton of each kind for all journeys: they use leads of their own, so they do not disturb each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.journeys.running import Baton, distributed, embedded, playbook_with_short_promises


@pytest.fixture(scope="session", params=["embedded", pytest.param("distributed", marks=pytest.mark.slow)])
def baton(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baton]:
    """A running Baton with the example playbook, except that hot leads must be called within two seconds."""
    folder = tmp_path_factory.mktemp(request.param)
    playbook = playbook_with_short_promises(folder)
    with ExitStack() as stack:
        if request.param == "embedded":
            yield stack.enter_context(embedded(folder, playbook))
        else:
            kafka = request.getfixturevalue("kafka")
            postgres = request.getfixturevalue("postgres")
            yield stack.enter_context(distributed(folder, playbook, kafka, postgres.new_database))
