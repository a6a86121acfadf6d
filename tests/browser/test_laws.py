"""One booking, thirty laws: answers change as the case does, each names its clause, and a link brings the case back."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Barriers, Look

BURGLARY = "/laws?charge=felony&admin_paper=I-200&request_form=I-247A"
PROBABLE_CAUSE = 2


def answer(page: Page, law: str, lever: str) -> Locator:
    return page.locator(f"tr[data-law={law}] td[data-lever={lever}]")


def reasons(page: Page) -> Locator:
    return page.get_by_role("region", name="One answer and its reasons")


def open_laws(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("body[data-ready=laws]")).to_be_attached()


def test_the_answers_change_as_the_case_goes_on_and_name_the_clause_with_its_source(
    page: Page, barriers: Barriers, look: Look
) -> None:
    open_laws(page, BURGLARY)
    trust_act = answer(page, "us-ca-trust-act-2014", "hold")
    expect(trust_act).to_contain_text("must not")
    expect(page.locator(".sum[data-lever=hold]")).to_contain_text("must not")

    slider = page.get_by_label("How far the case has come")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "charged")
    slider.press("ArrowRight")
    expect(trust_act).to_contain_text("may")
    expect(trust_act).to_contain_text("was must not")
    expect(page.locator("#announcements")).to_contain_text("changed")

    trust_act.get_by_role("link").click()
    expect(reasons(page)).to_contain_text("a magistrate found probable cause on the charge")
    expect(reasons(page)).to_contain_text("Cal. Gov. Code 7282.5")
    expect(reasons(page).get_by_text("No address of it was confirmed; the citation is the source.")).to_be_visible()
    assert barriers(page) == []
    look(page, "laws-chosen")


def test_the_address_brings_back_the_case_its_stage_and_the_answer_that_was_looked_at(page: Page) -> None:
    open_laws(page, BURGLARY)
    page.get_by_text("Change the case.").click()
    page.get_by_label("Years since any felony", exact=True).fill("9")
    page.get_by_label("How far the case has come").fill("5")
    page.get_by_label("Order by").select_option("hold")
    page.get_by_label("Find a law").fill("chicago")
    answer(page, "us-il-chicago-2012", "hold").get_by_role("link").click()
    expect(reasons(page).get_by_role("heading", level=3)).to_contain_text("Chicago")
    answers = page.locator("#matrix .word:visible")
    shown = answers.all_inner_texts()

    page.goto(page.url)
    expect(page.get_by_label("Years since any felony", exact=True)).to_have_value("9")
    expect(page.get_by_label("How far the case has come")).to_have_attribute("aria-valuetext", "releasable")
    expect(reasons(page).get_by_role("heading", level=3)).to_contain_text("Chicago")
    assert answers.all_inner_texts() == shown


def test_a_keyboard_alone_goes_from_a_case_to_an_answer_and_its_reasons(page: Page) -> None:
    open_laws(page, BURGLARY)
    page.get_by_role("link", name="An order of removal").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text("I-205")

    page.get_by_label("The answers of all laws").focus()
    page.keyboard.press("Tab")
    expect(answer(page, "us-ca-trust-act-2014", "hold").get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(answer(page, "us-ca-sb54-2018", "notify").get_by_role("link")).to_be_focused()
    expect(reasons(page)).to_contain_text("Is ICE told the release date?")
    expect(reasons(page)).to_contain_text("In no other case is ICE told the release date")


def test_a_law_that_does_not_bind_who_holds_the_person_says_so(page: Page, look: Look) -> None:
    open_laws(page, BURGLARY)
    note = page.locator("tr[data-law=us-ca-sb54-2018]").get_by_text("does not bind who holds the person here")
    expect(note).to_be_hidden()
    page.get_by_text("Change the case.").click()
    page.get_by_label("Who holds the person").select_option("state_prison")
    expect(note).to_be_visible()
    expect(reasons(page)).to_contain_text("not who holds the person in this case")
    look(page, "laws-form")


def test_the_detainer_service_is_asked_and_agrees_with_the_browser(page: Page) -> None:
    open_laws(page, f"{BURGLARY}&law=us-ia-iowa-city-2017&lever=hold&stage={PROBABLE_CAUSE}")
    reasons(page).get_by_role("button", name="Ask the service").click()
    expect(page.get_by_text("The detainer service agrees: the same five answers, by the same clauses")).to_be_visible()


def test_a_tap_on_a_phone_brings_the_reasons_up_and_they_can_be_closed(
    page: Page, barriers: Barriers, look: Look
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_laws(page, BURGLARY)
    cell = answer(page, "us-tx-sb4-2017", "hold")
    cell.get_by_role("link").click()
    expect(reasons(page)).to_be_in_viewport()
    expect(reasons(page)).to_contain_text("Texas Senate Bill 4")
    assert barriers(page) == []
    look(page, "laws-phone-chosen")
    reasons(page).get_by_role("button", name="Close").click()
    expect(cell.get_by_role("link")).to_be_focused()


def test_the_law_of_a_place_changes_with_the_day(page: Page) -> None:
    open_laws(page, f"{BURGLARY}&custodian=police_lockup&place=US-IL-CHI&on=2013-06-01")
    layers = page.locator("#law")
    expect(layers).to_contain_text("Chicago, Welcoming City Ordinance (2012)")
    expect(layers).not_to_contain_text("Illinois")
    page.get_by_label("Day", exact=True).fill("2022-06-01")
    expect(layers).to_contain_text("Illinois Way Forward Act")
    assert "on=2022-06-01" in page.url
    page.get_by_label("Place", exact=True).select_option("US-MA-BOS")
    expect(layers).to_contain_text("Lunn v. Commonwealth")
