"""The first page: book somebody and see the journey complete; break the house and see that nothing was lost."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Barriers, Look


def book(page: Page, kind: str, pace: str) -> None:
    page.goto("/")
    page.get_by_label("Who is arrested?").select_option(label=kind)
    page.get_by_label("How fast do days pass?").select_option(pace)
    page.get_by_role("button", name="Book one person").click()


def test_a_journey_that_ends_in_a_transfer_is_told_hop_by_hop_to_its_end(
    page: Page, barriers: Barriers, look: Look
) -> None:
    book(page, "Visa run out, arrested for a misdemeanour; ICE comes", "at-once")
    journey = page.locator("#journey")
    expect(journey).to_contain_text("Only the sandbox knows this: Somebody whose visa has run out")
    for title in (
        "Prints go to the state, and on to the FBI",
        "DHS knows these prints",
        "The support center looks the person up",
        "ICE asks the jail to hold",
        "The person is handed over",
        "The case ends",
    ):
        expect(journey.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(journey).to_contain_text("■ Through.")
    expect(journey).to_contain_text("I-247, Immigration Detainer, Notice of Action")
    assert barriers(page) == []
    look(page, "flow-journey")


def test_a_hold_declined_by_policy_names_the_clause_and_the_jail_lets_go(page: Page) -> None:
    book(page, "Removable, and the jail's law declines to hold", "live")
    journey = page.locator("#journey")
    expect(journey.get_by_role("heading", name="The person walks out")).to_be_visible()
    expect(journey).to_contain_text("The jail does not hold: on holding its policy answers 'must not'.")
    expect(journey).to_contain_text(
        re.compile("Policy us-il-cook-2011, as .*, answers on holding: must not, by clause")
    )


def test_the_jail_is_not_told_that_dhs_was_asked_about_a_citizen(page: Page) -> None:
    book(page, "A citizen whom no federal file knows", "live")
    expect(page.locator("#journey")).to_contain_text("■ Through.")
    expect(page.locator("#jail-sees")).to_contain_text("what IDENT searched and whom else it told")
