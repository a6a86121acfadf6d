"""The addresses of the page. A token comes as a header, goes on to audit as one, and is neither kept nor logged."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse
from redis import Redis
from redis.exceptions import RedisError

from console.house import House
from console.ledger.people import commands_for, people_of
from console.pages import LEDGER, show
from console.recent import newest_events
from sandbox.audit.standing import still_standing
from services.audit.disclosure import EXEMPT
from services.chassis.errors import InteropError

MOST_BOOKINGS = 200
MOST_PEOPLE = 12
REDIS_SECONDS = 5

Subject = Annotated[str, Query(max_length=200, description="the booking's reference, ORI/OCA")]
Token = Annotated[str | None, Header(max_length=8_000)]


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()

    @router.get(LEDGER.path)
    async def page(request: Request, subject: Subject = "") -> HTMLResponse:
        subject = subject.strip()
        people, trouble = await _people(house)
        context = {
            "subject": subject,
            "chosen": next((each for each in people if each.subject == subject), None),
            "commands": commands_for(subject) if subject else (),
            "people": people[:MOST_PEOPLE],
            "trouble": trouble,
            "exempt": EXEMPT,
            "witnesses": house.settings.witnesses,
        }
        return show(request, LEDGER, "ledger.html.j2", context)

    @router.get("/ledger/disclosures")
    async def disclosures(subject: Subject, authorization: Token = None) -> Any:
        return await house.get("audit", "/disclosures", params={"subject": subject}, headers=_passed(authorization))

    @router.post("/ledger/expunge")
    async def expunge(subject: Subject, authorization: Token = None) -> dict[str, Any]:
        headers = _passed(authorization)
        done = await house.post("audit", "/expunge", params={"subject": subject}, headers=headers)
        standing, unknown = await asyncio.to_thread(_standing, house.settings.redis_address(), done)
        return {**done, "still_standing": standing, "not_looked_at": unknown}

    return router


async def _people(house: House) -> tuple[list[Any], str | None]:
    """The people who were booked lately, and why they are not known, if they are not."""
    try:
        return list(people_of(await newest_events(house.redis, "booking.recorded.v1", MOST_BOOKINGS))), None
    except InteropError as error:
        return [], error.sentence


def _standing(redis_url: str, done: dict[str, Any]) -> tuple[list[dict[str, str]], str | None]:
    """Where somebody still stands after an expunction, and why that is not known, if it is not."""
    try:
        with Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=REDIS_SECONDS) as redis:
            return still_standing(redis, done), None
    except RedisError as error:
        return [], f"the console may not look there, or Redis does not answer ({type(error).__name__})"


def _passed(authorization: str | None) -> dict[str, str]:
    return {} if authorization is None else {"Authorization": authorization}
