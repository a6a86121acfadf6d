"""Switches that break a service on purpose, to see that nothing is lost. They exist where SANDBOX_FAULTS=1 says so.

A service breaks itself and nobody else: it halts, slows down or ends its own process, and adds only to the streams that
it publishes to anyway. What is broken mends itself: by the switch back, or by whoever starts again what has ended; a
process that is started again goes at full speed.
"""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, cast
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from starlette.background import BackgroundTask

from services.chassis.delivery import keys
from services.chassis.delivery.keys import RUN_OPENED
from services.chassis.delivery.pace import Pace
from services.chassis.delivery.stage import Stage
from services.chassis.delivery.store import patiently
from services.chassis.envelope import Consumed, Event, Produced
from services.chassis.errors import InteropError

LONGEST_WAIT_MS = 5_000
MOST_ENTRIES = 500
EXIT_CODE = 1
JSON = "application/json"

REMEMBERED_SECONDS = 3_600
"""How much longer a run's events must be remembered at least, so that a duplicate of one is surely dropped."""

_EVENT: TypeAdapter[Event[Consumed]] = TypeAdapter(Event[Consumed])

log = logging.getLogger(__name__)

Kind = Literal["garbage", "broken"]


class Slowness(BaseModel):
    """The body of `POST /faults/slow`."""

    model_config = ConfigDict(extra="forbid")

    milliseconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_WAIT_MS)]


class Twice(BaseModel):
    """The body of `POST /faults/twice`."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[int, Field(strict=True, ge=1, le=MOST_ENTRIES)]


class Poison(BaseModel):
    """The body of `POST /faults/poison`."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind


class Faults:
    """What can be broken in one service."""

    def __init__(
        self,
        service: str,
        client: Redis,
        pace: Pace,
        stages: Sequence[Stage[Any]],
        publishes: Sequence[type[Produced]],
    ) -> None:
        self.service = service
        self.client = client
        self.pace = pace
        self.stages = stages
        self.publishes = [model.event_type for model in publishes]

    def told(self) -> dict[str, Any]:
        """How the switches stand, and which streams they have to do with."""
        reads = list(dict.fromkeys(stage.event_type for stage in self.stages))
        return {"service": self.service, **self.pace_told(), "publishes": self.publishes, "reads": reads}

    def pace_told(self) -> dict[str, Any]:
        """How fast the service goes, as `/readyz` tells it too: it explains a backlog without progress."""
        return {"paused": self.pace.paused, "slow_ms": self.pace.slow_ms}

    async def twice(self, entries: int) -> dict[str, int]:
        """Adds the newest events of each stream that this service publishes, and a group reads, as new entries.

        A group drops them by their ids, which it remembers while a run is open and for a day after. Only events of runs
        that are remembered for an hour yet are sent again, so `live` always is, and a run of last week is not. That the
        service's own groups remember a run says that the others do: all forget it together. A group that has buried
        an event tries it anew, as after `interop dlq redrive`.

        Args:
            entries: how many of each stream are looked at, from the newest on.

        Returns:
            How many events were sent again, by event type.

        Raises:
            InteropError: `nobody-reads`, when no group reads what this service publishes.
            InfrastructureError: Redis does not answer.
        """
        sent: dict[str, int] = {}
        for event_type in await self._read_by_somebody():
            bodies = await self._newest(event_type, entries)
            await self._add(event_type, bodies)
            sent[event_type] = len(bodies)
        return sent

    async def poison(self, kind: Kind) -> dict[str, Any]:
        """Adds an entry that nobody can process to the stream, of those that this service publishes, that most read.

        It holds nothing about anybody, so that there is nothing to expunge.

        Args:
            kind: `garbage` breaks off in the middle of its JSON; `broken` is an event in good form that says of no run.

        Returns:
            The event type of the stream, the entry's id, and the groups that must bury it.

        Raises:
            InteropError: `nobody-reads`, when no group reads what this service publishes.
            InfrastructureError: Redis does not answer.
        """
        read = await self._read_by_somebody()
        # Everybody reads the stream that opens runs, so it would always be the one.
        event_type = max(read, key=lambda each: (each != RUN_OPENED, len(read[each])))
        (entry,) = await self._add(event_type, [_POISONS[kind](event_type)])
        return {"kind": kind, "stream": event_type, "entry": entry.decode(), "groups": read[event_type]}

    async def _read_by_somebody(self) -> dict[str, list[str]]:
        """The event types that this service publishes and somebody reads, with the groups that do."""
        groups = {event_type: await self._groups(event_type) for event_type in self.publishes}
        read = {event_type: names for event_type, names in groups.items() if names}
        if not read:
            raise InteropError(
                "nobody-reads", f"no service reads what {self.service} publishes; try this with another", status=409
            )
        return read

    async def _groups(self, event_type: str) -> list[str]:
        async def ask() -> list[str]:
            try:
                rows = await self.client.xinfo_groups(keys.stream(event_type))
            except ResponseError:  # nothing was ever published there
                return []
            return [row["name"].decode() for row in rows]

        return await patiently(ask)

    async def _newest(self, event_type: str, entries: int) -> list[bytes]:
        """The newest events of a stream whose duplicates will be dropped, each once, the oldest first."""
        rows = await patiently(lambda: cast(Any, self.client.xrevrange(keys.stream(event_type), count=entries)))
        found: dict[str, tuple[str, bytes]] = {}
        for _, fields in reversed(rows):
            body = fields.get(b"event", b"")
            try:
                event = _EVENT.validate_json(body)
            except ValidationError:
                continue
            found[event.id] = (event.runid, body)
        remembered = await self._remembered({runid for runid, _ in found.values()})
        return [body for runid, body in found.values() if runid in remembered]

    async def _remembered(self, runids: Iterable[str]) -> set[str]:
        """Of these runs, those whose events the service's own groups still remember, and will for a while."""
        groups = {stage.group.name for stage in self.stages if stage.group.party is not None}
        remembered: set[str] = set()
        for runid in runids:
            memories = [keys.seen(group, runid) for group in groups]
            if all([await self._lasts(memory) for memory in memories]):
                remembered.add(runid)
        return remembered

    async def _lasts(self, key: str) -> bool:
        seconds = await patiently(lambda: self.client.ttl(key))
        return seconds == _FOR_EVER or seconds > REMEMBERED_SECONDS

    async def _add(self, event_type: str, bodies: Sequence[bytes]) -> list[bytes]:
        # Repeated after a lost reply, it adds more of the same: that is what it is for.
        async def send() -> list[bytes]:
            pipeline = self.client.pipeline(transaction=False)
            for body in bodies:
                pipeline.xadd(keys.stream(event_type), {"event": body})
            return await pipeline.execute()

        return await patiently(send)


_FOR_EVER = -1
"""What Redis calls the time that is left of a key that does not expire."""


def _garbage(event_type: str) -> bytes:
    return _broken(event_type)[:-9]


def _broken(event_type: str) -> bytes:
    """An event without the `runid` that every consumer asks for. Whoever reads streams by hand passes over it, too."""
    return to_json(
        {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "faults",
            "type": event_type,
            "subject": "nobody",
            "time": datetime.now(UTC),
            "datacontenttype": "application/json",
            "data": {"disclosures": []},
        }
    )


_POISONS: dict[Kind, Callable[[str], bytes]] = {"garbage": _garbage, "broken": _broken}


def routes(faults: Faults, end: Callable[[int], None] = os._exit) -> APIRouter:
    """The switches over HTTP.

    Args:
        faults: what they break.
        end: ends the process with an exit code, without further ado.
    """
    router = APIRouter(prefix="/faults", tags=["faults"])
    switches = APIRouter(dependencies=[Depends(_refuse_pages)])

    def turned(what: str) -> dict[str, Any]:
        log.warning("fault: %s %s", faults.service, what)
        return faults.told()

    @router.get("", summary="How the switches stand")
    async def show() -> dict[str, Any]:
        return faults.told()

    @switches.post("/pause", summary="Handle nothing until `resume`; leases are kept, and nothing is counted")
    async def pause() -> dict[str, Any]:
        faults.pace.pause()
        return turned("is paused")

    @switches.post("/resume", summary="Go on where it was")
    async def resume() -> dict[str, Any]:
        faults.pace.resume()
        return turned("goes on")

    @switches.post("/slow", summary="Every stage takes entries one by one, each after so many milliseconds; 0 ends it")
    async def slow(body: Slowness) -> dict[str, Any]:
        faults.pace.slow_down(body.milliseconds)
        return turned(f"waits {body.milliseconds} ms before each entry")

    @switches.post("/exit", summary="End at once, in the middle of everything, as a crash would")
    async def leave() -> JSONResponse:
        async def crash() -> None:
            end(EXIT_CODE)

        log.warning("fault: %s ends in the middle of everything", faults.service)
        return JSONResponse({"service": faults.service, "exit_code": EXIT_CODE}, background=BackgroundTask(crash))

    @switches.post("/twice", summary="Send the newest events of each stream again, which their readers must drop")
    async def send_twice(body: Twice) -> dict[str, Any]:
        sent = await faults.twice(body.entries)
        log.warning("fault: %s has sent events again: %s", faults.service, sent)
        return {"service": faults.service, "sent": sent}

    @switches.post("/poison", summary="Publish an entry that nobody can process, which its readers must bury")
    async def poison(body: Poison) -> dict[str, Any]:
        added = await faults.poison(body.kind)
        log.warning("fault: %s has published poison: %s", faults.service, added)
        return {"service": faults.service, **added}

    router.include_router(switches)
    return router


async def _refuse_pages(request: Request) -> None:
    """Lets programs through, and no page of any site: services have no pages, so whatever a browser sends is another's.

    Browsers name the page's origin with every POST, and ask first before they send JSON for another site. A switch that
    needs no body may come without one.
    """
    headers = request.headers
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        raise InteropError(
            "other-site", "a web page sent this; use the switches of the console", status=HTTPStatus.FORBIDDEN
        )
    if headers.get("content-type", JSON).partition(";")[0].strip().lower() != JSON:
        raise InteropError("not-json", f"send the body as {JSON}", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
