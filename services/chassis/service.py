"""A service: its consumer groups on FastStream, its HTTP interface on FastAPI, one process, one event loop.

`app.py` of each service says what is subscribed to what; here is how it runs. FastStream reads the streams and
starts and stops the subscribers; parsing, state and commits are the chassis' own (`delivery/`), because what
FastStream does by itself on Redis neither redelivers nor isolates (docs/decisions/0002).
"""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from socket import socket
from typing import Any, Generic, cast

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import BatchStreamMessage, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases import stream_subscriber
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from services.chassis import faults, http
from services.chassis.delivery import keys
from services.chassis.delivery.keys import RUN_OPENED
from services.chassis.delivery.pace import Pace
from services.chassis.delivery.recovery import keep_leases, take_over
from services.chassis.delivery.stage import Entry, Group, Read, Run, Stage
from services.chassis.delivery.stages import (
    Arrival,
    BatchStage,
    CaseStage,
    DueStage,
    Effects,
    RunOpenedStage,
    SinkStage,
    Told,
    published,
)
from services.chassis.delivery.store import OUTAGES, Store
from services.chassis.delivery.whole import Memory, Whole
from services.chassis.effects import CaseT, DueCase, Outcome
from services.chassis.envelope import CaseId, Consumed, Event, Produced
from services.chassis.errors import InfrastructureError, InteropError
from services.chassis.health import Health
from services.chassis.scatter import Front, Keeper, Lease
from services.chassis.scatter.keeper import Answering
from services.chassis.settings import ServiceSettings

log = logging.getLogger(__name__)

REDIS_PATIENCE_SECONDS = 30.0
"""How long a starting service waits for Redis before it gives up and is restarted by whoever started it."""


class Wiring(Generic[Run]):
    """Subscribes the handlers of one consumer group."""

    def __init__(self, service: "Service", group: Group[Run]) -> None:
        self.service = service
        self.group = group
        self._effects = Effects(group.name, published(service.publishes))
        self._attempts = service.settings.attempts

    def each(
        self,
        event_type: str,
        model: type[Read],
        handler: Callable[[Event[Read], CaseT | None, Run], Outcome[CaseT]],
        case: type[CaseT] | None = None,
    ) -> None:
        """`handler(event, case, run)` for each event, with what the group remembers about its case."""
        self._add(CaseStage(self.group, model, event_type, handler, case, self._effects, attempts=self._attempts))

    def batch(
        self,
        event_type: str,
        model: type[Read],
        ask: Callable[[Sequence[Event[Read]], Run], Awaitable[Told]],
        decide: Callable[[Sequence[Event[Read]], Told, Run], Sequence[Outcome[Any]]],
        *,
        hold: Callable[[Sequence[Event[Read]], Run], Awaitable[Sequence[float]]] | None = None,
    ) -> None:
        """`decide(events, await ask(events, run), run)` for a whole batch, without a memory.

        `hold(events, run)` says for how many seconds each is to wait before that; without it none does.
        """
        effects, attempts = self._effects, self._attempts
        self._add(BatchStage(self.group, model, event_type, ask, decide, effects, attempts=attempts, hold=hold))

    def due(
        self,
        event_type: str,
        model: type[Read],
        handler: Callable[[Event[Read], Sequence[DueCase[CaseT]], Run], Iterable[tuple[CaseId, Outcome[CaseT]]]],
        *,
        before: Callable[[Event[Read]], datetime],
        case: type[CaseT],
    ) -> None:
        """`handler(event, due, run)` for a control event, with the cases that wanted to be woken before then."""
        effects, attempts = self._effects, self._attempts
        self._add(DueStage(self.group, model, event_type, handler, before, case, effects, attempts=attempts))

    def sink(self, event_type: str, model: type[Read], keep: Callable[[Sequence[Arrival[Read]]], None]) -> None:
        """`keep(arrivals)`, durable and repeatable by event id, before they are acknowledged."""
        self._add(SinkStage(self.group, model, event_type, keep, attempts=self._attempts))

    def _add(self, stage: Stage[Any]) -> None:
        self.service.subscribe(stage)


class Service:
    """One service process. Add groups and routes, then `serve` it."""

    def __init__(
        self, name: str, summary: str, settings: ServiceSettings, publishes: Sequence[type[Produced]] = ()
    ) -> None:
        url = settings.redis_address()
        self.name = name
        self.settings = settings
        self.publishes = publishes
        self.pace = Pace()
        self.redis: Redis = Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2, socket_timeout=10, health_check_interval=15
        )
        self.stages: list[Stage[Any]] = []
        self.wholes: list[Whole] = []
        self.tasks: list[Callable[[], Awaitable[None]]] = []
        self.preparations: list[Callable[[], Awaitable[None]]] = []
        self.leavings: list[Callable[[], None]] = []
        self.endings: list[Callable[[], None]] = []
        self.refusal: InteropError | None = None
        """Why the service would not start, or go on."""
        self.when_failed: Callable[[], None] = lambda: None
        self.failed = False
        self._health = Health(self.redis, self.stages, settings.stall_seconds)
        self._broker = RedisBroker(
            url,
            apply_types=False,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
            graceful_timeout=settings.graceful_seconds,
            socket_connect_timeout=2,
            socket_timeout=10,
            health_check_interval=15,
        )
        self.api = FastAPI(title=f"Interop Sandbox: {name}", summary=summary, version="1", lifespan=self._lifespan)
        http.install(self.api)
        if settings.faults:
            switches = faults.Faults(name, self.redis, self.pace, self.stages, publishes)
            self.tells("faults", switches.pace_told)
            self.api.include_router(faults.routes(switches))

    def group(self, name: str, *, party: str | None, prepare: Callable[[bytes], Run]) -> Wiring[Run]:
        """A consumer group that acts for `party`; it reads every `run.opened` by itself."""
        group = Group(name, party, Store(self.redis, name), prepare)
        self.subscribe(RunOpenedStage(group, Consumed, RUN_OPENED, attempts=self.settings.attempts))
        return Wiring(self, group)

    def onlooker(self, name: str) -> Wiring[None]:
        """A consumer group that acts for nobody and sees everything."""
        return Wiring(self, Group(name, None, Store(self.redis, name), lambda _: None))

    def whole(self, models: Mapping[str, type[Consumed]], memory: Memory) -> Whole:
        """Streams that every process of this service reads whole by itself: at rest now and then, else when it asks to.

        Args:
            models: how the events of each stream are read, by event type.
            memory: where they go.
        """
        reader = Whole(self.redis, models, memory)
        self.wholes.append(reader)
        self.background(reader.keep_up)
        return reader

    def subscribe(self, stage: Stage[Any]) -> None:
        """Reads a stage's stream from now on; called by the wiring."""
        stage.pace = self.pace
        self.stages.append(stage)
        stream = StreamSub(
            stage.stream,
            group=stage.group.name,
            consumer=self.settings.consumer,
            batch=True,
            max_records=self.settings.batch,
            polling_interval=self.settings.poll_ms,
        )
        subscriber = self._broker.subscriber(
            stream=stream, ack_policy=AckPolicy.MANUAL, parser=_raw_entries, decoder=_as_parsed, no_reply=True
        )
        subscriber(stage.handle)

    def beforehand(self, preparation: Callable[[], Awaitable[None]]) -> None:
        """Runs `preparation` once Redis answers and before anything is read."""
        self.preparations.append(preparation)

    def afterwards(self, ending: Callable[[], None]) -> None:
        """Calls `ending` when the service has stopped reading."""
        self.endings.append(ending)

    def background(self, task: Callable[[], Awaitable[None]]) -> None:
        """Runs `task` while the service is up; one that ends with an error takes the process down."""
        self.tasks.append(task)

    def tells(self, name: str, tell: Callable[[], dict[str, Any]]) -> None:
        """Adds what `tell` returns to `/readyz`, under `name`."""
        self._health.more[name] = tell

    def scatter(self, name: str, shards: int, patience_seconds: float, answer: Answering) -> Front:
        """Divides what `answer` looks into among `shards` processes, of which this is one; returns who asks them all.

        Args:
            name: what the shards are of, distinct from other scatters on this Redis.
            shards: how many there are.
            patience_seconds: how long a shard may owe an answer before this service says that it is not ready.
            answer: what a shard answers.
        """
        settings = self.settings
        lease = Lease(self.redis, name, shards, settings.consumer, settings.lease_ms)
        front = Front(self.redis, name, shards, patience_seconds=patience_seconds, poll_ms=settings.poll_ms)
        keeper = Keeper(self.redis, name, lease, answer, self.pace, settings.poll_ms)

        async def worries() -> list[str]:
            return [
                *front.overdue(),
                *(f"nobody keeps {shard}; start another process" for shard in await lease.unkept()),
            ]

        self.background(lease.keep)
        self.background(keeper.serve)
        self.leavings.append(front.leave)
        self.tells("shard", lambda: {"keeps": None if lease.shard is None else lease.shard.number, "of": shards})
        self._health.worries.append(worries)
        return front

    @asynccontextmanager
    async def _lifespan(self, api: FastAPI) -> AsyncIterator[None]:
        settings = self.settings
        self._health.running = self._subscribers_run
        _add_health_routes(api, self.name, self._health)
        await self._connect()
        for stage in self.stages:
            await ensure_group(self.redis, stage.stream, stage.group.name)
        try:
            for prepare in self.preparations:
                await prepare()
        except InteropError as refusal:
            self.refusal = refusal
            self._fail()
            yield
            await self._close()
            return
        await self._broker.start()
        keepers = [
            keep_leases(self.stages, settings.consumer, settings.lease_ms),
            take_over(self.stages, settings.consumer, settings.lease_ms),
            *(task() for task in self.tasks),
        ]
        running = [asyncio.ensure_future(self._guard(keeper)) for keeper in keepers]
        watching = asyncio.ensure_future(self._guard(self._watch_subscribers()))
        yield
        # From here on subscribers stop because they are told to.
        await _end([watching])
        self.pace.free()
        for leave in self.leavings:
            leave()
        await self._broker.stop()
        await asyncio.gather(*(stage.finish(settings.graceful_seconds) for stage in self.stages))
        await _end(running)
        await self._close()

    async def _close(self) -> None:
        for end in self.endings:
            end()
        await self.redis.aclose()

    def _fail(self) -> None:
        self.failed = True
        self.when_failed()

    async def _connect(self) -> None:
        for _ in range(int(REDIS_PATIENCE_SECONDS / 0.25)):
            try:
                await cast(Any, self.redis.ping())
            except OUTAGES:
                await asyncio.sleep(0.25)
            else:
                return
        raise InfrastructureError(f"Redis did not answer for {REDIS_PATIENCE_SECONDS:.0f} s; see INTEROP_REDIS_URL")

    async def _watch_subscribers(self) -> None:
        # A subscriber stops for good when its group vanishes (FLUSHALL, XGROUP DESTROY). Silent repair would hide
        # the incident: the process ends with an error, and whoever started it starts it again.
        while True:
            await asyncio.sleep(0.25)
            if not self._subscribers_run():
                raise RuntimeError("a subscriber has stopped")

    async def _guard(self, keeper: Awaitable[None]) -> None:
        try:
            await keeper
        except asyncio.CancelledError:
            raise
        except InteropError as error:
            self.refusal = error
            self._fail()
        except Exception:
            log.exception("%s cannot go on", self.name)
            self._fail()

    def _subscribers_run(self) -> bool:
        return all(subscriber.running for subscriber in self._broker.subscribers)


async def _end(tasks: Sequence[asyncio.Future[None]]) -> None:
    # Python 3.11's `wait_for`, below every Redis command, may swallow a cancellation, so once is not always enough.
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)


async def ensure_group(client: Redis, stream: str, group: str) -> None:
    """Creates a consumer group that reads from the beginning, unless it is there already."""
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


async def _raw_entries(message: BatchStreamMessage) -> RedisBatchStreamMessage:
    pairs = zip(message["message_ids"], cast(Any, message["data"]), strict=True)
    entries = [Entry(entry_id, fields) for entry_id, fields in pairs]
    return RedisBatchStreamMessage(
        raw_message=message, body=cast(Any, entries), correlation_id="", group=None, consumer=cast(Any, None)
    )


async def _as_parsed(message: RedisBatchStreamMessage) -> Any:
    return message.body


def _add_health_routes(api: FastAPI, name: str, health: Health) -> None:
    @api.get("/healthz", tags=["health"], summary="The process is alive")
    async def healthz() -> dict[str, str]:
        return {"service": name, "status": "alive"}

    @api.get("/readyz", tags=["health"], summary="Redis answers, every subscriber runs, every backlog moves")
    async def readyz() -> JSONResponse:
        ready, report = await health.report()
        return JSONResponse(report, status_code=200 if ready else 503)


class _Server(uvicorn.Server):
    """Ends a service that is slowed down or halted as promptly as any: its requests may wait for its own entries."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self.service.pace.free()
        await super().shutdown(sockets)


def serve(service: Service) -> int:
    """Runs the service until it is told to stop; the exit code says whether it could.

    Raises:
        InteropError: what the service found at its start, and would not start for.

    The garbage collector is told to leave the start-up heap alone: rescanning it costs more than the events do.
    """
    settings = service.settings
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("faststream").setLevel(settings.log_level)
    # FastStream waits five seconds after a fetch error and has no option for it.
    vars(stream_subscriber)["CONSUME_ERROR_BACKOFF_SECONDS"] = 0.2
    config = uvicorn.Config(
        service.api,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level.lower(),
        access_log=False,
        timeout_graceful_shutdown=int(settings.graceful_seconds),
    )
    server = _Server(config, service)

    def stop() -> None:
        server.should_exit = True

    service.when_failed = stop
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    server.run()
    if service.refusal is not None:
        raise service.refusal
    return 0 if server.started and not service.failed else 1


def main(build: Callable[[], Service]) -> None:
    """The entry point of a service's `__main__`. Settings that cannot be used are one sentence and exit code 2."""
    try:
        sys.exit(serve(build()))
    except InteropError as error:
        sys.stderr.write(f"{error.code}: {error.sentence}\n")
        sys.exit(2)


__all__ = ["RUN_OPENED", "Service", "Wiring", "ensure_group", "keys", "main", "serve"]
