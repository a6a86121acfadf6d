"""The wiring of the console: its pages, their files, and how it answers when something is wrong."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.claims.routes import routes as claims_routes
from console.flow.routes import routes as flow_routes
from console.guard import HEADERS, Guard
from console.house import House
from console.lab.routes import routes as lab_routes
from console.ledger.routes import routes as ledger_routes
from console.log.routes import routes as log_routes
from console.matching.routes import routes as matching_routes
from console.matrix.routes import routes as matrix_routes
from console.pages import FRAGMENT, HERE, PAGES, Page, page_of, show
from console.settings import ConsoleSettings
from console.workers import ended
from services.chassis.errors import InteropError
from services.chassis.http import error_body, sentence_of

GRACEFUL_SECONDS = 3
WARM_SECONDS = 20.0
"""How long the console may open its pages for the first time before it says that it is ready all the same."""

ROUTES: tuple[Callable[[House], APIRouter], ...] = (
    flow_routes,
    lab_routes,
    matrix_routes,
    ledger_routes,
    log_routes,
    claims_routes,
    matching_routes,
)


def build(settings: ConsoleSettings | None = None) -> FastAPI:
    """The console, ready to be served."""
    settings = settings or ConsoleSettings()

    house = House(settings)
    warm = asyncio.Event()

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm(api))
        warming.add_done_callback(lambda _: warm.set())
        yield
        await ended([warming])
        await house.close()

    api = FastAPI(title="Interop Sandbox: console", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    api.state.house = house
    api.add_middleware(Guard)
    for routes in ROUTES:
        api.include_router(routes(house))
    api.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    api.add_exception_handler(InteropError, _refusal)
    api.add_exception_handler(RequestValidationError, _bad_request)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _broken)

    @api.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"service": "console", "status": "alive"}

    @api.get("/readyz")
    async def readyz() -> JSONResponse:
        # What of the house is not ready stands on the pages: of itself the console says only that they come at once.
        status = "ready" if warm.is_set() else "opening its pages for the first time"
        return JSONResponse({"service": "console", "status": status}, status_code=200 if warm.is_set() else 503)

    return api


async def _warm(api: FastAPI) -> None:
    """Opens every page once, so that nobody waits for what is read and imported the first time."""
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        with suppress(TimeoutError):
            async with asyncio.timeout(WARM_SECONDS):
                # As one that draws a part of itself anew, a page begins no run that nobody has asked for.
                await asyncio.gather(*(client.get(page.path, headers={FRAGMENT: "nothing"}) for page in PAGES))


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, InteropError)  # noqa: S101  it is registered for these alone
    return _told(request, error.code, error.sentence, error.status)


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  it is registered for these alone
    return _told(request, "bad-request", sentence_of(list(error.errors())), 422)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for these alone
    words = HTTPStatus(error.status_code).phrase.lower()
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _told(request, "no-such-page", f"there is no page '{request.url.path}'; begin at the first one", 404)
    return _told(request, "http-error", f"{words}: {request.method} {request.url.path}", error.status_code)


async def _broken(request: Request, error: Exception) -> Response:
    # The server logs the error; this answer goes out past the guard, and so brings its headers along.
    kind = type(error).__name__
    answer = _told(request, "console-error", f"this broke in the console ({kind}), and stands in its log", 500)
    answer.headers.update(HEADERS)
    return answer


def _told(request: Request, code: str, sentence: str, status: int) -> Response:
    """An error as a page for people, and as JSON for programs, scripts of the pages among them."""
    if "text/html" in request.headers.get("accept", ""):
        asked = page_of(request.url.path)
        failed = Page(asked.path if asked else "", "That did not work", "")
        return show(request, failed, "error.html.j2", {"code": code, "sentence": sentence, "asked": asked}, status)
    return JSONResponse(error_body(code, sentence), status_code=status)


def main() -> None:
    """The entry point of `python -m console`. Settings that cannot be used are one sentence and exit code 2."""
    try:
        settings = ConsoleSettings()
        api = build(settings)
    except ValidationError as error:
        sys.stderr.write(f"bad-settings: {sentence_of(list(error.errors()))}; see docs/settings.md\n")
        sys.exit(2)
    except InteropError as error:
        sys.stderr.write(f"{error.code}: {error.sentence}\n")
        sys.exit(2)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        api,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level.lower(),
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
