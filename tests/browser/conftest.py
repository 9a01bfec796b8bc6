"""A running Baton with a few leads in it, and a real browser that notices whatever leaves the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from baton.runtime.http import login_link
from baton.runtime.settings import Settings
from tests.journeys.people import HOT, somebody
from tests.journeys.running import ROOT, Baton, embedded, eventually


@dataclass
class Visit:
    """A browser window, and what went wrong in it."""

    page: Page
    home: str
    external: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to one of our pages; fails unless it answers 200."""
        answer = self.page.goto(self.home + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def is_clean(self) -> bool:
        """True if nothing was asked of another machine and nothing was complained about."""
        return not self.external and not self.complaints

    def _watch(self) -> None:
        inside = (self.home, "data:")
        self.page.on("request", lambda r: None if r.url.startswith(inside) else self.external.append(r.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))


Open = Callable[..., Any]


@pytest.fixture(scope="session")
def baton(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Baton]:
    """Baton with the example playbook: a hot lead that was called, and one that sales never gets."""
    with embedded(tmp_path_factory.mktemp("browser"), ROOT / "deploy/playbook") as baton:
        hot = somebody(external_id="browser-hot", answers=HOT)
        hot["contact"] |= {"full_name": "Ida <b>Berg</b>", "company": "Berg & Söhne"}
        (receipt,) = baton.post("/intake/v1/leads", hot)
        baton.environment["HOT"] = lead_id = receipt["lead_id"]
        baton.post("/intake/v1/leads", somebody(external_id="browser-cool", answers={}))
        eventually(lambda: journey_of(baton, lead_id, "lead.routed"), "the lead is routed")
        owner = baton.get(f"/reporting/v1/leads/{lead_id}/journey")["lead"]["owner"]
        touch = {"rep": owner, "channel": "call", "direction": "out", "outcome": "reached"}
        happened = {"lead": {"lead_id": lead_id}, "occurred_at": datetime.now(UTC).isoformat()}
        baton.post("/intake/v1/touches", happened | touch)
        eventually(lambda: journey_of(baton, lead_id, "sla.met"), "the promise is kept")
        eventually(lambda: baton.get("/reporting/v1/funnel")["now"].get("nurtured"), "the other one is nurtured")
        yield baton


def journey_of(baton: Baton, lead_id: str, fact: str) -> bool:
    answer = baton.ask("GET", f"/reporting/v1/leads/{lead_id}/journey")
    return answer.status_code == 200 and fact in answer.text


@pytest.fixture(scope="module")  # while it lives no test may run a loop of its own
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def link_for(baton: Baton) -> str:
    """A fresh one-time link."""
    home = baton.url("/reporting/").removesuffix("/reporting/")
    settings = Settings(home=Path(baton.environment["BATON_HOME"]), port=int(home.rsplit(":", 1)[1]))
    return login_link(settings, baton.token, datetime.now(UTC))


@pytest.fixture
def visit(baton: Baton, browser: Browser) -> Open:
    """Return what opens a window; `logged_in=False` leaves the link unused."""

    @contextmanager
    def opened(*, logged_in: bool = True, **options: Any) -> Iterator[Visit]:
        context = browser.new_context(
            viewport={"width": 1280, "height": 860}, locale="en-GB", timezone_id="Asia/Tokyo", **options
        )
        visit = Visit(context.new_page(), baton.url("/reporting/").removesuffix("/reporting/"))
        visit._watch()
        if logged_in:
            visit.page.goto(link_for(baton))
        try:
            yield visit
        finally:
            context.close()

    return opened
