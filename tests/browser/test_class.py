"""Class mode in a browser: one file, opened as a file, without a network; the whole hour, from note to gathering."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from console.classroom.export import export
from console.classroom.yardsticks import CHOSEN, GUESS_LAWS, YARDSTICKS
from sandbox.compare import Comparison, compare
from sandbox.runs import Request
from tests.browser.conftest import Barriers, Look

REQUEST = Request("boston-2008-2010", 6_000, 7, gallery_rows=1_000_000, search="mates")
GUESSES = (30, 60, 50, 20, 10)
HELD = next(place for place, each in enumerate(YARDSTICKS) if each.measure == "held")
CHOICE = (0, 1, HELD)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("class")
    export(folder, REQUEST)
    return folder


@pytest.fixture
def phone(browser: Browser, hour: Path) -> Iterator[Page]:
    """The page for the phones, opened as a file; whatever it asks the network for fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce", offline=True)
    window = context.new_page()
    window.set_default_timeout(20_000)
    said: list[str] = []
    window.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    window.on("pageerror", lambda error: said.append(str(error)))
    window.on("request", lambda request: None if request.url.startswith("file:") else said.append(request.url))
    window.goto((hour / "class.html").as_uri())
    yield window
    context.close()
    assert said == []


def step(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Steps").get_by_role("link", name=name).click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "step")


def fits(page: Page) -> bool:
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    return wide <= 390


def fill_guesses(page: Page) -> None:
    fields = page.locator("#questions input")
    expect(fields).to_have_count(len(GUESSES))
    for place, guess in enumerate(GUESSES):
        fields.nth(place).fill(str(guess))


def guess_and_seal(page: Page, group: str) -> str:
    """Gives the group a name, guesses, and seals; the code for the board."""
    page.get_by_label("A name for your group").fill(group)
    page.get_by_role("button", name="Begin").click()
    fill_guesses(page)
    for place in CHOICE:
        page.get_by_label(YARDSTICKS[place].words, exact=True).check()
    page.get_by_role("button", name="Seal our guess").click()
    expect(page.get_by_role("heading", name="Sealed", exact=True)).to_be_visible()
    return page.locator("#seal").inner_text()


def edit_a_law(phone: Page) -> None:
    """Makes one clause of the TRUST Act bind, and adds a clause on juveniles."""
    step(phone, "Edit")
    phone.get_by_label("Start from").select_option("us-ca-trust-act-2014")
    clause = phone.get_by_role("region", name="Clause (a)(1)", exact=True)
    clause.get_by_label("Hold past release").select_option("must")
    expect(phone.get_by_text("One answer on the case cards differs from the law.")).to_be_visible()
    phone.get_by_role("button", name="Add a clause of our own").click()
    own = phone.get_by_role("region", name="Clause Our own clause 1")
    own.get_by_role("button", name="only if …").click()
    own.get_by_label("Fact").select_option("juvenile")
    own.get_by_label("Hold past release").select_option("must_not")
    expect(clause.get_by_text("changed", exact=True)).to_be_visible()


def gather_and_check(phone: Page, seal: str) -> None:
    """Pastes the group's code with two that are none, and checks its seal: a wrong one, then the one on the board."""
    step(phone, "Gather")
    code = phone.get_by_label("Your group's code").input_value()
    phone.get_by_label("Codes of the groups").fill(f"{code}\n{code[:-6]}\n<img src=x onerror=alert(1)>")
    phone.get_by_role("button", name="Gather").click()
    expect(phone.get_by_role("alert").get_by_role("listitem")).to_have_count(2)
    board = phone.get_by_label("Seal of Owls on the board")
    board.fill("00000-00000")
    expect(phone.get_by_text("differs: this is not what was sealed")).to_be_visible()
    board.fill(seal.upper().replace("-", " "))
    expect(phone.get_by_text("fits: this is the guess that was sealed")).to_be_visible()


def test_a_group_goes_through_the_hour(phone: Page, barriers: Barriers, look: Look) -> None:
    expect(phone.get_by_text("Nobody will ask about your own status")).to_be_visible()
    assert barriers(phone) == []

    step(phone, "Compare")
    expect(phone.get_by_text("The numbers are hidden until your group has sealed its guess.")).to_be_visible()
    expect(phone.locator(".yardstick")).to_have_count(0)

    step(phone, "Start")
    seal = guess_and_seal(phone, "Owls")
    assert fits(phone)
    assert barriers(phone) == []
    assert all(field.is_disabled() for field in phone.locator("#guess-form input").all())

    step(phone, "Laws")
    phone.get_by_label("Case", exact=True).select_option("Heron-41")
    row = phone.get_by_role("row").filter(has=phone.get_by_role("rowheader", name="Texas Senate Bill 4"))
    for place, answer in enumerate(("must", "may", "must", "silent", "silent")):
        expect(row.get_by_role("cell").nth(place)).to_have_text(answer)
    row.get_by_text("why").click()
    expect(row.get_by_text("Hold past release:")).to_be_visible()
    assert fits(phone)
    assert barriers(phone) == []
    look(phone, "class-laws-phone")

    edit_a_law(phone)
    assert fits(phone)
    assert barriers(phone) == []
    look(phone, "class-edit-phone")

    step(phone, "Compare")
    sections = phone.locator("#yours .yardstick")
    expect(sections).to_have_count(CHOSEN)
    expect(sections.first.get_by_role("row")).to_have_count(4)
    assert fits(phone)
    assert barriers(phone) == []
    look(phone, "class-compare-phone")

    gather_and_check(phone, seal)
    assert fits(phone)
    assert barriers(phone) == []
    look(phone, "class-gather-phone")


def test_the_numbers_on_a_phone_are_those_of_interop_compare(phone: Page) -> None:
    result = compare(Comparison(REQUEST, GUESS_LAWS))
    expected = [each["counted"]["held"] for each in result["policies"]]

    guess_and_seal(phone, "Terns")
    step(phone, "Compare")

    shown = phone.locator("#yours .yardstick").nth(CHOICE.index(HELD)).locator("td.number")
    for place, spread in enumerate(expected):
        low, high = sorted((spread["never"], spread["always"]))
        expect(shown.nth(place)).to_have_text(f"{spread['dot']:,}{low:,} to {high:,}")
    expect(phone.locator("#command")).to_contain_text("interop compare boston-2008-2010 --policy us-full-cooperation")


def test_what_a_group_did_is_still_there_when_the_page_is_opened_again_until_it_begins_anew(phone: Page) -> None:
    seal = guess_and_seal(phone, "Plovers")

    phone.reload()

    step(phone, "Guess")
    expect(phone.locator("#seal")).to_have_text(seal)
    step(phone, "Start")
    phone.get_by_text("Begin anew on this phone").click()
    phone.get_by_role("button", name="Forget everything").click()
    expect(phone.get_by_label("A name for your group")).to_be_editable()


def test_a_phone_that_has_no_web_crypto_and_may_keep_nothing_seals_all_the_same(browser: Browser, hour: Path) -> None:
    window = browser.new_page()
    window.add_init_script(
        "Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined });"
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied'); } });"
    )
    window.goto((hour / "class.html").as_uri())

    seal = guess_and_seal(window, "Gannets")
    step(window, "Gather")
    window.get_by_label("Codes of the groups").fill(window.get_by_label("Your group's code").input_value())
    window.get_by_role("button", name="Gather").click()
    window.get_by_label("Seal of Gannets on the board").fill(seal)

    expect(window.get_by_text("fits: this is the guess that was sealed")).to_be_visible()
    window.close()


def test_a_guess_is_not_sealed_before_three_yardsticks_are_chosen(phone: Page) -> None:
    phone.get_by_label("A name for your group").fill("Herons")
    phone.get_by_role("button", name="Begin").click()
    fill_guesses(phone)
    phone.get_by_label(YARDSTICKS[0].words, exact=True).check()

    phone.get_by_role("button", name="Seal our guess").click()

    expect(phone.get_by_role("alert")).to_have_text("Choose exactly three yardsticks; you have 1.")


@pytest.mark.parametrize("name", ["cards", "teacher"])
def test_the_printed_pages_have_no_barriers(
    browser: Browser, hour: Path, barriers: Barriers, look: Look, name: str
) -> None:
    window = browser.new_page()
    window.goto((hour / f"{name}.html").as_uri())

    assert barriers(window) == []
    look(window, f"class-{name}")
    window.close()
