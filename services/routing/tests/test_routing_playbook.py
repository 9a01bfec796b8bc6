"""A changed playbook is live in seconds, an invalid one is refused and the old one stays."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baton.playbook import PlaybookErrors
from baton.routing.service import build
from baton.routing.settings import RoutingSettings
from baton.runtime.clock import FixedClock
from baton.runtime.testing import Bench

EXAMPLE = Path(__file__).parents[3] / "deploy" / "playbook"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_changed_playbook_is_followed_and_a_broken_one_is_not(
    tmp_path: Path, facts: Any, clock: FixedClock
) -> None:
    book = tmp_path / "playbook"
    shutil.copytree(EXAMPLE, book)
    service = build(RoutingSettings(home=tmp_path, playbook=book, partitions=4, playbook_poll_seconds=0.05))
    async with Bench.of(service, tmp_path, clock) as bench:
        following = asyncio.create_task(service._follow_playbook(bench.engine))
        try:
            first = service.playbook_version()
            rules = (book / "routing.yaml").read_text()
            (book / "routing.yaml").write_text(rules.replace("max_reassigns: 2", "max_reassigns: lots"))
            await until(lambda: "playbook" in service.concerns())
            assert "routing.yaml:" in service.concerns()["playbook"]
            assert service.playbook_version() == first
            (book / "routing.yaml").write_text(rules.replace("max_reassigns: 2", "max_reassigns: 1"))
            await until(lambda: service.playbook_version() != first)
            assert service.concerns() == {}
            await until(lambda: not following.done())
            seeded = await bench.said("rep.changed")
            assert [fact.subject for fact in seeded] == [rep.id for rep in service.watch.current.roster.reps]  # type: ignore[union-attr]
            await bench.hear(facts.qualified(country="US"), subject=facts.lead)
            (routed,) = await bench.said("lead.routed")
            assert routed.headers["ce_playbook"] == routed.body["rule"]["playbook"] == service.playbook_version()
        finally:
            following.cancel()


def test_routing_does_not_start_on_a_bad_playbook(tmp_path: Path) -> None:
    with pytest.raises(PlaybookErrors, match=r"routing\.yaml"):
        build(RoutingSettings(home=tmp_path, playbook=tmp_path))
