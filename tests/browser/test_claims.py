"""Both sides: the dots are the same people whatever is said of them, and every claim can be asked for its sources."""

import pytest
from playwright.sync_api import Page as Window, expect

from tests.browser.conftest import Barriers, Look

FEW = "/claims?bookings=4000"
COUNTED = 60_000
"""Milliseconds within which a small run is counted, also where other tests keep the machine busy."""


@pytest.fixture
def both_sides(page: Window) -> Window:
    page.goto(FEW)
    expect(page.locator("#dots")).to_be_visible(timeout=COUNTED)
    return page


def ids_of_dots(page: Window) -> list[str]:
    found: list[str] = page.locator(".dot").evaluate_all("dots => dots.map(dot => dot.id)")
    return found


def test_another_sentence_or_denominator_changes_what_is_said_and_never_the_dots(
    both_sides: Window, barriers: Barriers, look: Look
) -> None:
    page = both_sides
    people = ids_of_dots(page)
    said = page.locator(".said:visible .sentence strong").first
    expect(said).to_contain_text(f"Of {len(people)} people removed, ")

    page.get_by_role("button", name="no conviction, or only a minor one").click()
    expect(said).to_contain_text("had two misdemeanours at most, or none")
    page.get_by_label("Everybody who matched").check()
    expect(said).to_contain_text("who matched")
    page.get_by_label("Level by charge or conviction").check()
    expect(page.get_by_role("button", name="no conviction, or only a minor one")).to_have_attribute(
        "aria-pressed", "false"
    )
    page.get_by_role("button", name="Of those without a conviction").click()
    expect(said).to_contain_text("removed without a conviction, ")

    assert ids_of_dots(page) == people
    assert "ruler=otherwise&base=unconvicted" in page.url
    page.get_by_label("Follow one person").fill("3")
    expect(page.locator("#followed")).to_contain_text("Person 3: Level")
    look(page, "claims-sentence")
    assert barriers(page) == []


def test_a_link_shows_the_sentence_that_its_sender_saw(both_sides: Window) -> None:
    both_sides.goto(f"{FEW}&ruler=level&base=matched")
    expect(both_sides.get_by_label("Level by conviction alone")).to_be_checked()
    expect(both_sides.locator(".said:visible .sentence strong").first).to_contain_text(
        "were removed and were at Level 1"
    )


def test_claims_are_found_by_topic_and_words_and_show_the_other_sides_reading(
    both_sides: Window, barriers: Barriers
) -> None:
    page = both_sides
    expect(page.locator(".claim")).to_have_count(36)
    page.get_by_label("Topic").select_option("Trust")
    expect(page.locator(".claim")).to_have_count(2)
    page.get_by_label("Search").fill("decades")
    expect(page.locator("#how-many")).to_have_text("1 of 36 claims.")
    page.get_by_label("Show the other side's reading").check()
    expect(page.locator("#C35")).to_contain_text("How supporters of the program read it")
    expect(page.locator("#C35")).to_contain_text("How critics of the program read it")
    assert "topic=trust&words=decades&readings=both" in page.url
    assert barriers(page) == []


def test_a_source_opens_and_closes_by_keyboard(both_sides: Window) -> None:
    page = both_sides
    page.locator("#C1").get_by_text("All its numbers").press("Enter")
    page.locator("#C1").get_by_role("button", name="60.3 % of 94,218").press("Enter")
    opened = page.get_by_role("dialog", name="Source")
    expect(opened).to_contain_text("from ICE's figures to February 2011")
    expect(opened).to_contain_text("[C:DEPNATION, VIVACO]")
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)


def test_a_count_that_takes_too_long_can_be_cancelled(page: Window) -> None:
    page.goto("/claims?bookings=200000&seed=7")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#at")).to_contain_text("The count was cancelled", timeout=COUNTED)
