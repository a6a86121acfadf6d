"""Scatter and gather on a real Redis: an answer is everybody's or none, and whoever is missing is waited for.

The library has a catalogue in two drawers. A question is the name of a bird; each drawer answers with its own cards.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.pace import Pace
from services.chassis.errors import InfrastructureError, InteropError
from services.chassis.scatter import Front, Keeper, Lease, Shard
from services.chassis.scatter.keeper import ANSWERS_LAST_SECONDS
from services.chassis.scatter.lease import ShardLostError
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings
from tests.conftest import StartRedis
from tests.integration.tasks import end

pytestmark = pytest.mark.anyio

NAME = "catalogue"
FIRST, SECOND = Shard(1, 2), Shard(2, 2)
LEASE_MS = 1_500
POLL_MS = 20


@pytest.fixture
def front(client: Redis) -> Front:
    return Front(client, NAME, 2, patience_seconds=0.1, poll_ms=POLL_MS)


def lease_of(client: Redis, holder: str, shards: int = 2) -> Lease:
    return Lease(client, NAME, shards, holder, LEASE_MS)


async def cards(shard: Shard, bird: bytes) -> bytes:
    """What most drawers say."""
    return b"%s in drawer %d" % (bird, shard.number)


def drawer(client: Redis, holder: str = "anna", answer: Any = cards) -> Keeper:
    return Keeper(client, NAME, lease_of(client, holder), answer, Pace(), POLL_MS)


async def owed(client: Redis, shard: Shard) -> list[bytes]:
    """What a shard is asked and has not answered."""
    entries = await client.xrange(keys.questions(NAME, shard.number, shard.of))
    return [fields[b"body"] for _, fields in entries]


async def answered(client: Redis) -> list[bytes]:
    return [key async for key in client.scan_iter(match="*:answers:*")]


async def until(check: Callable[[], Any]) -> None:
    with anyio.fail_after(10):
        while not await check():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def being_asked(front: Front, bird: bytes) -> AsyncIterator["asyncio.Task[list[bytes]]"]:
    """A block in which a question is on its way; both drawers have it before the block begins."""
    asking = asyncio.create_task(front.ask(bird))
    for shard in front.shards:
        await until(lambda shard=shard: owed(front.client, shard))
    try:
        yield asking
    finally:
        await end(asking)


# Asking


async def test_an_answer_is_made_of_every_shards_in_their_order(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        await drawer(client).serve_once(SECOND)
        await drawer(client).serve_once(FIRST)

        assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]


async def test_nothing_is_left_of_a_question_that_is_answered(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        for shard in (FIRST, SECOND):
            await drawer(client).serve_once(shard)
        await asking

    assert await owed(client, FIRST) + await owed(client, SECOND) == []
    assert await answered(client) == []
    assert front.silent() == {}


async def test_no_answer_is_given_from_a_part(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        await drawer(client).serve_once(FIRST)
        await until(lambda: only_waits_for(front, SECOND))
        done, _ = await asyncio.wait([asking], timeout=0.2)

        assert not done


async def test_two_fronts_ask_at_once_and_each_gets_its_own_answer(client: Redis) -> None:
    anna, boris = (Front(client, NAME, 2, patience_seconds=1, poll_ms=POLL_MS) for _ in range(2))

    async with being_asked(anna, b"heron") as herons, being_asked(boris, b"teal") as teals:
        await until(lambda: both_are_owed(client))
        for shard in (FIRST, SECOND):
            await drawer(client).serve_once(shard)

        assert await herons == [b"heron in drawer 1", b"heron in drawer 2"]
        assert await teals == [b"teal in drawer 1", b"teal in drawer 2"]


async def both_are_owed(client: Redis) -> bool:
    return len(await owed(client, FIRST)) == len(await owed(client, SECOND)) == 2


async def test_an_answer_that_comes_twice_is_dropped(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        stream = keys.questions(NAME, 1, 2)
        ((_, fields),) = await client.xrange(stream)
        await client.xadd(stream, fields)  # as after a reply that was lost
        await drawer(client).serve_once(FIRST)
        assert await client.xlen(keys.answers(NAME, fields[b"question"].decode())) == 2
        await drawer(client).serve_once(SECOND)

        assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]


async def test_two_who_believe_to_keep_a_shard_answer_once(client: Redis, front: Front) -> None:
    both_are_at_it = asyncio.Barrier(2)

    async def together(shard: Shard, bird: bytes) -> bytes:
        await both_are_at_it.wait()
        return await cards(shard, bird)

    async with being_asked(front, b"heron"):
        ((_, fields),) = await client.xrange(keys.questions(NAME, 1, 2))
        await asyncio.gather(
            drawer(client, "anna", together).serve_once(FIRST), drawer(client, "boris", together).serve_once(FIRST)
        )

        assert await client.xlen(keys.answers(NAME, fields[b"question"].decode())) == 1


async def test_what_a_shard_cannot_answer_is_an_error_for_who_asked(client: Redis, front: Front) -> None:
    async def refuse(_: Shard, bird: bytes) -> bytes:
        raise InteropError("no-bird", f"{bird.decode()} is a fish; ask for a bird")

    async with being_asked(front, b"pike") as asking:
        await drawer(client, answer=refuse).serve_once(FIRST)

        with pytest.raises(InteropError, match="no-bird: pike is a fish; ask for a bird"):
            await asking
    assert await owed(client, FIRST) == []


async def test_an_outage_is_no_answer_and_the_question_stays(client: Redis, front: Front) -> None:
    async def stumble(_: Shard, __: bytes) -> bytes:
        raise InfrastructureError("the catalogue's disk does not answer")

    async with being_asked(front, b"heron"):
        with pytest.raises(InfrastructureError):
            await drawer(client, answer=stumble).serve_once(FIRST)

        assert await owed(client, FIRST) == [b"heron"]


async def test_what_a_dead_keeper_had_in_hand_its_successor_answers(client: Redis, front: Front) -> None:
    has_begun = asyncio.Event()

    async def begin(_: Shard, __: bytes) -> bytes:
        has_begun.set()
        return await asyncio.Event().wait() and b""

    async with being_asked(front, b"heron") as asking:
        dying = asyncio.create_task(drawer(client, answer=begin).serve_once(FIRST))
        await has_begun.wait()
        await end(dying)
        for shard in (SECOND, FIRST):
            await drawer(client).serve_once(shard)

        assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]


async def test_what_a_dead_front_asked_is_answered_once_more_for_its_successor(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        await drawer(client).serve_once(FIRST)
        await end(asking)

    async with being_asked(front, b"heron") as asking:
        for shard in (FIRST, SECOND):
            await drawer(client).serve_once(shard)
        assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]

    (to_nobody,) = await answered(client)
    assert 0 < await client.ttl(to_nobody) <= ANSWERS_LAST_SECONDS


async def test_a_question_that_redis_lost_is_asked_again(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        await drawer(client).serve_once(FIRST)
        await until(lambda: only_waits_for(front, SECOND))
        await client.flushall()
        await until(lambda: owed(client, SECOND))
        await drawer(client).serve_once(SECOND)

        assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]
        assert await owed(client, FIRST) == []


async def only_waits_for(front: Front, shard: Shard) -> bool:
    return list(front.silent()) == [shard]


async def test_a_process_that_is_to_end_leaves_its_questions_to_others(client: Redis, front: Front) -> None:
    async with being_asked(front, b"heron") as asking:
        front.leave()

        with pytest.raises(InfrastructureError, match="this process is to end"):
            await asking


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
async def test_a_full_redis_still_lets_a_question_through(start_redis: StartRedis) -> None:
    async with Redis.from_url(start_redis().url) as client:
        await client.config_set("maxmemory", "1")
        async with being_asked(Front(client, NAME, 2, patience_seconds=1, poll_ms=POLL_MS), b"heron") as asking:
            for shard in (FIRST, SECOND):
                await drawer(client).serve_once(shard)

            assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]


# Keeping


async def test_each_process_takes_a_shard_that_nobody_has_and_the_last_is_a_spare(client: Redis) -> None:
    leases = [lease_of(client, holder) for holder in ("anna", "boris", "carla")]

    assert [await lease.claim() for lease in leases] == [True, True, False]
    assert [lease.shard for lease in leases] == [FIRST, SECOND, None]


async def test_a_process_that_is_started_again_has_its_own_shard_at_once(client: Redis) -> None:
    for holder in ("anna", "boris"):
        await lease_of(client, holder).claim()

    again = lease_of(client, "boris")
    await again.claim()

    assert again.shard == SECOND


async def test_a_shard_that_is_left_is_taken_by_the_spare(client: Redis) -> None:
    anna, boris, carla = (lease_of(client, holder) for holder in ("anna", "boris", "carla"))
    for lease in (anna, boris, carla):
        await lease.claim()

    await anna.release()
    await carla.claim()

    assert carla.shard == FIRST


async def test_a_shard_whose_keeper_is_silent_falls_to_the_spare_and_the_keeper_has_lost_it(client: Redis) -> None:
    anna, carla = lease_of(client, "anna", shards=1), lease_of(client, "carla", shards=1)
    await anna.claim()
    waiting = asyncio.create_task(carla.keep())
    with anyio.fail_after(10):
        await carla.claimed()

    with pytest.raises(ShardLostError, match="shard 1 of 1 is kept by another process now"):
        await anna.renew()
    await end(waiting)


async def test_a_lease_that_ran_out_and_that_nobody_took_is_taken_again(client: Redis) -> None:
    anna = lease_of(client, "anna")
    await anna.claim()
    await client.delete(keys.shard(NAME, 1, 2))

    await anna.renew()

    assert await lease_of(client, "boris").unkept() == [SECOND]


async def test_a_process_that_ends_in_good_order_leaves_its_shard_at_once(client: Redis) -> None:
    anna = lease_of(client, "anna", shards=1)
    keeping = asyncio.create_task(anna.keep())
    await anna.claimed()

    await end(keeping)

    assert await anna.unkept() == [Shard(1, 1)]


async def test_processes_with_another_number_of_shards_do_not_meet(client: Redis, front: Front) -> None:
    three = Front(client, NAME, 3, patience_seconds=1, poll_ms=POLL_MS)

    async with being_asked(front, b"heron"), being_asked(three, b"teal"):
        assert await owed(client, Shard(1, 2)) == [b"heron"]
        assert await owed(client, Shard(1, 3)) == [b"teal"]


# Two services in this process


class Library:
    """The services of a test, each with a shard, and what their `/readyz` says."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.stack = AsyncExitStack()
        self.services: dict[str, Service] = {}
        self.fronts: dict[str, Front] = {}

    async def open(self, holder: str) -> None:
        settings = ServiceSettings(
            redis_url=SecretStr(self.redis_url), consumer=holder, poll_ms=POLL_MS, lease_ms=LEASE_MS
        )
        service = Service("library", "birds on cards", settings)
        self.fronts[holder] = service.scatter(NAME, 2, 0.1, cards)
        self.services[holder] = service
        await self.stack.enter_async_context(service.api.router.lifespan_context(service.api))

    async def readyz(self, holder: str) -> dict[str, Any]:
        transport = httpx.ASGITransport(self.services[holder].api)
        async with httpx.AsyncClient(transport=transport, base_url="http://library") as http:
            answer = await http.get("/readyz")
        told: dict[str, Any] = answer.json()
        assert told["ready"] == (answer.status_code == httpx.codes.OK)
        return told

    async def problems(self, holder: str) -> list[str]:
        return list((await self.readyz(holder))["problems"])

    async def is_ready(self) -> bool:
        return not any([await self.problems(holder) for holder in self.services])


@pytest.fixture
async def library(redis_url: str) -> AsyncIterator[Library]:
    library = Library(redis_url)
    async with library.stack:
        yield library


async def test_a_process_is_ready_when_every_shard_is_kept_and_tells_which_it_keeps(library: Library) -> None:
    await library.open("anna")
    await until(lambda: keeps(library, "anna"))
    assert await library.problems("anna") == ["nobody keeps shard 2 of 2; start another process"]

    await library.open("boris")
    await until(library.is_ready)

    assert {(await library.readyz(holder))["shard"]["keeps"] for holder in ("anna", "boris")} == {1, 2}
    assert await library.fronts["anna"].ask(b"heron") == [b"heron in drawer 1", b"heron in drawer 2"]


async def keeps(library: Library, holder: str) -> bool:
    return bool((await library.readyz(holder))["shard"]["keeps"])


async def test_readiness_names_the_shard_that_is_missing_until_it_answers(library: Library) -> None:
    await library.open("anna")
    await until(lambda: keeps(library, "anna"))
    await library.open("boris")
    await until(library.is_ready)

    library.services["boris"].pace.pause()
    asking = asyncio.create_task(library.fronts["anna"].ask(b"heron"))
    await until(lambda: library.problems("anna"))
    (problem,) = await library.problems("anna")
    assert re.fullmatch(r"shard 2 of 2 has not answered for \d+ s", problem)

    library.services["boris"].pace.resume()
    assert await asking == [b"heron in drawer 1", b"heron in drawer 2"]
    assert await library.problems("anna") == []


async def test_a_process_whose_shard_was_taken_gives_up_and_is_started_anew(library: Library, client: Redis) -> None:
    await library.open("anna")
    gave_up = anyio.Event()
    library.services["anna"].when_failed = gave_up.set
    await until(lambda: keeps(library, "anna"))

    await client.set(keys.shard(NAME, 1, 2), "boris")

    with anyio.fail_after(10):
        await gave_up.wait()
    assert library.services["anna"].failed
