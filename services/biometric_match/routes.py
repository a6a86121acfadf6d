"""The HTTP interface of the matcher: its script, for operators who are named for the bookings that it is about."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from services.biometric_match.expectations import Expectation, check_rows
from services.biometric_match.operators import Bearer, Guard, allowed
from services.biometric_match.run import Searches
from services.biometric_match.script import Script
from services.chassis.effects import NotYetError
from services.chassis.errors import InteropError

LIVE = "live"

Ori = Annotated[str, Path(pattern=r"^ZZ[0-9A-Z]{7}$", description="the agency", examples=["ZZ0130100"])]
Oca = Annotated[str, Path(pattern=r"^[A-Z0-9-]{1,20}$", description="its booking number", examples=["B-41"])]
Run = Annotated[str, Query(description="the run; `live` for bookings by hand")]


def routes(script: Script, guard: Guard, run_of: Callable[[str], Awaitable[Searches]]) -> APIRouter:
    """The script over HTTP.

    Args:
        script: where expectations are kept.
        guard: tells operators from others.
        run_of: what is at hand in a run.
    """
    router = APIRouter(prefix="/expectations", tags=["script"])

    async def bearer(authorization: Annotated[str | None, Header()] = None) -> Bearer:
        return await guard.operator(authorization)

    who = Annotated[Bearer, Depends(bearer)]

    async def at_hand(runid: str) -> Searches:
        try:
            return await run_of(runid)
        except NotYetError as error:
            raise InteropError("unknown-run", str(error), status=HTTPStatus.NOT_FOUND) from error

    async def standing(runid: str, subject: str) -> dict[str, Any]:
        for each in await script.standing(runid):
            if each.subject == subject:
                return each.told()
        raise InteropError(
            "no-expectation",
            f"nothing is expected of the matcher about '{subject}' in run '{runid}'; GET /expectations lists what is",
            status=HTTPStatus.NOT_FOUND,
        )

    @router.get("", summary="What the matcher is to answer in a run, and how many submissions it has answered so")
    async def show(operator: who, run: Run = LIVE) -> dict[str, Any]:
        await at_hand(run)
        told = [each.told() for each in await script.standing(run) if operator.may_script(each.subject)]
        return {"run": run, "expectations": told, "answered": await script.answered(run)}

    @router.put("/{ori}/{oca}", status_code=201, summary="Say what the matcher answers about one booking from now on")
    async def put(
        ori: Ori, oca: Oca, body: Expectation, operator: who, response: Response, run: Run = LIVE
    ) -> dict[str, Any]:
        subject = f"{ori}/{oca}"
        allowed(operator, subject)
        check_rows(body, (await at_hand(run)).run.galleries)
        if not await script.put(run, subject, body, operator.name):
            response.status_code = HTTPStatus.OK
        return await standing(run, subject)

    @router.delete("/{ori}/{oca}", summary="Leave a booking to the search again; tells what was expected")
    async def take_back(ori: Ori, oca: Oca, operator: who, run: Run = LIVE) -> dict[str, Any]:
        subject = f"{ori}/{oca}"
        allowed(operator, subject)
        await at_hand(run)
        expected = await standing(run, subject)
        await script.take_back(run, subject)
        return expected

    return router
