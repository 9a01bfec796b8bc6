"""The SLA board in a real browser: it counts down by itself, hears news, says when it cannot, and needs no mouse."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from baton.runtime.clock import FixedClock
from baton.runtime.http import ensure_admin_token, login_link
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench
from baton.sla_monitor.service import SlaMonitor

PATIENT = 30_000
NAMES = {"ada": "Ada Byron", "bo": "Bo Lind", "cy": "Cy Young"}


@dataclass
class House:
    """A SLA monitor behind a real server, in a thread of its own. Its clock stands still until it is moved."""

    bench: Bench
    loop: asyncio.AbstractEventLoop
    server: uvicorn.Server
    pages: int = 0
    leads: int = field(default=0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it where the house lives."""
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return done.result(60)

    def lead(self) -> str:
        self.leads += 1
        return f"0190aaaa-0000-7000-8000-{self.leads:012d}"

    def cookie(self) -> Any:
        """What a login sets. A link works once, and by a clock that stands still there would be only one."""
        settings = self.bench.engine.settings
        token = ensure_admin_token(settings.home)
        link = urlsplit(login_link(settings, token, self.bench.clock.now(), "sla-monitor", "/sla-monitor/"))
        answer = httpx.get(f"{self.url}{link.path}?{link.query}")
        return {"name": "baton", "value": answer.cookies["baton"], "url": self.url, "httpOnly": True}


@pytest.fixture(scope="module")
def house(playbook: Any, facts: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A team in the north with two reps, one in the south; something overdue, at risk, open and done late."""
    ready: Future[House] = Future()
    ended = threading.Event()
    home = tmp_path_factory.mktemp("board")
    thread = threading.Thread(target=lambda: asyncio.run(_live(playbook, facts, home, ready, ended)))
    thread.start()
    try:
        yield ready.result(60)
    finally:
        ended.set()
        thread.join(60)


async def _live(playbook: Any, facts: Any, home: Path, ready: Future[House], ended: threading.Event) -> None:
    class Fixed:
        refused = None
        current = playbook

        def poll(self) -> None:
            return None

    async with Bench.of(SlaMonitor(Fixed()), home, FixedClock(facts.monday)) as bench:  # type: ignore[arg-type]
        ensure_admin_token(home)  # the keyring is read when the application is made
        server = uvicorn.Server(uvicorn.Config(create_app(bench.engine), port=0, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        house = House(bench, asyncio.get_running_loop(), server)
        await _furnish(house, facts)
        ready.set_result(house)
        while not ended.is_set():
            await asyncio.sleep(0.05)
        server.should_exit = True
        await serving


async def _furnish(house: House, facts: Any) -> None:
    bench = house.bench
    for rep, name in NAMES.items():
        await bench.hear(facts.rep(rep, name), subject=rep)
    late = house.lead()
    await bench.hear(facts.routed(-6, "plain", facts.owner("cy", team="south")), subject=late)
    await bench.hear(facts.routed(-3, "plain", facts.owner("cy", team="south")), subject=house.lead())
    await bench.hear(facts.routed(0, "plain", facts.owner("ada", "berlin")), subject=house.lead())
    await bench.advance(facts.at(3.5))
    await bench.hear(facts.touched(0.5), subject=late)
    await bench.hear(facts.routed(3.5, "plain", facts.owner("bo", "berlin")), subject=house.lead())
    await bench.hear(facts.routed(3.5, "full", facts.owner("ada", "berlin")), subject=house.lead())


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENT)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
        expect.set_options(timeout=5000)


@pytest.fixture(scope="module")
def cookie(house: House) -> Any:
    return house.cookie()


Watch = Callable[..., Any]


@pytest.fixture
def watch(house: House, browser: Browser, cookie: Any) -> Watch:
    """Return what opens the board in a window, and fails if anything is asked of another machine."""

    @contextmanager
    def opened(path: str = "/sla-monitor/", width: int = 1280, **options: Any) -> Iterator[Page]:
        options = {"locale": "en-GB", "timezone_id": "Asia/Tokyo", **options}
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        context.set_default_timeout(PATIENT)
        context.add_cookies([cookie])
        page = context.new_page()
        outside: list[str] = []
        page.on("request", lambda r: None if r.url.startswith(house.url) else outside.append(r.url))
        page.on("pageerror", lambda error: outside.append(str(error)))
        page.goto(house.url + path)
        try:
            yield page
            assert outside == []
        finally:
            context.close()

    return opened


def row_of(page: Page, lead: int, promise: str = "First attempt") -> Any:
    return page.get_by_role("row").filter(has_text=f"{lead:012d}").filter(has_text=promise)


def test_it_counts_down_by_itself_in_the_viewers_zone(watch: Watch) -> None:
    with watch() as page:
        expect(page.get_by_text("Times are those of Asia/Tokyo.")).to_be_visible()
        row = row_of(page, 3)
        expect(row.locator("time")).to_have_text("23:00")
        expect(row.locator("time")).to_have_attribute("title", "2026-11-02 14:00 UTC")
        page.evaluate("Date.now = ((then) => () => then() + 86 * 60 * 1000)(Date.now)")
        expect(row.locator(".left")).to_have_text(re.compile(r"^[34]:\d\d min$"))
        page.evaluate("Date.now = ((then) => () => then() + 10 * 60 * 1000)(Date.now)")
        expect(row.locator(".left")).to_have_text(re.compile(r"^[67] min overdue$|^6:\d\d min overdue$"))
        contact = row_of(page, 5, "First contact").locator(".left")
        expect(contact).to_have_text(re.compile(r"^22 h 2\d min6 h 2\d min of working time$"))


def test_news_comes_by_itself_and_takes_nobody_s_place(watch: Watch, house: House, facts: Any) -> None:
    with watch() as page:
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        link = row_of(page, 4).get_by_role("link").first
        link.focus()
        lead = house.lead()
        house.do(house.bench.hear(facts.routed(-0.4, "plain", facts.owner("bo")), subject=lead))
        expect(row_of(page, int(lead[-12:]))).to_be_visible()  # asked for by the page alone
        expect(link).to_be_focused()
        house.do(house.bench.hear(facts.status(3, "won"), subject=lead))
        expect(row_of(page, int(lead[-12:]))).to_have_count(0)


def test_a_lost_connection_is_said_and_the_clocks_go_on(watch: Watch) -> None:
    with watch() as page:
        said, told = page.locator("#said"), page.locator("#offline")
        expect(told).to_be_hidden()
        page.context.set_offline(True)
        expect(told).to_contain_text("No connection since")
        expect(page.get_by_text("No connection", exact=True)).to_be_visible()
        expect(said).to_have_text("Connection lost.")
        page.evaluate("Date.now = ((then) => () => then() + 3600 * 1000)(Date.now)")
        expect(row_of(page, 3).locator(".left")).to_have_text(re.compile(r"^(29|30) min$"))
        page.context.set_offline(False)
        expect(told).to_be_hidden()
        expect(said).to_have_text("Connected again.")


def test_a_server_that_fails_is_tried_again_and_a_login_that_ended_is_said(watch: Watch, cookie: Any) -> None:
    with watch() as page:
        page.route("**/sla-monitor/board*", lambda route: route.fulfill(status=503))
        page.keyboard.press("r")
        expect(page.locator("#offline")).to_contain_text("Trying again by itself")
        page.unroute("**/sla-monitor/board*")
        expect(page.locator("#offline")).to_be_hidden()
        page.context.clear_cookies()
        page.keyboard.press("r")
        expect(page.get_by_role("link", name="Log in again")).to_have_attribute(
            "href", "/sla-monitor/login?next=%2Fsla-monitor%2F"
        )


def test_it_can_be_worked_by_keyboard_alone(watch: Watch) -> None:
    with watch() as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        for key, heading in (("1", "Overdue"), ("2", "At risk"), ("3", "Open")):
            page.keyboard.press(key)
            expect(page.get_by_role("heading", name=heading, exact=True)).to_be_focused()
        links = page.locator("a.to-lead")
        for key, place in (("j", 0), ("j", 1), ("k", 0), ("k", 0)):
            page.keyboard.press(key)
            expect(links.nth(place)).to_be_focused()
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
        expect(dialog).to_be_visible()
        dialog.get_by_label("Shortcuts of a single letter").uncheck()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.keyboard.press("j")
        expect(links.nth(1)).not_to_be_focused()
        page.get_by_role("button", name="Pause").press("Enter")
        expect(page.get_by_text("Paused", exact=True)).to_be_visible()
        with page.expect_request(re.compile(r"/reporting/leads/0190aaaa-.*0002$")):
            links.first.press("Enter")


def test_only_a_change_of_what_is_late_is_announced(watch: Watch, house: House, facts: Any) -> None:
    with watch() as page:
        said = page.get_by_role("status")
        lead = house.lead()
        house.do(house.bench.hear(facts.routed(3.5, "plain"), subject=lead))
        expect(row_of(page, int(lead[-12:]))).to_be_visible()
        expect(said).to_have_text("")  # one more that is open is no news to be read out
        page.evaluate("announce('3 overdue, 0 at risk')")
        expect(said).to_have_text("3 overdue, 0 at risk")
        page.evaluate("announce('4 overdue, 0 at risk')")
        expect(said).to_have_text("3 overdue, 0 at risk")  # not twice within half a minute


@pytest.mark.parametrize("path", ["", "?team=north", "?team=south&owner=cy"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(watch: Watch, path: str) -> None:
    with watch(f"/sla-monitor/{path}", width=375) as page:
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        rows = page.locator(".promises tbody tr")
        for row in (rows.first, rows.last):
            for part in (".left", "time", "a.to-lead"):
                box = row.locator(part).bounding_box()
                assert box is not None
                assert 0 <= box["x"] < box["x"] + box["width"] <= 375, part


def test_teams_lead_to_reps_and_back(watch: Watch) -> None:
    with watch() as page:
        page.get_by_role("link", name="north").click()
        page.get_by_role("rowheader").get_by_role("link", name="Ada Byron").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("SLA board · north · Ada Byron")
        expect(row_of(page, 4)).to_have_count(0)
        expect(row_of(page, 5).first).to_be_visible()
        page.get_by_role("link", name="All teams").click()
        expect(row_of(page, 4)).to_be_visible()
