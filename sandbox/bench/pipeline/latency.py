"""Latency at a low load: from a booking's POST until the agency's decision stands in its stream.

Bookings are offered at their times whether or not earlier ones have been answered, so a slow moment is not hidden.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import httpx
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from sandbox.bench.pipeline.groups import Settled
from sandbox.bench.pipeline.workload import one_day, people_of
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

OFFERED_PER_SECOND = 20.0
DECIDED = keys.stream("cooperation.decided.v1")
PATIENCE_SECONDS = 60.0
BLOCK_MS = 1_000
LOOK_EVERY_SECONDS = 0.05
LAST_LOOK_SECONDS = 0.2
"""How long the reader may need for what stands in the stream when everything is done."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from POST to decision, for every booking that came to one."""

    bookings: int
    milliseconds: tuple[float, ...]

    def percentile(self, number: int) -> float:
        """The smallest value that at least `number` percent do not exceed."""
        ordered = sorted(self.milliseconds)
        return ordered[max(0, ceil(len(ordered) * number / 100) - 1)]

    def as_json(self) -> dict[str, float]:
        """As it is printed."""
        return {
            "p50": round(self.percentile(50), 1),
            "p99": round(self.percentile(99), 1),
            "max": round(max(self.milliseconds), 1),
            "bookings": self.bookings,
            "decided": len(self.milliseconds),
            "offered_per_s": OFFERED_PER_SECOND,
        }


def measure_latency(booking_url: str, redis: Redis, runid: str, seconds: float) -> Latency:
    """Offers bookings, all of them matches, for so many seconds.

    Raises:
        InteropError: `bench-refused`, `bench-stuck`, `bench-undecided`.
    """
    people = people_of(one_day(in_ident=1.0), max(1, round(seconds * OFFERED_PER_SECOND)))
    return asyncio.run(_measure(booking_url, redis, runid, people))


async def _measure(booking_url: str, redis: Redis, runid: str, people: Sequence[bytes]) -> Latency:
    decided: dict[str, float] = {}
    address = redis.connection_pool.connection_kwargs
    names = ("host", "port", "password", "db")
    async with (
        AsyncRedis(**{name: address[name] for name in names}) as reader,
        httpx.AsyncClient(base_url=booking_url, timeout=60, trust_env=False) as client,
    ):
        stream: Any = await reader.xinfo_stream(DECIDED)
        reading = asyncio.create_task(_read(reader, stream["last-generated-id"], decided))
        posted = await _offer(client, runid, people)
        await _settle(redis)
        reading.cancel()
    waits = [1000 * (decided[tcn] - at) for tcn, at in posted.items() if tcn in decided]
    if not waits:
        raise InteropError("bench-undecided", "no booking of the latency run came to a decision; offer more of them")
    return Latency(len(posted), tuple(waits))


async def _offer(client: httpx.AsyncClient, runid: str, people: Sequence[bytes]) -> dict[str, float]:
    """Posts each booking at its time; tells when that was, by tcn."""

    async def post(body: bytes) -> tuple[str, float]:
        at = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/bookings", params={"run": runid}, content=body, headers=headers)
        if answer.is_error:
            raise InteropError("bench-refused", f"the intake refused a booking: {answer.text}")
        return answer.json()["tcn"], at

    started = time.perf_counter()
    posts: list[asyncio.Task[tuple[str, float]]] = []
    for number, body in enumerate(people):
        await asyncio.sleep(max(0.0, started + number / OFFERED_PER_SECOND - time.perf_counter()))
        posts.append(asyncio.create_task(post(body)))
    return dict(await asyncio.gather(*posts))


async def _read(reader: AsyncRedis, after: Any, decided: dict[str, float]) -> None:
    """Notes when each booking's first decision could be read."""
    while True:
        answer: Any = await reader.xread({DECIDED: after}, block=BLOCK_MS)
        at = time.perf_counter()
        for _, entries in answer:
            for entry, fields in entries:
                decided.setdefault(json.loads(fields[b"event"])["tcn"], at)
                after = entry


async def _settle(redis: Redis) -> None:
    settled = Settled(redis)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while owing := settled.owing():
        if time.monotonic() > deadline:
            raise InteropError("bench-stuck", f"not done after {PATIENCE_SECONDS:.0f} s: {', '.join(owing)}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    await asyncio.sleep(LAST_LOOK_SECONDS)
