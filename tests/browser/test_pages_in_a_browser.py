"""The pages in a real browser, as somebody meets them who was sent the link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, link_for
from tests.journeys.running import ROOT, Baton

MENU = {
    "Funnel": "Funnel",
    "Follow-up": "Follow-up",
    "Leads": "Leads",
    "SLA board": "SLA board",
    "Definition": "A Tidewright lead",
    "Held": "Held leads",
}


def test_a_link_opens_the_funnel_and_the_menu_every_page(visit: Open) -> None:
    with visit() as window:
        page = window.page
        expect(page).to_have_url(re.compile("/reporting/$"))
        expect(page.get_by_role("img", name="Funnel: Received 2, Qualified 1")).to_be_visible()
        for label, heading in MENU.items():
            page.get_by_role("navigation", name="Pages").get_by_role("link", name=label, exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            expect(page.locator("nav [aria-current=page]")).to_have_text(label)
        assert window.is_clean(), (window.external, window.complaints)


def test_a_lead_can_be_followed_from_the_funnel_to_its_last_fact(visit: Open, baton: Baton) -> None:
    with visit() as window:
        page = window.page
        page.get_by_role("link", name="with sales").click()
        expect(page.get_by_role("row")).to_have_count(2)
        page.get_by_role("link", name="Ida <b>Berg</b>").click()
        expect(page).to_have_url(re.compile(baton.environment["HOT"]))
        lines = page.locator(".journey .what").all_inner_texts()
        assert lines[0] == "Received from website"
        assert any(line.startswith("Qualified by definition") for line in lines)
        assert any(line.startswith("Handed to ") for line in lines)
        assert lines.index("Call to the person") < lines.index("Kept: first attempt")
        expect(page.locator(".journey").get_by_text("Rule: ")).to_be_visible()
        page.locator("details", has_text="candidates").first.locator("summary").click()
        expect(page.get_by_text('"inputs_hash"').first).to_be_visible()
        assert window.is_clean(), (window.external, window.complaints)


def test_times_are_shown_in_the_readers_own_zone(visit: Open, baton: Baton) -> None:
    with visit() as window:
        window.open(f"/reporting/leads/{baton.environment['HOT']}")
        shown = window.page.locator("time[data-instant]").first
        utc = shown.get_attribute("title") or ""
        hour, told = int(utc[11:13]), shown.inner_text()
        assert f" {(hour + 9) % 24:02d}:{utc[14:16]}" in told
        assert "UTC" in utc


def test_the_sla_board_shows_what_is_promised_for_the_lead(visit: Open, baton: Baton) -> None:
    with visit() as window:
        window.open("/sla-monitor/")
        expect(window.page.get_by_role("heading", level=1)).to_have_text("SLA board")
        expect(
            window.page.get_by_role("cell", name="Minimum").or_(window.page.get_by_text("Kept")).first
        ).to_be_visible()
        assert baton.environment["HOT"][-12:] in window.page.content()
        assert window.is_clean(), (window.external, window.complaints)


def test_everything_can_be_read_without_scripts(visit: Open, baton: Baton) -> None:
    with visit(java_script_enabled=False) as window:
        for path in ("/reporting/", "/reporting/follow-up", "/reporting/leads", "/sla-monitor/", "/scoring/"):
            window.open(path)
            assert window.page.get_by_role("table").count() > 0, path
        window.open(f"/reporting/leads/{baton.environment['HOT']}")
        expect(window.page.locator("time").first).to_contain_text("UTC")


def test_a_link_works_once_and_a_pasted_token_always(visit: Open, baton: Baton) -> None:
    link = link_for(baton)
    with visit(logged_in=False) as first, visit(logged_in=False) as second:
        first.page.goto(link)
        expect(first.page.get_by_role("heading", level=1)).to_have_text("Funnel")
        second.page.goto(link)
        expect(second.page.get_by_role("alert")).to_contain_text("used already")
        second.page.goto(f"{second.home}/reporting/leads?fate=nurtured")
        second.page.get_by_label("Token").fill("not the token")
        second.page.get_by_role("button", name="Log in").click()
        expect(second.page.get_by_role("alert")).to_contain_text("not known")
        second.page.get_by_label("Token").fill(baton.token)
        second.page.get_by_role("button", name="Log in").click()
        expect(second.page).to_have_url(re.compile(r"/reporting/leads\?fate=nurtured$"))
        expect(second.page.get_by_role("row")).to_have_count(2)
        second.page.get_by_role("button", name="Log out").click()
        second.page.goto(f"{second.home}/reporting/")
        expect(second.page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_one_login_opens_the_pages_of_all_services(visit: Open) -> None:
    with visit() as window:
        for path in ("/scoring/", "/routing/held", "/sla-monitor/", "/intake/v1/quarantine"):
            window.open(path)


def test_the_list_of_a_rep_and_what_is_held_are_shown_without_complaint(visit: Open) -> None:
    with visit() as window:
        window.open("/routing/held")
        assert window.is_clean(), (window.external, window.complaints)
        window.page.get_by_role("link", name="Anna Feldkamp").click()
        expect(window.page.get_by_role("heading", level=1)).to_have_text("Anna Feldkamp")
        assert window.is_clean(), (window.external, window.complaints)


def test_the_definition_says_who_agreed_to_it_as_the_command_line_signs(visit: Open, baton: Baton) -> None:
    with visit() as window:
        window.open("/scoring/")
        expect(window.page.get_by_role("status")).to_contain_text("without the word of either side")
        baton.cli("playbook", "sign", "marketing", "Ida Holm")
        window.page.reload()
        expect(window.page.get_by_role("status")).to_contain_text("sales has not signed what is in force")
        assert "Ida Holm for marketing and Bo Lind for sales" in signed_by_both(baton)
        window.open("/scoring/")
        expect(window.page.get_by_text("What is in force is what both sides signed.")).to_be_visible()
        expect(window.page.get_by_role("status")).to_have_count(0)
        expect(window.page.get_by_role("table").last).to_contain_text("in force")
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert window.is_clean(), (window.external, window.complaints)


def signed_by_both(baton: Baton) -> str:
    """Both sides sign from the command line; returns what it prints last. What is in force is what the file says."""
    difference = baton.cli("playbook", "diff", "current", str(ROOT / "deploy/playbook")).stdout
    assert difference == "Nothing that decides is different.\n"
    again = baton.cli("playbook", "sign", "marketing", "Kim Berg", check=False)
    assert (again.returncode, "has signed for marketing already" in again.stderr) == (4, True)
    return baton.cli("playbook", "sign", "sales", "Bo Lind").stdout


def test_the_api_pages_lead_to_each_other(visit: Open) -> None:
    with visit() as window:
        window.open("/reporting/docs")
        window.page.get_by_role("main").get_by_role("link", name="intake", exact=True).click()
        expect(window.page.get_by_text("/intake/v1/leads/search").first).to_be_visible()


@pytest.mark.parametrize("service", ["intake", "scoring", "routing", "sla-monitor", "reporting"])
def test_the_api_pages_work_without_a_network(visit: Open, service: str) -> None:
    with visit() as window:
        window.open(f"/{service}/docs")
        expect(window.page.get_by_text(f"/{service}/v1/ledger").first).to_be_visible()
        assert window.is_clean(), (window.external, window.complaints)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_window(visit: Open, baton: Baton, scheme: str, width: int) -> None:
    with visit(color_scheme=scheme) as window:
        window.page.set_viewport_size({"width": width, "height": 800})
        for path in (
            "/reporting/",
            "/reporting/follow-up",
            "/reporting/leads",
            f"/reporting/leads/{baton.environment['HOT']}",
        ):
            window.open(path)
            assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path
