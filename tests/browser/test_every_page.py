"""What holds on every page: everybody can read it, on a phone as well, and nothing in it fails."""

import pytest
from playwright.sync_api import Browser, Page as Window, expect

from console.pages import PAGES, Page
from tests.browser.conftest import Barriers, Look

NAMES = {"/": "flow"}


def name_of(page: Page) -> str:
    return NAMES.get(page.path, page.path.strip("/"))


@pytest.fixture(params=PAGES, ids=name_of)
def place(request: pytest.FixtureRequest) -> Page:
    found: Page = request.param
    return found


def test_a_page_says_what_one_is_looking_at_and_has_no_barriers_in_light_or_dark(
    page: Window, place: Page, barriers: Barriers, look: Look
) -> None:
    page.goto(place.path)
    page.wait_for_load_state("load")
    expect(page.get_by_role("heading", level=1)).to_have_text(place.title)
    expect(page.get_by_text("What am I looking at?")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link", name=place.title)).to_have_attribute(
        "aria-current", "page"
    )
    look(page, name_of(place), "dark", "light")
    assert barriers(page) == []
    # All that dark changes is colours.
    page.emulate_media(color_scheme="dark")
    assert barriers(page, "color-contrast") == []


def test_a_page_fits_a_phone_and_twice_the_size_of_a_small_screen(page: Window, place: Page, look: Look) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(place.path)
    # A phone is some 390 pixels wide; 640 is what a window of 1280 has left at 200 % zoom.
    for width in (640, 390):
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{place.title} is {wide} pixels wide on a screen of {width}"
    look(page, f"{name_of(place)}-phone")


def test_an_address_with_a_mistake_leads_back_to_its_page(browser: Browser, console: str) -> None:
    window = browser.new_page(base_url=console)  # of its own: that it cannot load is said in the browser's console
    window.goto("/lab?bookings=-5")
    expect(window.get_by_role("heading", level=1)).to_have_text("That did not work")
    expect(window).to_have_title("That did not work · Interop Sandbox")
    expect(window.get_by_role("main")).to_contain_text("give a whole number from 100")
    window.get_by_role("link", name="Policy lab, as it is at first").click()
    expect(window.get_by_role("heading", level=1)).to_have_text("Policy lab")
    window.close()
