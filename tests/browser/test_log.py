"""The log: verified in the browser as it grows, a drill on a copy that misses nothing, and the report of a run."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from sandbox.stack import Stack
from tests.browser.booked import book
from tests.browser.conftest import Barriers, Look

SEED = 4205


@pytest.fixture(scope="module")
def grown(stack: Stack) -> Stack:
    """A stack whose log has something in it."""
    book(stack, SEED, 3)
    return stack


def test_the_log_is_verified_here_and_is_seen_to_have_only_grown(
    page: Page, grown: Stack, barriers: Barriers, look: Look
) -> None:
    page.goto("/log")
    expect(page.locator("#verdict")).to_contain_text("signed by the log, and cosigned by 2 of 2 witnesses")
    expect(page.locator("#signatures tbody tr").filter(has_text="the signature is theirs")).to_have_count(3)
    expect(page.locator("#entries-verdict")).to_contain_text("the tiles make the root")
    newest = page.locator("#entries tbody tr").first  # of whichever event: audit reads their streams side by side
    expect(newest).to_contain_text(re.compile(r"share.*\d{4}-\d{2}[a-z.]+\.v1"))
    expect(page.locator("#reconciliation")).to_contain_text("Reconciled")
    expect(page.locator("#tiles")).to_contain_text("one bundle with")
    expect(page.locator("#consistency")).to_contain_text("This window first saw")
    seen = page.locator("#size").inner_text()

    book(grown, SEED, 1, first=3)
    expect(page.locator("#consistency")).to_contain_text("Nothing of them was changed: a proof of")
    expect(page.locator("#size")).not_to_have_text(seen)
    expect(page.locator("#growth-words")).to_contain_text("entries in")
    expect(page.locator("#report")).to_contain_text("How to read a number here")
    look(page, "log-grown")
    assert barriers(page) == []


def test_every_attack_of_the_drill_on_a_copy_is_noticed_and_named(
    page: Page, grown: Stack, barriers: Barriers, look: Look
) -> None:
    page.goto("/log")
    expect(page.locator("#consistency")).to_contain_text("This window first saw")
    book(grown, SEED, 1, first=5)
    expect(page.locator("#consistency")).to_contain_text("Nothing of them was changed")
    page.get_by_role("button", name="Attack a copy").click()
    table = page.get_by_role("table", name="The tamper drill")
    expect(table.get_by_role("row").filter(has_text="one bit of an entry flipped")).to_contain_text("entry-altered 100")
    expect(table.get_by_role("row").filter(has_text="an older state brought back")).to_contain_text("rolled-back")
    expect(table).to_contain_text("whoever checks the signatures under the root")
    result = page.locator("#drill-result")
    tries, of = result.locator(".words").inner_text().split(" ")[0:3:2]
    assert tries == of
    look(page, "log-drill")
    assert barriers(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_drill_can_be_cancelled(page: Page, grown: Stack) -> None:
    page.goto("/log")
    page.get_by_label("Single bits to flip").fill("3000")
    page.get_by_role("button", name="Attack a copy").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#drill-result")).to_contain_text("Cancelled")
    expect(page.get_by_role("button", name="Attack a copy")).to_be_enabled()


def test_the_report_hides_or_rounds_small_numbers_and_is_there_as_a_whole_page(page: Page, grown: Stack) -> None:
    page.goto("/log")
    report = page.locator("#report")
    expect(report).to_contain_text("rounded to the nearest ten by itself")
    page.get_by_label("Small numbers are").select_option("suppress")
    expect(report).to_contain_text("Counts from 1 to 10 are hidden")
    assert "protect=suppress" in page.url
    page.get_by_role("link", name="The whole report, as a page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Transparency report")


def test_a_log_that_is_shorter_than_it_was_is_refused(page: Page, grown: Stack) -> None:
    page.goto("/log")
    expect(page.locator("#consistency")).to_contain_text("This window first saw")
    checkpoint = httpx.get(f"{grown.urls['audit']}/checkpoint", trust_env=False).text
    book(grown, SEED, 1, first=4)
    expect(page.locator("#consistency")).to_contain_text("Nothing of them was changed")
    page.evaluate("sessionStorage.removeItem('log-first')")
    page.reload()
    expect(page.locator("#consistency")).to_contain_text("Nothing was added since")
    page.route("**/log/checkpoint", lambda route: route.fulfill(body=checkpoint))
    page.reload()
    expect(page.locator("#consistency")).to_contain_text("rolled-back")
