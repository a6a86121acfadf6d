"""My ledger: disclosures are verified in the browser, a flipped byte is refused, and expunging leaves proofs."""

import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.stack import CONSOLE, Stack
from services.audit.access import auditor_token, subject_token
from services.audit.settings import token_key
from tests.browser.booked import book, references
from tests.browser.conftest import Barriers, Look

SEED = 4104
PATIENCE_SECONDS = 20.0
FEWEST = 6
"""Disclosures of a booking whose prints went all the way: there and back."""


@pytest.fixture(scope="module")
def people(stack: Stack) -> list[str]:
    """The references of three people who were booked, and whose prints have been answered."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        # Others may have been booked under the same references, in another test.
        before = {subject: len(_disclosures(client, stack, subject)) for subject in references(SEED, 3)}
        booked = book(stack, SEED, 3)
        for subject in booked:
            _wait_for_disclosures(client, stack, subject, before[subject] + FEWEST)
    return booked


def _wait_for_disclosures(client: httpx.Client, stack: Stack, subject: str, fewest: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        rows = _disclosures(client, stack, subject)
        if len(rows) >= fewest and all(row["proof"] for row in rows):
            return
        time.sleep(0.1)
    pytest.fail(f"the log has too little about {subject}: {rows}")


def _disclosures(client: httpx.Client, stack: Stack, subject: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token_of(stack, subject)}"}
    answer = client.get(f"{stack.urls['audit']}/disclosures", params={"subject": subject}, headers=headers)
    told: list[dict[str, Any]] = answer.json()["disclosures"]
    return told


def token_of(stack: Stack, subject: str, valid_seconds: int = 600) -> str:
    return subject_token(token_key(stack.state_dir), subject, valid_seconds)


def enter(page: Page, token: str, subject: str = "") -> None:
    page.goto(f"/ledger?subject={subject}")
    page.locator("#token").fill(token)
    page.get_by_role("button", name="Open and verify").click()


def test_a_subject_sees_every_disclosure_verified_and_a_flipped_byte_refused_at_its_step(
    page: Page, stack: Stack, people: list[str], barriers: Barriers, look: Look
) -> None:
    heron = people[0]
    token = token_of(stack, heron)
    enter(page, token, heron)
    assert token not in page.url
    expect(page.locator("#summary")).to_contain_text("each verified by this browser")
    rows = page.locator("#disclosures > li")
    assert rows.count() >= FEWEST
    expect(rows.filter(has_text="Verified: record, entry, way to the root, signed by the log")).to_have_count(
        rows.count()
    )
    expect(rows.first).to_contain_text("cosigned by 2 of 2 witnesses")
    expect(page.locator("#trust")).to_contain_text("the witness tells the same key")

    first = rows.first
    first.get_by_text("How this was verified").click()
    expect(first.locator("[data-step=inclusion]")).to_contain_text("neighbour 1 of")
    steps = {
        "a byte of the record": "record",
        "a byte of the opening key": "record",
        "a byte of the entry": "inclusion",
        "a byte of a neighbour's hash": "inclusion",
        "a byte of the root": "log",
        "a byte of the signature of sandbox.example/audit": "log",
        "a byte of the signature of stateauditor.example/w2": "witnesses",
    }
    for place, step in steps.items():
        first.get_by_role("combobox").select_option(place)
        first.get_by_role("button", name="Flip one byte of it").click()
        expect(first.locator(f"[data-step={step}].fails")).to_be_visible()
        expect(first).to_contain_text("Refused at the step")
        expect(page.locator("#summary")).to_contain_text("1 refused")
    look(page, "ledger-refused")
    assert barriers(page) == []
    first.get_by_role("button", name="Mend it again").click()
    expect(page.locator("#summary")).to_contain_text("each verified by this browser")


def test_a_token_stands_in_no_log_of_the_house(page: Page, stack: Stack, people: list[str]) -> None:
    token = token_of(stack, people[0])
    enter(page, token, people[0])
    expect(page.locator("#summary")).to_contain_text("each verified by this browser")
    secret = token.rpartition(".")[2]
    assert [service for service in (CONSOLE, "audit") if secret in stack.log(service).read_text(encoding="utf-8")] == []


def test_a_browser_without_web_crypto_checks_every_hash_and_says_that_it_checks_no_signature(
    page: Page, stack: Stack, people: list[str]
) -> None:
    page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })")
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { get: () => false })")
    enter(page, token_of(stack, people[0]), people[0])
    expect(page.locator("#summary")).to_contain_text("hashes verified by this browser, signatures not")
    expect(page.locator("#trust")).to_contain_text("the signatures under the root are not checked by this browser")
    first = page.locator("#disclosures > li").first
    first.get_by_text("How this was verified").click()
    first.get_by_role("combobox").select_option("a byte of a neighbour's hash")
    first.get_by_role("button", name="Flip one byte of it").click()
    expect(first.locator("[data-step=inclusion].fails")).to_be_visible()


def test_expunging_leaves_entries_that_verify_and_records_that_nobody_can_open(
    page: Page, stack: Stack, people: list[str], barriers: Barriers, look: Look
) -> None:
    enter(page, token_of(stack, people[1]), people[1])
    rows = page.locator("#disclosures > li")
    expect(rows.first).to_contain_text("Verified")
    count = rows.count()
    page.get_by_role("button", name="Expunge everything about me").click()
    page.get_by_role("button", name="No, go back").click()
    expect(rows.first).to_contain_text("On what basis")
    page.get_by_role("button", name="Expunge everything about me").click()
    page.get_by_role("button", name="Yes, delete the key").click()

    remains = page.locator("#remains")
    expect(remains).to_contain_text("The key is deleted")
    expect(remains).to_contain_text(f"All {count} entries are what they were before")
    expect(remains).to_contain_text('"kind":"expunged"')
    expect(remains).to_contain_text("Audit, asked again with the same token, has no disclosures")
    expect(remains.get_by_role("table")).to_contain_text("its expunction is for the agency to order")
    expect(rows.filter(has_text="the record can no longer be opened")).to_have_count(count)
    look(page, "ledger-expunged")
    assert barriers(page) == []


def test_an_auditor_reads_what_they_are_named_for_and_expunges_nothing(
    page: Page, stack: Stack, people: list[str]
) -> None:
    agency = people[0].partition("/")[0]
    enter(page, auditor_token(token_key(stack.state_dir), "inspector", (agency,)), people[0])
    expect(page.locator("#summary")).to_contain_text("each verified by this browser")
    expect(page.get_by_role("button", name="Expunge everything about me")).to_be_hidden()


def test_a_token_that_opens_nothing_is_refused_in_one_sentence(
    browser: Browser, console: str, stack: Stack, people: list[str]
) -> None:
    heron = people[0]
    tokens = {
        "Signature verification failed": subject_token(b"another key, thirty-two bytes long", heron),
        "Signature has expired": token_of(stack, heron, valid_seconds=-60),
        f"is not for '{heron}'": token_of(stack, people[2]),
    }
    # A window of its own: Chromium writes every refusal to its console, and these are meant to be.
    page = browser.new_page(base_url=console)
    for why, token in tokens.items():
        enter(page, token, heron)
        expect(page.get_by_role("alert")).to_contain_text(why)
        expect(page.locator("#ledger")).to_be_hidden()
    page.close()


def test_somebody_who_was_booked_can_be_chosen_and_the_command_for_their_token_is_ready(
    page: Page, people: list[str]
) -> None:
    page.goto("/ledger")
    row = page.get_by_role("row").filter(has_text=people[2])
    row.get_by_role("link").click()
    expect(page.get_by_text(f"interop audit token subject {people[2]}", exact=True)).to_be_visible()
    expect(page.get_by_text(f"docker compose exec audit interop audit token subject {people[2]}")).to_be_visible()
