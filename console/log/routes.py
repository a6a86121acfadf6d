"""The addresses of the page."""

import asyncio
from typing import Annotated, Any, Literal

import httpx
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from console.house import House
from console.log.attacks import BY_THE_KEEPER
from console.log.drilling import MOST_ENTRIES
from console.log.drills import Drills
from console.log.growth import points_of, runs_of
from console.log.passing import NOTE_LIMIT, passed
from console.log.report import command_of, tables_of
from console.pages import FRAGMENT, LOG, show
from console.recent import newest_events
from console.sources import simulated
from sandbox.audit import layout
from services.audit.events import CheckpointPublished
from services.chassis.errors import InteropError

MOST_CHECKPOINTS = 2_000
MOST_RUNS = 30
WITNESS_SECONDS = 2.0
"""How long a witness may take to tell its key."""

Protect = Annotated[Literal["round", "suppress"], Query(description="how small numbers are protected")]
Run = Annotated[str, Query(max_length=80, description="the run; the one that was opened last, if none is given")]

COUNTED = simulated(
    "How many entries the published log has: one for each time that somebody told somebody something, and one for each"
    " expunction.",
    "interop audit verify",
)

# A page of the sandbox, with a style of its own in it, and nothing that runs.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Drill(BaseModel):
    """What the drill begins with."""

    older: str = Field(default="", max_length=NOTE_LIMIT)
    flips: int = Field(default=300, ge=3, le=3_000)
    seed: int = Field(default=0, ge=0, le=2**31)


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()
    for add in (_add_page, _add_files, _add_state, _add_drill):
        add(router, house)
    return router


def _add_page(router: APIRouter, house: House) -> None:
    @router.get(LOG.path)
    async def page(request: Request, run: Run = "", protect: Protect = "round") -> HTMLResponse:
        # Counting a large run takes a moment: the page is there before it, unless the report is asked for by address.
        wanted = bool({"run", "protect"} & set(request.query_params)) or FRAGMENT in request.headers
        report, trouble = await _report(house, run, protect) if wanted else (None, None)
        context = {
            "run": run,
            "protect": protect,
            "runs": await _runs(house, run),
            "report": report,
            "trouble": trouble,
            "by_the_keeper": BY_THE_KEEPER,
            "counted": COUNTED,
            "most_entries": MOST_ENTRIES,
        }
        return show(request, LOG, "log.html.j2", context)

    @router.get("/log/report")
    async def report(run: Run = "", protect: Protect = "round") -> HTMLResponse:
        from sandbox.pages.transparency import transparency_page  # noqa: PLC0415  it takes polars with it

        told = await house.get("audit", "/report", params=_asked(run, protect))
        drawn = await asyncio.to_thread(transparency_page, told)
        return HTMLResponse(drawn, headers={"Content-Security-Policy": REPORT_POLICY})


def _add_files(router: APIRouter, house: House) -> None:
    async def file(path: str) -> Response:
        answer = await passed(house, path)
        return Response(answer.content, headers=dict(answer.headers))

    @router.get("/log/checkpoint")
    async def checkpoint() -> Response:
        return await file("checkpoint")

    @router.get("/log/key")
    async def key() -> Response:
        return await file("key")

    @router.get("/log/policy")
    async def policy() -> Response:
        return await file("policy")

    @router.get("/log/tile/{path:path}")
    async def tile(path: str) -> Response:
        return await file(f"tile/{path}")


def _add_state(router: APIRouter, house: House) -> None:
    @router.get("/log/state")
    async def state() -> dict[str, Any]:
        # Audit answers it when it is not ready, too.
        answer = await house.ask("audit", "GET", "/readyz")
        try:
            told: dict[str, Any] = answer.json()
        except ValueError as error:
            raise InteropError("service-error", "audit does not tell how it is; see its log", status=502) from error
        return {name: told.get(name) for name in ("ready", "log", "reconciliation")}

    @router.get("/log/growth")
    async def growth() -> list[dict[str, Any]]:
        return points_of(await newest_events(house.redis, CheckpointPublished.event_type, MOST_CHECKPOINTS))

    @router.get("/log/witnesses")
    async def witnesses() -> list[dict[str, str | None]]:
        return await asyncio.gather(*(_key_of(house, url.rstrip("/")) for url in house.settings.witnesses))


def _add_drill(router: APIRouter, house: House) -> None:
    drills = Drills(house.settings.audit_url)
    house.closing.push_async_callback(drills.close)

    @router.get("/log/drill")
    async def told() -> dict[str, Any]:
        return drills.told()

    @router.post("/log/drill")
    async def start(drill: Drill) -> dict[str, Any]:
        return drills.start(drill.older, drill.flips, drill.seed)

    @router.post("/log/drill/cancel")
    async def cancel() -> dict[str, Any]:
        return await drills.cancel()


async def _runs(house: House, run: str) -> list[str]:
    """The runs to choose from, the newest first, the chosen one among them."""
    try:
        opened = await newest_events(house.redis, "run.opened.v1", MOST_RUNS)
    except InteropError:
        return [run] if run else []
    return runs_of([*opened, *([{"runid": run}] if run else [])])


async def _report(house: House, run: str, protect: str) -> tuple[dict[str, Any] | None, str | None]:
    """The report laid out, or why there is none."""
    try:
        told = await house.get("audit", "/report", params=_asked(run, protect))
    except InteropError as error:
        return None, error.sentence
    shares = [share for together in layout.shares_together(told) for share in together]
    return {
        "told": told,
        "period": layout.period(told),
        "tables": tables_of(told),
        "shares": [(share, layout.share_in_words(share)) for share in shares],
        "checkpoint": layout.checkpoint_in_words(told),
        "reconciliation": layout.reconciliation_in_words(told),
        "command": command_of(told),
    }, None


def _asked(run: str, protect: str) -> dict[str, str]:
    return {"protect": protect, **({"run": run} if run else {})}


async def _key_of(house: House, url: str) -> dict[str, str | None]:
    """What a witness says that its key is. Whoever keeps this console could say something else in its place."""
    try:
        answer = await house.client.get(f"{url}/key", timeout=WITNESS_SECONDS)
    except httpx.HTTPError as error:
        return {"url": url, "key": None, "problem": f"does not answer ({type(error).__name__})"}
    key = answer.text.strip()
    if not answer.is_success or len(key) > NOTE_LIMIT:
        return {"url": url, "key": None, "problem": f"answered {answer.status_code}"}
    return {"url": url, "key": key, "problem": None}
