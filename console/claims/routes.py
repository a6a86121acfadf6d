"""The addresses of the page."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from console.claims import picture as pictures
from console.claims.numbers import first_numbers, number
from console.claims.order import (
    BOOKINGS,
    EXPLANATION,
    MOST_BOOKINGS,
    MOST_SEED,
    SCENARIO,
    SEED,
    Order,
    checked,
    choices,
    explanations,
)
from console.claims.runs import Run, Runs
from console.claims.table import address_of, table
from console.claims.unknowns import UNKNOWNS
from console.house import House
from console.pages import CLAIMS, FRAGMENT, show
from console.sources import published, simulated
from services.chassis.errors import InteropError

Word = Annotated[str, Query(max_length=80)]

_GONE = Run(error=InteropError("not-counted", "the count was cancelled; load the page again to begin anew"))


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()
    runs = Runs()
    house.closing.push_async_callback(runs.close)

    async def ordered(
        scenario: str = SCENARIO, explanation: str = EXPLANATION, bookings: int = BOOKINGS, seed: int = SEED
    ) -> Order:
        return await asyncio.to_thread(checked, Order(scenario, explanation, bookings, seed))

    @router.get(CLAIMS.path)
    async def page(
        request: Request,
        scenario: Word = SCENARIO,
        explanation: Word = EXPLANATION,
        bookings: int = BOOKINGS,
        seed: int = SEED,
        ruler: Word = "",
        base: Word = "",
        sentence: Word = "",
        topic: Word = "",
        words: Word = "",
        readings: Word = "",
    ) -> HTMLResponse:
        order = await ordered(scenario, explanation, bookings, seed)
        known = await asyncio.to_thread(table)
        # Only a page that is loaded begins a run: one that draws a part of itself anew shows what has become of it.
        run = runs.run_of(order) if FRAGMENT not in request.headers else runs.known(order) or _GONE
        if sentence:
            ruler, _, base = sentence.partition("-")
        told = await asyncio.to_thread(_told, order, run)
        context = {
            "order": order,
            "scenario_options": [(each.scenario, each.title) for each in choices()],
            "explanation_options": [(each.id, each.title) for each in explanations()],
            "explanations": explanations(),
            "published": published,
            "most_bookings": MOST_BOOKINGS,
            "most_seed": MOST_SEED,
            "run": run,
            "rulers": pictures.RULERS,
            "bases": pictures.BASES,
            "sentences": pictures.SENTENCES,
            "ruler": pictures.ruler_named(ruler),
            "base": pictures.base_named(base),
            "table": known,
            "topic": topic if topic in known.topics else "",
            "words": words,
            "readings": readings == "both",
            "address_of": address_of,
            "first_numbers": first_numbers,
            "unknowns": UNKNOWNS,
            **told,
        }
        return await asyncio.to_thread(show, request, CLAIMS, "claims.html.j2", context)

    @router.get(f"{CLAIMS.path}/run")
    async def how_far(
        scenario: Word = SCENARIO, explanation: Word = EXPLANATION, bookings: int = BOOKINGS, seed: int = SEED
    ) -> dict[str, Any]:
        order = await ordered(scenario, explanation, bookings, seed)
        run = runs.known(order)
        return _GONE.as_record() | {"state": "cancelled"} if run is None else run.as_record()

    @router.post(f"{CLAIMS.path}/cancel")
    async def cancel(
        scenario: Word = SCENARIO, explanation: Word = EXPLANATION, bookings: int = BOOKINGS, seed: int = SEED
    ) -> dict[str, str]:
        runs.cancel(await ordered(scenario, explanation, bookings, seed))
        return {"state": "cancelled"}

    return router


def _told(order: Order, run: Run) -> dict[str, Any]:
    """What the page tells of a run, as far as it is counted."""
    sources = {
        "picture": simulated("Removals and returns of one run; the table by level is in its report.", order.command),
        "number": simulated("Counted in the same run, by the process behind this page.", order.counting_command),
    }
    if run.counted is None:
        return {"counted": None, "pictures": [], "dots": [], "data": {}, "numbers": {}, "sources": sources}
    dots = run.counted["dots"]
    people = [pictures.person(dot) for dot in dots]
    kinds = list(dict.fromkeys(people))
    return {
        "counted": run.counted,
        "pictures": pictures.pictures(dots, run.counted["matches"]),
        "dots": dots,
        "data": pictures.as_data(dots) | {"kinds": kinds, "kind": [kinds.index(each) for each in people]},
        "numbers": {name: [number(row) for row in rows] for name, rows in run.counted["numbers"].items()},
        "sources": sources,
    }
