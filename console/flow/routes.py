"""The addresses of the page."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.responses import Response

from console.flow import breaking, proof
from console.flow.booking import LIVE, Desk
from console.flow.choices import choices
from console.flow.diagram import DRAWING
from console.flow.following import Follower
from console.flow.journey import journey_of, waiting_for
from console.flow.kinds import KINDS, LIVE_POLICY
from console.flow.pulse import Pulse
from console.flow.scenario import FEWEST, LARGEST_SEED, MOST_BOOKINGS, ORDERS, USUAL_BOOKINGS, USUAL_SEED, Stage, Wish
from console.flow.words import PARTIES, PARTY_NAMES
from console.house import House
from console.pages import FLOW, show
from console.sources import published, simulated
from services.chassis.errors import InteropError

LONGEST_FORM = 4_096
SOURCES = {
    "streams": simulated(
        "What the streams of this house hold, read from Redis once a second.",
        "redis-cli XINFO GROUPS '{0}:fingerprints.submitted.v1'",
    ),
    "hold": published(
        "8 CFR 287.7(d): a hold at ICE's request lasts at most 48 hours, Saturdays, Sundays and holidays left out.",
        "[C:8CFR287.7]",
    ),
}
_TCN = re.compile(r"ZZ[0-9A-F]{18}")
_RUN = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()
    stage, desk, follower = Stage(), Desk(house), Follower(house.redis)
    pulse = Pulse(house, lambda: {"scenario": stage.told()})
    house.closing.push_async_callback(stage.close)
    house.closing.push_async_callback(desk.close)

    @router.get(FLOW.path)
    async def page(request: Request) -> Response:
        desk.prepare()
        followed = await _journey(house, desk, follower, request.query_params)
        context = {
            "choices": choices(),
            "kinds": KINDS,
            "live_policy": LIVE_POLICY,
            "day_seconds": house.settings.live_day_seconds,
            "drawing": DRAWING,
            "switches": breaking.SWITCHES,
            "ways_back": {switch.key: switch for switch in breaking.WAYS_BACK},
            "stage": stage.told(),
            "limits": {
                "bookings": (FEWEST, MOST_BOOKINGS, USUAL_BOOKINGS),
                "seed": (0, LARGEST_SEED, USUAL_SEED),
            },
            "parties": PARTIES,
            "party_names": PARTY_NAMES,
            "journey": followed,
            "sources": SOURCES,
        }
        return show(request, FLOW, "flow.html.j2", context)

    @router.get("/flow/live")
    async def live() -> StreamingResponse:
        return StreamingResponse(pulse.watch(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @router.get("/flow/journey/{tcn}")
    async def journey(tcn: str) -> dict[str, Any]:
        found = journey_of(await follower.events(_checked(tcn, _TCN, "tcn")))
        return {"hops": len(found.hops), "ended": found.ended}

    @router.post("/flow/book")
    async def book(request: Request) -> Response:
        form = await _form(request)
        law = _chosen(form, "law", {"": "", **dict(choices().laws)})
        booked = await desk.book(form.get("kind", ""), law, at_once=form.get("pace") == "at-once")
        where = f"{FLOW.path}?{urlencode({'tcn': booked.tcn, 'run': booked.run})}#journey"
        return _done(request, where, {"tcn": booked.tcn, "run": booked.run, "address": where})

    @router.post("/flow/scenario")
    async def start(request: Request) -> Response:
        stage.start(_wish(await _form(request)))
        return _done(request, f"{FLOW.path}#run-scenario", stage.told())

    @router.post("/flow/scenario/{order}")
    async def order(request: Request, order: str) -> Response:
        for known in ORDERS:
            if order == known:
                stage.order(known)
                return _done(request, f"{FLOW.path}#run-scenario", stage.told())
        raise InteropError("unknown-order", f"a run can be told to {', '.join(ORDERS)}; not '{order}'", status=404)

    @router.post("/flow/break/{switch}")
    async def break_it(request: Request, switch: str) -> Response:
        return _done(request, f"{FLOW.path}#break", await breaking.turn(house, switch))

    @router.get("/flow/proof")
    async def prove() -> dict[str, Any]:
        found = await proof.prove(house)
        points = [{"says": says, "holds": holds} for says, holds in found.points]
        return {"proven": found.proven, "sentence": found.sentence, "points": points}

    @router.get("/flow/dead-letters")
    async def dead_letters() -> dict[str, Any]:
        found = await proof.listed_letters(house)
        return {"letters": found[: proof.MOST_LETTERS], "count": len(found)}

    @router.post("/flow/dead-letters/redrive")
    async def redrive(request: Request) -> Response:
        await proof.redrive(house, (await _form(request)).get("number", ""))
        return _done(request, f"{FLOW.path}#break", {"redriven": True})

    return router


def _done(request: Request, where: str, told: Mapping[str, Any]) -> Response:
    """What was done, as JSON for the page's script; a page that has none is sent on to where one sees it."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(where, status_code=303)
    return JSONResponse(dict(told))


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send them.

    Raises:
        InteropError: `form-too-long`, `bad-form`.
    """
    body = await request.body()
    if len(body) > LONGEST_FORM:
        raise InteropError("form-too-long", f"a form has at most {LONGEST_FORM:,} bytes here", status=413)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError as error:
        raise InteropError("bad-form", "this is no form; send it as a page's form is sent") from error


def _wish(form: Mapping[str, str]) -> Wish:
    offered = choices()
    return Wish(
        scenario=_chosen(form, "scenario", dict(offered.scenarios)) or "",
        bookings=_number(form, "bookings", FEWEST, MOST_BOOKINGS, USUAL_BOOKINGS),
        seed=_number(form, "seed", 0, LARGEST_SEED, USUAL_SEED),
        policy=_chosen(form, "policy", {"": "", **dict(offered.laws)}),
        regime=_chosen(form, "regime", {"": "", "by-date": "", **dict(offered.regimes)}),
    )


def _chosen(form: Mapping[str, str], name: str, known: Mapping[str, str]) -> str | None:
    value = form.get(name, "")
    if value not in known:
        raise InteropError(f"unknown-{name}", f"there is no {name} '{value}'; choose one that the page offers")
    return value or None


def _number(form: Mapping[str, str], name: str, least: int, most: int, usual: int) -> int:
    text = form.get(name, "").strip() or str(usual)
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise InteropError(f"bad-{name}", f"{name} is a whole number from {least:,} to {most:,}; '{text}' is not")
    return int(text)


def _checked(value: str, pattern: re.Pattern[str], name: str) -> str:
    if not pattern.fullmatch(value):
        raise InteropError(
            f"bad-{name}", f"'{value[:40]}' is no {name}; book somebody, and follow the link", status=404
        )
    return value


async def _journey(house: House, desk: Desk, follower: Follower, query: Mapping[str, str]) -> dict[str, Any] | None:
    """What the page shows of the booking that its address names; None where it names none."""
    if "tcn" not in query:
        return None
    tcn, run = _checked(query["tcn"], _TCN, "tcn"), _checked(query.get("run", LIVE), _RUN, "run")
    events = await follower.events(tcn)
    found = journey_of(events)
    view = await _as_the_jail_sees_it(house, tcn, run)
    subject = events[0]["subject"] if events else None
    return {
        "tcn": tcn,
        "run": run,
        "subject": subject,
        "truth": await desk.truth(subject) if subject else None,
        "hops": found.hops,
        "ended": found.ended,
        "state": found.state,
        "waits": waiting_for(found, view.get("open_day"), house.settings.live_day_seconds if run == LIVE else None),
        "view": view,
    }


async def _as_the_jail_sees_it(house: House, tcn: str, run: str) -> dict[str, Any]:
    """What booking tells of the booking; where it cannot be asked, why (`problem`)."""
    try:
        told: dict[str, Any] = await house.get("booking", f"/bookings/{tcn}", params={"run": run})
    except InteropError as error:
        return {"problem": str(error)}
    return told
