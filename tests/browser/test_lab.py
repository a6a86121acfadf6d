"""The policy lab in a browser: choose, change a law or a lever, and see what changes."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Barriers, Look

SMALL = "bookings=5000&seed=1952&policy=us-full-cooperation&policy=us-ca-trust-act-2014"

STARTING_MS = 30_000
"""What the lab may take for its first comparison, where all tests share two processors."""


def held(page: Page) -> Locator:
    """What the drawing of people held past their release says."""
    return page.locator("#counted-held svg.bars desc").first


def settled(page: Page) -> None:
    expect(page.locator("#counted-held")).to_be_visible(timeout=STARTING_MS)
    expect(page.locator("#result")).not_to_have_attribute("aria-busy", "true")


def open_lab(page: Page, query: str = SMALL) -> None:
    page.goto(f"/lab?{query}")
    settled(page)


def test_a_bare_visit_ends_in_a_comparison_that_everybody_can_read(page: Page, barriers: Barriers, look: Look) -> None:
    page.goto("/lab")
    settled(page)

    expect(page.locator("#counted-held")).to_contain_text("us-ca-trust-act-2014")
    expect(page.get_by_text("interop compare boston-2008-2010 --policy us-full-cooperation").last).to_be_visible()
    look(page, "lab-compared")
    page.get_by_text("Choose laws").click()
    page.get_by_label("Find").fill("us-tx")
    expect(page.locator(".policy:visible")).to_have_count(2)
    page.get_by_text("What is assumed beyond it").click()
    assert barriers(page) == []


def test_a_slider_changes_the_numbers_and_the_address_and_can_be_reset(page: Page) -> None:
    open_lab(page)
    before = held(page).text_content()

    page.get_by_role("slider", name="hold past release").fill("0.2")

    expect(held(page)).not_to_have_text(before or "")
    expect(page.get_by_text("how often agencies use 'hold' where they may: 0.2")).to_be_visible()
    expect(page).to_have_url(re.compile(r"discretion\.hold=0\.2"))
    expect(page.get_by_text("--discretion hold=0.2").last).to_be_visible()

    page.get_by_role("button", name="Reset: Discretion, hold past release").click()

    expect(held(page)).to_have_text(before or "")
    expect(page).not_to_have_url(re.compile("discretion"))


def test_a_shared_address_shows_the_same_thing(page: Page) -> None:
    open_lab(page, f"{SMALL}&capacity.eastern=2&pickup.level_1=0.90001&fpir=0.001&cost_a_day=cook-2011")
    first = page.locator("#result").inner_text()

    other = page.context.new_page()
    other.goto(page.url)
    settled(other)

    assert other.locator("#result").inner_text() == first
    expect(other.get_by_role("slider", name="office 'eastern'")).to_have_attribute("aria-valuetext", "2 a day")
    assert "pickup.level_1=0.90001" in other.url
    expect(other.get_by_role("slider", name="wrong in how many searches")).to_have_attribute(
        "aria-valuetext", "1 in 1,000"
    )
    other.close()


def test_a_law_is_edited_mended_saved_and_compared(page: Page, barriers: Barriers, look: Look) -> None:
    open_lab(page)
    page.get_by_text("Choose laws").click()
    page.get_by_label("Find").fill("california trust")
    page.get_by_role("button", name="Read, or change a copy of California TRUST Act").click()
    editor = page.get_by_role("dialog")
    text = editor.get_by_label("Text of the law")
    written = text.input_value()

    text.fill(written.replace("years_since_serious_felony: not never", "years_since_serius_felony: not never", 1))

    expect(editor.locator("#backdrop .error")).to_have_text("years_since_serius_felony")
    mistake = editor.get_by_text("Did you mean 'years_since_serious_felony'?")
    expect(mistake).to_be_visible()
    expect(editor.get_by_role("button", name="Save and compare")).to_be_disabled()
    assert barriers(page) == []
    mistake.get_by_role("button").click()
    expect(text).to_be_focused()
    line = written[: written.index("years_since_serious_felony")].count("\n") + 1
    at = text.evaluate("each => each.value.slice(0, each.selectionStart).split('\\n').length")
    assert at == line
    look(page, "lab-editor")

    text.fill(written.replace("verified: none", "verified: none  # <img src=x>", 1))
    expect(editor.get_by_text("It will be saved as my-us-ca-trust-act-2014.")).to_be_visible()
    editor.get_by_role("button", name="Save and compare").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#chosen")).to_contain_text("my-us-ca-trust-act-2014")
    expect(held(page)).to_contain_text("my-us-ca-trust-act-2014")
    expect(page.locator("#result")).to_contain_text(re.compile(r"--policy \S+/my-us-ca-trust-act-2014\.yaml"))

    page.get_by_label("Find").fill("my-us")
    page.get_by_role("button", name="Edit California TRUST Act").click()
    page.get_by_role("button", name="Delete this law").click()
    page.get_by_role("button", name="Delete it for good?").click()
    expect(page.locator("#chosen")).not_to_contain_text("my-us-ca-trust-act-2014")


def test_what_was_typed_is_still_there_after_escape_and_can_be_undone(page: Page) -> None:
    open_lab(page)
    page.get_by_text("Choose laws").click()
    page.get_by_role("button", name="Write one of your own").click()
    text = page.get_by_role("dialog").get_by_label("Text of the law")
    written = text.input_value()
    text.fill(written.replace("A rule of my own", "Nobody waits for ICE"))
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Write one of your own").click()

    expect(text).to_have_value(written.replace("A rule of my own", "Nobody waits for ICE"))
    page.get_by_role("button", name="Undo all changes").click()
    expect(text).to_have_value(written)


def test_a_link_to_somebody_elses_own_law_is_no_dead_end(page: Page) -> None:
    page.goto("/lab?bookings=5000&policy=my-neighbours-law")
    expect(page.get_by_text("stands only where they saved it")).to_be_visible(timeout=STARTING_MS)
    page.get_by_role("button", name="Remove: my-neighbours-law").click()
    settled(page)
    expect(page.locator("#counted-held")).to_contain_text("us-full-cooperation")


def test_a_long_comparison_is_cancelled_and_what_was_there_stays(page: Page) -> None:
    open_lab(page)
    before = held(page).text_content()

    page.get_by_label("Bookings").fill("1000000")
    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("#failure")).to_contain_text("Cancelled")
    expect(page.locator("#progress")).to_be_hidden()
    assert held(page).text_content() == before

    page.get_by_label("Bookings").fill("4000")
    expect(page.locator("#result")).to_contain_text("4,000 bookings", timeout=STARTING_MS)


def test_downloads_are_the_comparison_that_stands_there(page: Page) -> None:
    open_lab(page)

    with page.expect_download() as loaded:
        page.get_by_role("link", name="Report as one page (HTML)").click()

    assert loaded.value.suggested_filename == "comparison-boston-2008-2010-1952.html"
    assert "us-ca-trust-act-2014" in loaded.value.path().read_text(encoding="utf-8")


def test_a_policy_that_is_not_there_is_named_and_nothing_else_fails(page: Page) -> None:
    page.goto("/lab?bookings=2000&policy=us-ca-trust-act-2015")

    expect(page.locator("#result")).to_contain_text("Did you mean 'us-ca-trust-act-2014'?")
