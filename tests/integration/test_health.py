"""Ready means that Redis answers, every subscriber runs and every backlog moves; each of them can be taken away."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.stages import Arrival
from services.chassis.health import Health
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings
from services.detainer.app import build
from services.detainer.policies import DetainerSettings
from tests.conftest import StartRedis
from tests.integration.desk import REQUESTED, Desk, Requested, request

pytestmark = pytest.mark.anyio

STALL_SECONDS = 1.0


@pytest.fixture
def health(desk: Desk) -> Health:
    health = Health(desk.client, [desk.stage], STALL_SECONDS)
    health.running = lambda: True
    return health


async def problems(health: Health) -> list[str]:
    ready, report = await health.report()
    assert ready == (not report["problems"])
    return list(report["problems"])


async def test_a_service_without_a_backlog_is_ready(health: Health) -> None:
    assert await problems(health) == []


async def test_a_backlog_that_moves_is_reported_and_fails_nobody(desk: Desk, health: Health) -> None:
    await desk.put(*(request(finger) for finger in range(6)))
    for _ in range(3):
        assert await problems(health) == []
        await desk.stage.handle(await desk.read(count=2))
        await asyncio.sleep(STALL_SECONDS / 2)

    _, report = await health.report()
    assert report["backlogs"] == {"matcher on comparison.requested.v1": {"pending": 0, "lag": 0, "stalled": False}}


async def test_a_backlog_without_progress_is_not_ready_until_it_moves_again(desk: Desk, health: Health) -> None:
    await desk.put(request(1))
    assert await problems(health) == []
    await asyncio.sleep(STALL_SECONDS * 1.5)
    assert await problems(health) == ["matcher on comparison.requested.v1: a backlog without progress"]

    await desk.work()

    assert await problems(health) == []


async def test_a_subscriber_that_does_not_run_is_not_ready(health: Health) -> None:
    health.running = lambda: False

    assert await problems(health) == ["a subscriber does not run"]


async def test_a_group_that_is_missing_is_named(desk: Desk, health: Health) -> None:
    await desk.client.xgroup_destroy(desk.stage.stream, "matcher")
    assert await problems(health) == [f"a consumer group is missing: matcher on {desk.stage.stream}"]

    await desk.client.flushall()
    assert len(await problems(health)) == 1


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
async def test_without_redis_nothing_is_ready_and_with_it_everything_is_again(start_redis: StartRedis) -> None:
    server = start_redis()
    async with Redis.from_url(server.url, socket_connect_timeout=1) as client:
        await client.config_set("appendfsync", "always")
        desk = await Desk(client).open()
        health = Health(client, [desk.stage], STALL_SECONDS)
        health.running = lambda: True

        server.kill()
        (problem,) = await problems(health)
        assert problem.startswith("Redis does not answer")

        server.restart()
        assert await problems(health) == []


# A whole service, in this process


@asynccontextmanager
async def in_process(redis_url: str, folder: Path) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    settings = DetainerSettings(redis_url=SecretStr(redis_url), state_dir=folder, poll_ms=50)
    service = build(settings)
    transport = httpx.ASGITransport(service.api)
    async with (
        service.api.router.lifespan_context(service.api),
        httpx.AsyncClient(transport=transport, base_url="http://detainer") as client,
    ):
        yield service, client


async def test_a_service_whose_group_is_destroyed_says_so_and_gives_up(
    redis_url: str, client: Redis, tmp_path: Path
) -> None:
    async with in_process(redis_url, tmp_path) as (service, http):
        gave_up = anyio.Event()
        service.when_failed = gave_up.set
        healthy = await http.get("/readyz")
        assert (healthy.status_code, healthy.json()["ready"]) == (200, True)

        await client.xgroup_destroy(keys.stream("day.closed.v1"), "detainer.ero")
        unwell: Any = await http.get("/readyz")
        with anyio.fail_after(10):
            await gave_up.wait()

        assert unwell.status_code == 503
        assert "detainer.ero on {0}:day.closed.v1" in unwell.json()["problems"][0]
        assert (await http.get("/healthz")).status_code == 200, "alive is not ready"
        assert "a subscriber does not run" in (await http.get("/readyz")).json()["problems"]


async def test_a_service_that_ends_what_it_has_in_hand_does_not_take_that_for_a_failure(
    redis_url: str, desk: Desk
) -> None:
    begun = threading.Event()
    kept: list[int] = []

    def keep(arrivals: Sequence[Arrival[Requested]]) -> None:
        begun.set()
        time.sleep(0.8)  # longer than the service's looks at its subscribers are apart
        kept.extend(arrival.event.data.finger for arrival in arrivals)

    service = Service("archive", "keeps comparisons", ServiceSettings(redis_url=SecretStr(redis_url), poll_ms=50))
    service.onlooker("archive").sink(REQUESTED, Requested, keep)
    async with service.api.router.lifespan_context(service.api):
        await desk.put(request(7))
        assert await asyncio.to_thread(begun.wait, 10)

    assert kept == [7]
    assert not service.failed


async def test_a_service_reads_what_was_published_before_it_was_there(
    redis_url: str, client: Redis, tmp_path: Path
) -> None:
    await client.xadd(keys.stream("detainer.decided.v1"), {"event": "for booking, not for the detainer service"})
    await client.xadd(keys.stream("day.closed.v1"), {"event": "not even JSON"})
    grave = keys.dead_letters("day.closed.v1", "detainer.ero")

    async with in_process(redis_url, tmp_path):
        with anyio.fail_after(10):
            while not await client.xlen(grave):
                await asyncio.sleep(0.01)
