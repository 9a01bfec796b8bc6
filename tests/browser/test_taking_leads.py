"""What a rep does with the buttons of his list: take the next of a queue, hand on what he has called."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.journeys.people import ANSWERS, HOT, somebody
from tests.journeys.running import ROOT, Baton, embedded, eventually

POOLS = """
  - {id: islands, label: The islands, rotation: pull, members: [{rep: anna}]}
  - {id: callers, label: Who call first, members: [{rep: anna}]}
"""
RULES = """  - {id: islands, label: The islands, match: {country: [NZ]}, pool: islands, policy: standard}
  - {id: called, label: Called first, match: {country: [CL]}, pool: callers, policy: standard, qualifies: true}
"""


@pytest.fixture(scope="module")
def baton(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Baton]:
    """Baton, where New Zealand's leads wait to be taken and Chile's are called first; there are some of each."""
    folder: Path = tmp_path_factory.mktemp("taking")
    shutil.copytree(ROOT / "deploy/playbook", folder / "playbook")
    routing = folder / "playbook" / "routing.yaml"
    head, rules = routing.read_text().split("\nrules:\n")
    routing.write_text(f"{head.rstrip()}{POOLS}\nrules:\n{RULES}{rules}")
    with embedded(folder, folder / "playbook") as baton:
        for name, country, answers in (("Warm", "NZ", ANSWERS), ("Hot", "NZ", HOT), ("Called", "CL", ANSWERS)):
            lead = somebody(country, external_id=name, answers=answers)
            lead["contact"] |= {"full_name": f"{name} One"}
            baton.post("/intake/v1/leads", lead)
        eventually(lambda: len(baton.get("/routing/v1/held?reason=queued")["held"]) == 2, "both wait in the queue")
        eventually(lambda: "Called One" in str(baton.get("/routing/v1/reps/anna/queue")), "the other is Anna's")
        yield baton


def test_a_rep_takes_the_next_of_a_queue_and_hands_on_what_was_called(visit: Open) -> None:
    with visit() as window:
        page = window.page
        window.open("/routing/reps/anna")
        expect(page.get_by_text("The islands: 2 leads wait to be taken.")).to_be_visible()
        page.get_by_role("button", name="Take the next lead").click()
        expect(page.get_by_role("row", name="Hot One")).to_be_visible()
        expect(page.get_by_text("The islands: 1 lead waits to be taken.")).to_be_visible()
        row = page.get_by_role("row", name="Called One")
        expect(page.get_by_role("button", name="Hand on")).to_have_count(1)
        row.get_by_role("button", name="Hand on").click()
        expect(row).to_have_count(0)
        expect(page.get_by_role("button", name="Hand on")).to_have_count(0)
        assert window.is_clean(), (window.external, window.complaints)
