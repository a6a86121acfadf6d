"""The first page: book somebody and see the journey complete; break the house and see that nothing was lost."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from sandbox.stack import Stack
from tests.browser.conftest import Barriers, Look


def book(page: Page, kind: str, pace: str) -> None:
    page.goto("/")
    page.get_by_label("Who is arrested?").select_option(label=kind)
    page.get_by_label("How fast do days pass?").select_option(pace)
    page.get_by_role("button", name="Book one person").click()
    page.wait_for_url("**/?tcn=*", timeout=60_000)  # the first time, people have to be found


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
        re.compile("Policy us-il-cook-2011, as .*, answers on holding: must not, by clause .* \\[Cook County Code")
    )


def test_the_jail_is_not_told_that_dhs_was_asked_about_a_citizen(page: Page) -> None:
    book(page, "A citizen whom no federal file knows", "live")
    expect(page.locator("#journey")).to_contain_text("■ Through.")
    expect(page.locator("#jail-sees")).to_contain_text("what IDENT searched and whom else it told")


@pytest.fixture
def mended(page: Page, stack: Stack) -> Iterator[None]:
    """Whatever a test breaks is mended for those that follow."""
    yield
    httpx.post(f"{stack.urls['biometric_match']}/faults/resume", timeout=10, trust_env=False)


def press(page: Page, button: str) -> None:
    page.locator("#break").get_by_role("button", name=button, exact=True).click()


def expect_proof(page: Page, sentence: str) -> None:
    page.get_by_role("button", name="Prove it").click()
    expect(page.locator("#proof")).to_contain_text(f"✓ Proven. {sentence}", timeout=30_000)


def test_a_stopped_matcher_has_submissions_wait_and_none_is_lost(page: Page, mended: None, look: Look) -> None:
    page.goto("/")
    press(page, "Stop the matcher")
    matcher = page.locator("[data-service=biometric_match]")
    expect(matcher).to_contain_text("stopped on purpose")

    book(page, "A citizen with a record at the FBI", "live")
    expect(page.locator("#journey")).to_contain_text("▶ Under way. The FBI's answer is under way.")
    expect(matcher).to_contain_text("1 to do, oldest")
    page.get_by_text("The same as a table").click()
    row = page.locator("#stream-rows tr").filter(has_text=re.compile(r"^fingerprints\.submittedbiometric_match"))
    expect(row.get_by_role("cell", name=re.compile(r"^[0-9.]+ s$"))).to_be_visible()  # how old the oldest is
    expect(page.locator("#broken")).to_have_text("Just now, biometric_match: stopped on purpose.")
    look(page, "flow-broken")

    press(page, "Let the matcher go on")
    expect(page.locator("#journey")).to_contain_text("■ Through.")
    expect_proof(page, "Nothing was lost")


def test_a_crashed_matcher_is_started_again_and_nothing_was_lost(page: Page, stack: Stack) -> None:
    page.goto("/")
    before = stack.process("biometric_match").pid
    press(page, "Crash the matcher")
    expect(page.locator("#break")).to_contain_text("The matcher has ended, and is being started again.")
    book(page, "A citizen with a record at the FBI", "live")
    expect(page.locator("#journey")).to_contain_text("■ Through.", timeout=30_000)
    expect_proof(page, "Nothing was lost")
    assert stack.process("biometric_match").pid != before


def test_an_entry_that_nobody_can_read_becomes_a_dead_letter_with_its_reason(page: Page, barriers: Barriers) -> None:
    page.goto("/")
    press(page, "Send an entry that nobody can read")
    expect(page.locator("#break")).to_contain_text("these put it aside:")
    expect_proof(page, "Nothing was lost: everything readable was processed, once, and only what nobody can read")
    letters = page.locator("#dead-letters")
    expect(letters.get_by_role("cell", name="not-json").first).to_be_visible()
    expect(letters).to_contain_text("of no use: nobody can read it")
    expect(letters.get_by_role("button")).to_have_count(0)  # sent again, it would only be put aside once more
    assert barriers(page) == []


def test_whoever_goes_by_keyboard_keeps_their_place_when_they_press_something(page: Page) -> None:
    page.goto("/")
    prove = page.get_by_role("button", name="Prove it")
    prove.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#proof")).to_contain_text("roven", timeout=30_000)
    expect(prove).to_be_focused()
    book(page, "A citizen whom no federal file knows", "live")
    expect(page.locator("#journey")).to_be_focused()


def test_a_scenario_can_be_paused_is_still_there_after_a_reload_and_ends_in_good_order(page: Page) -> None:
    page.goto("/")
    form = page.locator("form[action='/flow/scenario']")
    form.get_by_label("Scenario").select_option("live")
    form.get_by_label("Bookings").fill("3000")
    form.get_by_role("button", name="Start").click()
    says = page.locator("#run-says")
    expect(says).to_contain_text("of 3,000 booked", timeout=20_000)
    page.get_by_role("button", name="Pause").click()
    expect(says).to_contain_text("Paused.")
    page.reload()
    expect(says).to_contain_text("Paused.")
    page.get_by_role("button", name="Stop in good order").click()
    expect(says).to_contain_text("Stopped early, and ended in good order", timeout=60_000)
    expect(page.locator("#run-result")).to_contain_text("interop run live --bookings 3000 --seed 2008")
