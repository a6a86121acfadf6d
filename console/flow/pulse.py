"""Reads the house once a second while somebody looks on: one reader for all who do."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from console.flow import vitals
from console.flow.vitals import STREAMS, GroupReading, Reading, readers_of
from console.house import House
from services.chassis.delivery import keys

EVERY_SECONDS = 1.0
PROBE_SECONDS = 1.5
"""How long a service may take to say how it is before it counts as away."""

log = logging.getLogger(__name__)
Snapshot = dict[str, Any]


class Pulse:
    """The last look at the house, for as many viewers as there are.

    Args:
        house: the services.
        more: what else the page shows of this process: the scenario that is being run.
    """

    def __init__(self, house: House, more: Callable[[], dict[str, Any]]) -> None:
        self.house = house
        self.more = more
        self._viewers: set[asyncio.Event] = set()
        self._snapshot: Snapshot | None = None
        self._before: Reading | None = None
        self._reader: asyncio.Task[None] | None = None

    async def watch(self) -> AsyncIterator[str]:
        """Snapshots as Server-Sent Events, one a second; the reader runs while anybody watches."""
        fresh = asyncio.Event()
        self._viewers.add(fresh)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_on())
        try:
            while True:
                await fresh.wait()
                fresh.clear()
                yield f"data: {json.dumps(self._snapshot, separators=(',', ':'))}\n\n"
        finally:
            self._viewers.discard(fresh)

    async def look(self) -> Snapshot:
        """One look at everything, now."""
        read, services = await asyncio.gather(self._streams(), look_at_services(self.house))
        snapshot: Snapshot = {"redis": read is not None, "services": services, **self.more()}
        if read is not None:
            rows = vitals.rows(self._before, read)
            snapshot |= {
                "rows": rows,
                "edges": vitals.edges(self._before, read),
                "backlogs": vitals.by_service(read),
                "rate": round(sum(vitals.rate(self._before, read, event_type) for event_type in STREAMS), 1),
                "dead": vitals.total(rows, "dead"),
            }
            self._before = read
        return snapshot

    async def _read_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._viewers:
            began = loop.time()
            try:
                self._snapshot = await self.look()
            except Exception:
                # One odd answer must not end the drawing for everybody.
                log.exception("the house could not be read; the next look tries again")
            else:
                for viewer in self._viewers:
                    viewer.set()
            await asyncio.sleep(max(0.1, EVERY_SECONDS - (loop.time() - began)))
        # Rates are between two looks that follow each other; the next viewer begins anew.
        self._before = None

    async def _streams(self) -> Reading | None:
        with contextlib.suppress(RedisError, OSError):
            return await read_streams(self.house.redis)
        return None


async def read_streams(redis: Redis) -> Reading:
    """All streams and their groups, as Redis has them at this moment."""
    pairs = [(event_type, group) for event_type in STREAMS for group in readers_of(event_type)]
    pipeline: Any = redis.pipeline(transaction=False)
    for event_type in STREAMS:
        pipeline.xinfo_stream(keys.stream(event_type))
        pipeline.xinfo_groups(keys.stream(event_type))
    for event_type, group in pairs:
        pipeline.xlen(keys.dead_letters(event_type, group))
    answers = await pipeline.execute(raise_on_error=False)
    at = time.time()
    streams = dict(zip(STREAMS, answers[0 : 2 * len(STREAMS) : 2], strict=True))
    groups = dict(zip(STREAMS, answers[1 : 2 * len(STREAMS) : 2], strict=True))
    dead = dict(zip(pairs, answers[2 * len(STREAMS) :], strict=True))
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
            raise answer
    readings: dict[tuple[str, str], GroupReading] = {}
    for event_type, group in pairs:
        found = _group(groups[event_type], group)
        if found is not None:
            oldest = await _oldest(redis, event_type, group, found)
            readings[event_type, group] = GroupReading(
                waiting=found["lag"], in_hand=found["pending"], oldest_ms=oldest, dead=dead[event_type, group]
            )
    added = {name: told["entries-added"] for name, told in streams.items() if not isinstance(told, Exception)}
    return Reading(at=at, added=added, groups=readings)


def _group(groups: Any, name: str) -> dict[str, Any] | None:
    if isinstance(groups, Exception):  # the stream is not there before its first entry
        return None
    return next((group for group in groups if group["name"] == name.encode()), None)


async def _oldest(redis: Redis, event_type: str, group: str, found: dict[str, Any]) -> int | None:
    """When the oldest entry was added that a group has not acknowledged, or not been handed yet."""
    if found["pending"]:
        summary: Any = await redis.xpending(keys.stream(event_type), group)
        if summary["min"] is not None:
            return vitals.entry_ms(summary["min"])
    if found["lag"]:
        after = f"({found['last-delivered-id'].decode()}"
        first: Any = await redis.xrange(keys.stream(event_type), min=after, count=1)
        if first:
            return vitals.entry_ms(first[0][0])
    return None


async def look_at_services(house: House) -> dict[str, dict[str, Any]]:
    """Every service and witness: `ready`, `not_ready` with its problems, or `away`; and what is broken on purpose."""
    names = list(house.settings.services)
    witnesses = {f"witness_{number}": url for number, url in enumerate(house.settings.witnesses, start=1)}
    told = await asyncio.gather(
        *(_look_at(house, house.settings.services[name]) for name in names),
        *(_look_at(house, url) for url in witnesses.values()),
    )
    return dict(zip((*names, *witnesses), told, strict=True))


async def _look_at(house: House, url: str) -> dict[str, Any]:
    try:
        answer = await house.client.get(f"{url}/readyz", timeout=PROBE_SECONDS)
        told: Any = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return {"state": "away", "problems": [f"it does not answer ({type(error).__name__})"], "faults": None}
    return {
        "state": "ready" if answer.is_success else "not_ready",
        "problems": told.get("problems", []),
        "faults": told.get("faults"),  # none where the switches are off
        "log": told.get("log"),
        "reconciliation": told.get("reconciliation"),
    }
