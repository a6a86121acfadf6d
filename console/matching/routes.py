"""The addresses of the page, and of its measurement."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from console.house import House
from console.matching.choices import Choices, Matching
from console.matching.measurements import Counted, Measurements
from console.pages import MATCHING, show

MEASUREMENT = f"{MATCHING.path}/measurement"


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()
    measurements = Measurements()
    house.closing.push_async_callback(measurements.close)

    @router.get(MATCHING.path)
    async def page(request: Request, choices: Annotated[Choices, Query()]) -> HTMLResponse:
        counted = measurements.of(choices.matching)
        context = await asyncio.to_thread(_context, choices, counted)
        return await asyncio.to_thread(show, request, MATCHING, "matching.html.j2", context)

    @router.get(MEASUREMENT)
    async def state(matching: Annotated[Matching, Query()]) -> dict[str, Any]:
        return measurements.state(matching)

    @router.post(MEASUREMENT)
    async def start(matching: Matching) -> dict[str, Any]:
        return measurements.start(matching)

    @router.delete(MEASUREMENT)
    async def cancel(matching: Annotated[Matching, Query()]) -> dict[str, Any]:
        return await measurements.cancel(matching)

    return router


def _context(choices: Choices, counted: Counted | None) -> dict[str, Any]:
    # Not before somebody opens this page: it brings numpy into the process.
    from console.matching.view import context  # noqa: PLC0415  see above

    return context(choices, counted)
