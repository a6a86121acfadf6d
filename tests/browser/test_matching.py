"""The page on matching: sliders move the point and the sentence, a measurement stands beside the curve."""

import re

from playwright.sync_api import Page as Window, expect

from tests.browser.conftest import Barriers


def test_moving_the_gallery_by_keyboard_moves_the_point_the_words_and_the_address(page: Window) -> None:
    page.goto("/matching")
    slider = page.get_by_role("slider", name="People on file")
    expect(slider).to_have_attribute("aria-valuetext", "100 million")
    point = page.locator(".chart .here").first
    before = (point.get_attribute("data-x"), point.get_attribute("data-y"))
    fpir = page.locator("#fpir").inner_text()

    slider.focus()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "10,000")
    expect(page.locator("#sentence")).to_contain_text("With 10,000 people on file")
    expect(page.locator("#fpir")).not_to_have_text(fpir)
    point = page.locator(".chart .here").first
    assert (point.get_attribute("data-x"), point.get_attribute("data-y")) != before
    expect(page).to_have_url(re.compile(r"[?&]gallery=4(&|$)"))
    expect(slider).to_be_focused()


def test_a_shared_address_shows_the_same_setting_with_its_table(page: Window) -> None:
    page.goto("/matching?fingers=2&model=ident-2004&gallery=6.78&db=95")
    expect(page.locator("#sentence")).to_contain_text("With 6 million people on file and a threshold of 95 dB")
    expect(page.get_by_label("Fingers taken")).to_have_value("2")
    table = page.get_by_role("table", name="At 95 dB, 2 fingers")
    expect(table.get_by_role("row")).to_have_count(7)
    expect(table.get_by_role("row", name="100 million")).to_contain_text("%")
    expect(page.get_by_role("row", name="95 dB (chosen)")).to_be_visible()


def test_the_matcher_counts_beside_the_curve_and_the_page_stays_readable(page: Window, barriers: Barriers) -> None:
    page.goto("/matching?poor=10")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    page.get_by_role("button", name="Count it").click()
    expect(page.get_by_role("progressbar", name="Counting")).to_be_visible()
    expect(page.locator("#measurement")).to_have_attribute("data-state", "done", timeout=60_000)
    expect(page.locator(".chart .counted").first).to_be_attached()
    expect(page.locator("#counted-table")).to_contain_text("of 100,000")
    assert barriers(page) == []


def test_counting_can_be_cancelled(page: Window) -> None:
    page.goto("/matching?poor=15&fingers=2")
    page.get_by_role("button", name="Count it").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Count it")).to_be_visible()
    expect(page.locator("#measurement")).to_have_attribute("data-state", "none")


def test_another_person_is_shown_in_place_and_the_keyboard_stays_there(page: Window) -> None:
    page.goto("/matching?person=41")
    expect(page.get_by_role("heading", name="One search: Heron-41")).to_be_visible()
    page.get_by_role("link", name="Show another person").press("Enter")
    expect(page.get_by_role("heading", name="One search: Heron-42")).to_be_visible()
    expect(page.get_by_role("link", name="Show another person")).to_be_focused()
    expect(page.locator("#verdict")).to_contain_text("points")


def test_wrong_answers_are_counted_by_kind_and_say_where_they_come_from(page: Window) -> None:
    page.goto("/matching?stale=3")
    stale = float(page.locator("#kind-stale").inner_text())
    assert 195 < stale < 200
    page.get_by_role("button", name="Where does this come from: the three kinds").click()
    expect(page.get_by_text("interop compare us-2008-2011")).to_be_visible()


def test_an_address_that_asks_for_what_cannot_be_is_refused_in_a_sentence(page: Window) -> None:
    response = page.request.get("/matching?fingers=5", headers={"Accept": "text/html"})
    assert response.status == 422
    assert "fingers" in response.text()
