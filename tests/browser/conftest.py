"""A console with the whole house behind it, and a headless Chromium to look at it with.

- `console`: the base address of a console; the four services and both witnesses are up behind it. Shared: leave things
  as they were.
- `stack`: the house of that console, for tests that break it.
- `browser`: Chromium, one for each file; the tests are skipped, with the reason, where there is none.
- `page`: a page in a window of its own. What it writes to the browser's console, or cannot load, fails the test.
- `barriers`: `barriers(page)` lists what axe-core calls serious or worse, in sentences; by one rule, if it is named.
- `look`: `look(page, "flow", "dark", "light")` keeps pictures in `.screenshots/`, for people to look at; one in light,
  if no scheme is named.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from sandbox.house import live_settings
from sandbox.stack import CONSOLE, SERVICES, Stack

HERE = Path(__file__).resolve().parent
AXE = HERE / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = HERE.parents[1] / ".screenshots"
READY_SECONDS = 90.0

CHROMIUM_OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)

PATIENCE_MS = 20_000
"""Whatever is expected of a page may need services at work, and they share the machine with other tests."""

expect.set_options(timeout=PATIENCE_MS)

SERIOUS = ("serious", "critical")

Scheme = Literal["light", "dark"]
Barriers = Callable[..., list[str]]
Look = Callable[..., None]


def chromium() -> Path | None:
    """The Chromium of this machine: CHROMIUM, else one that is on the PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return Path(found) if found else None


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if chromium() is None:
        pytest.skip("there is no Chromium here; install one, or name it in CHROMIUM")
    root = tmp_path_factory.mktemp("house")
    environment = {
        "INTEROP_LIVE_RUN": str(live_settings(root)),
        "INTEROP_LIVE_DAY_SECONDS": "2",
        "INTEROP_LEASE_MS": "1500",
        "SANDBOX_FAULTS": "1",
    }
    services = (*SERVICES, CONSOLE)
    with Stack(root / "state", services=services, preferred_ports={}, extra_env=environment) as house:
        house.wait_ready(READY_SECONDS)
        yield house


@pytest.fixture(scope="session")
def console(stack: Stack) -> str:
    return stack.urls[CONSOLE]


# One for each file, not for each session: while it is up, its event loop is in the way of tests that have their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium here; install one, or name it in CHROMIUM")
    options = [*CHROMIUM_OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=options)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, console: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=console,
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    window = context.new_page()
    window.set_default_timeout(PATIENCE_MS)
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(f"{message.type}: {message.text}")

    def note_answer(response: Response) -> None:
        if not response.url.startswith((console, "data:", "blob:")):
            said.append(f"loaded from elsewhere: {response.url}")

    window.on("console", note)
    window.on("pageerror", lambda error: said.append(f"error: {error}"))
    window.on("response", note_answer)
    yield window
    context.close()
    assert said == []


@pytest.fixture(scope="session")
def barriers() -> Barriers:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; run npm ci in tests/browser/axe")

    def found(page: Page, rule: str | None = None) -> list[str]:
        # Not as a script element: the page's own policy would refuse it, as it should.
        page.evaluate(AXE.read_text(encoding="utf-8"))
        options = {"resultTypes": ["violations"], **({"runOnly": [rule]} if rule else {})}
        violations = page.evaluate("async (options) => (await axe.run(document, options)).violations", options)
        return [
            f"{each['id']}: {each['help']}: {', '.join(str(node['target']) for node in each['nodes'])}"
            for each in violations
            if each["impact"] in SERIOUS
        ]

    return found


@pytest.fixture(scope="session")
def look() -> Look:
    SCREENSHOTS.mkdir(exist_ok=True)

    def keep(page: Page, name: str, *schemes: Scheme) -> None:
        for scheme in schemes or ("light",):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}.png", full_page=True)

    return keep
