"""The wiring of booking: which handler reads which stream, and the HTTP interface. Rules are in domain.py."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_settings import SettingsConfigDict

from services.booking import handlers
from services.booking.clock import Clock
from services.booking.domain import BookingCase, Place
from services.booking.events import (
    BookingRecorded,
    BookingRequest,
    CooperationDecided,
    CustodyChanged,
    CustodyClaimed,
    DayClosed,
    DayEnded,
    DayEndedSeen,
    DetainerDecided,
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationStatusReturned,
    OutcomeRecorded,
    RunOpened,
    RunSettings,
)
from services.booking.house import READERS
from services.booking.intake import LINE_LIMIT, Intake, Line
from services.booking.run import place_of
from services.booking.views import BookingView, booking_view
from services.chassis.delivery import keys
from services.chassis.delivery.stage import Group
from services.chassis.effects import NotYetError
from services.chassis.errors import InteropError
from services.chassis.http import TwoWayStream
from services.chassis.service import Service, ensure_group
from services.chassis.settings import ServiceSettings

PUBLISHES = (BookingRecorded, FingerprintsSubmitted, CustodyChanged, RunOpened, DayEnded, DayClosed)
LIVE = "live"

log = logging.getLogger(__name__)


class BookingSettings(ServiceSettings):
    """The settings of booking."""

    model_config = SettingsConfigDict(env_prefix="INTEROP_", frozen=True)

    live_run: Path | None = Field(
        default=None, description="Booking only: a JSON file with the settings of the run 'live', opened at the start."
    )
    live_day_seconds: float = Field(
        default=10.0, gt=0, description="Booking only: how many seconds a day of the run 'live' lasts."
    )


class OpenRun(BaseModel):
    """The body of `POST /runs`."""

    runid: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,79}$", examples=["boston-2008-2010-7"])
    settings: RunSettings


def build(settings: BookingSettings | None = None) -> Service:
    """The booking service, ready to be served."""
    settings = settings or BookingSettings()
    summary = "The local agency: intake, submissions, custody, and the clock"
    service = Service("booking", summary, settings, PUBLISHES)
    wiring = service.group("booking", party="LEA", prepare=place_of)
    wiring.each("identification.returned.v1", IdentificationReturned, handlers.on_identification, BookingCase)
    wiring.each("immigration.status.returned.v1", ImmigrationStatusReturned, handlers.on_second_response, BookingCase)
    wiring.each("detainer.decided.v1", DetainerDecided, handlers.on_detainer, BookingCase)
    wiring.each("cooperation.decided.v1", CooperationDecided, handlers.on_cooperation, BookingCase)
    wiring.each("custody.claimed.v1", CustodyClaimed, handlers.on_claim, BookingCase)
    wiring.each("outcome.recorded.v1", OutcomeRecorded, handlers.on_outcome, BookingCase)
    wiring.due(
        "day.ended.v1",
        DayEndedSeen,
        handlers.on_day_ended,
        before=lambda event: event.data.ends_at,
        case=BookingCase,
    )
    keeper = Keeper(service, wiring.group, settings)
    service.beforehand(keeper.prepare_house)
    service.background(keeper.run_days)
    service.api.include_router(routes(keeper))
    return service


class Keeper:
    """What the routes and the background task of booking share: the clock, the intake, and the tasks that end runs."""

    def __init__(self, service: Service, group: Group[Place], settings: BookingSettings) -> None:
        self.service = service
        self.group = group
        self.settings = settings
        self.clock = Clock(service.redis)
        self.intake = Intake(service.redis, self.clock)

    async def prepare_house(self) -> None:
        """All groups of the house exist before the first event does, whoever starts first."""
        for event_type, groups in READERS.items():
            for group in groups:
                await ensure_group(self.service.redis, keys.stream(event_type), group)

    async def place(self, runid: str) -> Place:
        """The place of a run that is open.

        Raises:
            InteropError: `unknown-run`.
        """
        try:
            return await self.group.run(runid)
        except NotYetError as error:
            raise InteropError("unknown-run", str(error), status=404) from error

    async def run_days(self) -> None:
        """Winds up the runs whose input has ended, and lets the days of the run 'live' pass."""
        if self.settings.live_run is not None:
            await self._open_live(self.settings.live_run)
        live_day = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            passed = asyncio.get_running_loop().time() - live_day
            live_is_due = self.settings.live_run is not None and passed >= self.settings.live_day_seconds
            if live_is_due:
                live_day += passed
            try:
                await self._look_after_runs(live_is_due=live_is_due)
            except InteropError as error:
                # Redis is away, or another process keeps a clock: both pass, and the next look takes it up again.
                log.warning("the clock waits: %s", error)

    async def _look_after_runs(self, *, live_is_due: bool) -> None:
        for runid in await self.clock.runs():
            if (await self.clock.read(runid)).status != "open":
                while await self.clock.wind_up(runid):
                    pass
        if live_is_due:
            async with self.clock.held(LIVE):
                await self.clock.tick(LIVE)

    async def _open_live(self, path: Path) -> None:
        text = await asyncio.to_thread(path.read_text)
        try:
            await self.clock.open_run(LIVE, RunSettings.model_validate_json(text))
        except InteropError as error:
            log.warning("the run 'live' goes on as it was opened: %s", error)


LOOK_EVERY_SECONDS = 0.1


def routes(keeper: Keeper) -> APIRouter:
    """The HTTP interface of booking."""
    router = APIRouter()

    @router.post("/runs", status_code=201, tags=["runs"], summary="Open a run")
    async def open_run(body: OpenRun, response: Response) -> dict[str, Any]:
        opened = await keeper.clock.open_run(body.runid, body.settings)
        if not opened:
            response.status_code = 200
        return {"runid": body.runid, "opened": opened}

    @router.get("/runs/{runid}", tags=["runs"], summary="What the clock of a run shows")
    async def show_run(runid: str) -> dict[str, Any]:
        reading = await keeper.clock.read(runid)
        return {"runid": runid, "status": reading.status, "open_day": reading.open_day}

    @router.post("/runs/{runid}/end", status_code=202, tags=["runs"], summary="No more bookings come; let it end")
    async def end_run(runid: str) -> dict[str, Any]:
        await keeper.clock.end_input(runid)
        return {"runid": runid, "status": (await keeper.clock.read(runid)).status}

    @router.post("/bookings", status_code=201, tags=["bookings"], summary="Book one person")
    async def book(
        body: BookingRequest,
        response: Response,
        run: Annotated[str, Query(description="the run; `live` for bookings by hand")] = LIVE,
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> dict[str, Any]:
        place = await keeper.place(run)
        admission, tcn = await keeper.intake.book(run, place, body, idempotency_key)
        if admission == "duplicate":
            response.status_code = 200
        return {"tcn": tcn, "status": "accepted" if admission == "admitted" else "duplicate"}

    @router.post("/bookings:batch", tags=["bookings"], summary="Book many: NDJSON in, one status per line out")
    async def book_batch(request: Request, run: Annotated[str, Query()] = LIVE) -> Response:
        place = await keeper.place(run)
        await keeper.intake.pressure.relieved()
        batches = keeper.intake.book_batch(run, place, lines_of(request.stream()))
        return TwoWayStream(_ndjson(batches), "application/x-ndjson")

    @router.get("/bookings/{tcn}", tags=["bookings"], summary="What the agency knows, and what it is not told")
    async def show_booking(tcn: str, run: Annotated[str, Query()] = LIVE) -> BookingView:
        (stored,) = await keeper.group.store.load([keys.case("booking", run, tcn)])
        if stored.body is None:
            raise InteropError(
                "unknown-booking", f"no booking '{tcn}' in run '{run}'; name its run with ?run=", status=404
            )
        reading = await keeper.clock.read(run)
        return booking_view(run, tcn, BookingCase.model_validate_json(stored.body), reading)

    return router


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a streamed body. Of a line that is too long only so much is kept that it is seen to be."""
    line = b""
    async for chunk in chunks:
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            yield line + part[: LINE_LIMIT + 1]
            line = b""
        line = (line + rest)[: LINE_LIMIT + 1]
    if line:
        yield line


async def _ndjson(batches: AsyncIterator[list[Line]]) -> AsyncIterator[bytes]:
    async for batch in batches:
        for line in batch:
            told = {key: value for key, value in asdict(line).items() if value is not None}
            yield json.dumps(told).encode() + b"\n"
