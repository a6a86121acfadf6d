"""The frame of the console: what it lets in, how errors are told, and how a page is put together."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from pydantic import SecretStr

from console.app import build
from console.data import as_data
from console.guard import MOST_BODY_BYTES
from console.house import answered
from console.pages import FRAGMENT, PAGES, Page
from console.settings import ConsoleSettings
from console.sources import published, simulated
from services.chassis.errors import InteropError

NOBODY = "http://127.0.0.1:9"
"""An address at which nothing answers."""


Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks a console in a house in which nobody is at home."""
    folder = tmp_path_factory.mktemp("console")
    settings = ConsoleSettings(
        redis_url=SecretStr("redis://127.0.0.1:9/0"),
        booking_url=NOBODY,
        biometric_match_url=NOBODY,
        detainer_url=NOBODY,
        audit_url=NOBODY,
        state_dir=folder / "state",
        own_policies=folder / "policies",
    )
    api = build(settings)
    transport = httpx.ASGITransport(api)

    async def answer(method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, path, **request)

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(api.router.lifespan_context(api)):
        yield lambda method, path, **request: portal.call(answer, method, path, request)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_every_page_comes_even_when_nobody_is_at_home(ask: Ask, page: Page) -> None:
    answer = ask("GET", page.path, headers={"Accept": "text/html"})

    assert answer.status_code == 200
    assert f"<h1>{page.title}</h1>" in answer.text
    assert "Simulated. Not data about any place. Not legal advice." in answer.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_nothing_on_a_page_comes_from_elsewhere_or_runs_inline(ask: Ask, page: Page) -> None:
    text = ask("GET", page.path).text

    assert 'src="http' not in text
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text


def test_a_page_may_run_only_the_scripts_of_the_console(ask: Ask) -> None:
    policy = ask("GET", "/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
    ids=["another origin", "another site", "no origin that has a name"],
)
def test_what_another_sites_page_sends_is_refused(ask: Ask, headers: dict[str, str]) -> None:
    answer = ask("POST", "/", headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "other-site"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://console", "Sec-Fetch-Site": "same-origin"}, {}],
    ids=["a page of the console", "a program that is no browser"],
)
def test_what_the_consoles_own_page_sends_is_let_in(ask: Ask, headers: dict[str, str]) -> None:
    # There is nothing to post to at this address, which only somebody learns who is let in.
    assert ask("POST", "/", headers=headers).status_code == 405


@pytest.mark.parametrize("path", ["/lab/check", "/flow/book", "/log/drill"])
def test_what_is_far_too_long_is_refused_in_a_sentence_before_it_is_read(ask: Ask, path: str) -> None:
    answer = ask("POST", path, content=b'{"text": "' + b"x" * MOST_BODY_BYTES)

    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == f"request entity too large: POST {path}"


def test_an_address_that_is_none_is_told_to_people_as_a_page(ask: Ask) -> None:
    answer = ask("GET", "/nowhere", headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert "no-such-page" in answer.text
    assert "<nav" in answer.text


def test_an_address_that_is_none_is_told_to_scripts_as_json(ask: Ask) -> None:
    answer = ask("GET", "/nowhere<b>", headers={"Accept": "application/json"})

    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("there is no page '/nowhere<b>'")


def test_a_mistake_of_the_console_itself_is_told_as_a_page_without_a_trace() -> None:
    api = build(ConsoleSettings(redis_url=SecretStr("redis://127.0.0.1:9/0")))

    @api.get("/log/broken")
    async def broken() -> None:
        raise KeyError("a secret detail")

    async def look() -> httpx.Response:
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.get("/log/broken", headers={"Accept": "text/html"})

    answer = asyncio.run(look())

    assert answer.status_code == 500
    assert "this broke in the console (KeyError)" in answer.text
    assert "a secret detail" not in answer.text
    assert '<a class="button" href="/log">' in answer.text  # the way back
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_fragment_that_a_page_does_not_have_is_the_whole_page(ask: Ask) -> None:
    assert "<html" in ask("GET", "/", headers={FRAGMENT: "no-such-block"}).text


def test_data_in_a_page_cannot_end_the_element_that_it_stands_in() -> None:
    told = {"title": "</script><script>alert(1)</script>&amp;"}

    drawn = str(as_data(told))

    assert "<" not in drawn
    assert json.loads(drawn) == told


def test_what_a_service_refuses_keeps_its_code_and_sentence() -> None:
    body = {"error": {"code": "unknown-run", "message": "run 'mine' is not open"}}
    answer = httpx.Response(404, json=body, request=httpx.Request("GET", "http://booking/runs/mine"))

    with pytest.raises(InteropError, match="unknown-run: run 'mine' is not open") as refused:
        answered(answer)
    assert refused.value.status == 404


def test_an_answer_that_makes_no_sense_is_told_in_one_sentence() -> None:
    answer = httpx.Response(500, text="oops", request=httpx.Request("GET", "http://booking/readyz"))

    with pytest.raises(InteropError, match="service-error: /readyz answered 500; see the log of that service"):
        answered(answer)


@pytest.mark.parametrize(
    ("tag", "unverified"), [("[B]", True), ("[K]", True), ("[C:GAO12708]", False), ("[S2]", False)]
)
def test_a_source_from_memory_is_unverified(tag: str, unverified: bool) -> None:
    assert published("a table", tag).is_unverified is unverified


def test_a_simulated_figure_has_the_command_that_gives_it_again() -> None:
    source = simulated("people held", "interop compare boston-2008-2010 --policy us-full-cooperation")

    assert not source.is_unverified
    assert source.command is not None


def test_the_console_starts_without_what_takes_long_to_import() -> None:
    heavy = ("polars", "numpy", "faststream")
    program = f"import sys, console.app; print([name for name in {heavy!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert told.stdout.strip() == "[]"


async def _readiness() -> list[tuple[int, str]]:
    """What `/readyz` says while the console opens its pages for the first time, and when it has."""
    api = build(ConsoleSettings(redis_url=SecretStr("redis://127.0.0.1:9/0")))
    told: list[tuple[int, str]] = []
    transport = httpx.ASGITransport(api)
    async with api.router.lifespan_context(api), httpx.AsyncClient(transport=transport, base_url="http://c") as client:
        async with asyncio.timeout(30):
            while not told or told[-1][0] != 200:
                answer = await client.get("/readyz")
                told.append((answer.status_code, answer.json()["status"]))
                await asyncio.sleep(0.01)
    return told


def test_the_console_is_ready_when_every_page_was_opened_once() -> None:
    told = asyncio.run(_readiness())

    assert told[0] == (503, "opening its pages for the first time")
    assert told[-1] == (200, "ready")
