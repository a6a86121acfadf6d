"""The clock on a real Redis: whoever keeps it, however often it is taken up again, the days are the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from services.booking import clock as clock_module
from services.booking.clock import Clock
from services.booking.house import READERS
from services.chassis.delivery import keys
from services.chassis.errors import InfrastructureError, InteropError
from services.chassis.service import ensure_group
from tests.conftest import StartRedis
from tests.integration.oracle import RUN, the_story
from tests.integration.tasks import end

pytestmark = pytest.mark.anyio

SETTINGS = the_story().settings
FIRST_DAY = date(2008, 10, 27)
FIRST_MIDNIGHT = datetime(2008, 10, 28, 4, tzinfo=UTC)  # of Boston, in UTC


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        await _prepare(client)
        yield client


@pytest.fixture
async def readers(client: Redis) -> AsyncIterator[None]:
    """Every group of the house, in one task: it acknowledges whatever comes, and for booking the case moves on."""
    reading = asyncio.create_task(_read_everything(client))
    yield
    await end(reading)


async def _prepare(client: Redis) -> None:
    for event_type, groups in READERS.items():
        for group in groups:
            await ensure_group(client, keys.stream(event_type), group)


async def _read_everything(client: Redis) -> None:
    while True:
        for event_type, groups in READERS.items():
            stream = keys.stream(event_type)
            for group in groups:
                for _, batch in await client.xreadgroup(group, "worker-1", {stream: ">"}):
                    for entry, _ in batch:
                        if event_type == "day.ended.v1":
                            await asyncio.sleep(0.2)  # long enough that an impatient clock would go on without it
                            await client.zpopmin(keys.due("booking", RUN))
                        if event_type == "run.opened.v1":
                            await client.hset(keys.run(group, RUN), "version", "1")
                        await client.xack(stream, group, entry)
        await asyncio.sleep(0.001)


async def wakes(client: Redis, *moments: datetime, group: str = "booking") -> None:
    """Cases that want to be woken; each round of `day.ended` wakes one."""
    for number, moment in enumerate(moments):
        await client.zadd(keys.due(group, RUN), {f"bird-{number}": moment.timestamp()})


async def wind_up(clock: Clock) -> None:
    while await clock.wind_up(RUN):
        pass


async def days(client: Redis, event_type: str = "day.closed.v1") -> list[str]:
    """The subjects of what the clock has published: one date each."""
    entries = await client.xrange(keys.stream(event_type))
    return [fields[b"event"].partition(b'"subject":"')[2][:10].decode() for _, fields in entries]


async def test_a_run_opens_once_and_shows_its_first_day(client: Redis, readers: None) -> None:
    clock = Clock(client)

    assert await clock.open_run(RUN, SETTINGS)
    assert not await clock.open_run(RUN, SETTINGS)

    reading = await clock.read(RUN)
    assert (reading.open_day, reading.status, reading.ends_at) == (FIRST_DAY, "open", FIRST_MIDNIGHT)
    assert await client.xlen(keys.stream("run.opened.v1")) == 1
    assert await clock.runs() == [RUN]


async def test_a_run_of_that_name_with_other_settings_is_refused(client: Redis, readers: None) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)

    with pytest.raises(InteropError) as refused:
        await clock.open_run(RUN, SETTINGS.model_copy(update={"seed": 8}))

    assert (refused.value.code, refused.value.status) == ("run-differs", 409)
    assert await client.xlen(keys.stream("run.opened.v1")) == 1


async def test_a_day_ends_in_rounds_until_nothing_of_it_is_left(client: Redis, readers: None) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)
    evening = FIRST_MIDNIGHT - timedelta(hours=5)
    await wakes(client, evening, evening, evening, FIRST_MIDNIGHT)

    async with clock.held(RUN):
        await clock.reach(RUN, FIRST_DAY + timedelta(days=1))

    assert await days(client, "day.ended.v1") == ["2008-10-27"] * 3
    assert await days(client) == ["2008-10-27"]
    assert await client.zrange(keys.due("booking", RUN), 0, -1) == [b"bird-3"], "midnight belongs to the next day"


async def test_days_without_anything_to_do_are_closed_one_after_the_other(client: Redis, readers: None) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)

    async with clock.held(RUN):
        reading = await clock.reach(RUN, FIRST_DAY + timedelta(days=3))

    assert reading.open_day == date(2008, 10, 30)
    assert await days(client) == ["2008-10-27", "2008-10-28", "2008-10-29"]


async def test_a_run_ends_when_no_timer_is_left(client: Redis, readers: None) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)
    await wakes(client, FIRST_MIDNIGHT + timedelta(days=1, hours=5))

    await clock.end_input(RUN)
    await wind_up(clock)

    assert (await clock.read(RUN)).status == "ended"
    assert await days(client) == ["2008-10-27", "2008-10-28", "2008-10-29"]
    assert await days(client, "day.ended.v1") == ["2008-10-29"]


async def test_two_processes_that_end_a_run_at_the_same_time_close_no_day_too_many(
    client: Redis, readers: None
) -> None:
    clocks = [Clock(client), Clock(client), Clock(client)]
    await clocks[0].open_run(RUN, SETTINGS)
    await clocks[0].end_input(RUN)

    await asyncio.gather(*(wind_up(clock) for clock in clocks))

    assert await days(client) == ["2008-10-27"]


async def test_a_run_whose_end_is_taken_up_again_after_a_crash_closes_no_day_too_many(
    client: Redis, readers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)
    await clock.end_input(RUN)

    async def die(*_: Any) -> None:
        raise RuntimeError("killed before it could note that the run has ended")

    note = clock._note
    monkeypatch.setattr(
        clock, "_note", lambda runid, **fields: die() if "ended" in fields.values() else note(runid, **fields)
    )
    with pytest.raises(RuntimeError):
        await wind_up(clock)
    await wind_up(Clock(client))

    assert await days(client) == ["2008-10-27"]


async def test_a_run_that_is_not_quite_forgotten_when_its_clock_dies_is_forgotten_by_the_next(
    client: Redis, readers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)
    await clock.end_input(RUN)
    memories = [keys.seen(group, RUN) for group in ("booking", "detainer.ero")]
    for memory in memories:
        await client.sadd(memory, "an event")

    async def die(_: str) -> None:
        raise RuntimeError("killed before it could forget")

    monkeypatch.setattr(clock, "_forget", die)
    with pytest.raises(RuntimeError):
        await wind_up(clock)
    assert [await client.ttl(memory) for memory in memories] == [-1, -1]
    assert await Clock(client).runs() == [RUN]

    await wind_up(Clock(client))

    assert all([await client.ttl(memory) > 23 * 3600 for memory in memories])
    assert await Clock(client).runs() == []


async def test_a_clock_that_dies_half_way_through_a_day_is_taken_up_where_it_stopped(
    client: Redis, readers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = FIRST_MIDNIGHT - timedelta(hours=5)
    first = Clock(client)
    await first.open_run(RUN, SETTINGS)
    await wakes(client, evening, evening, evening)
    rounds = 0

    async def die_in_the_second_round() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            raise RuntimeError("killed while it waited for quiet")
        await Clock(client).house.quiet()

    monkeypatch.setattr(first.house, "quiet", die_in_the_second_round)
    with pytest.raises(RuntimeError):
        async with first.held(RUN):
            await first.reach(RUN, FIRST_DAY + timedelta(days=1))
    second = Clock(client)
    async with second.held(RUN):
        await second.reach(RUN, FIRST_DAY + timedelta(days=1))

    assert await days(client, "day.ended.v1") == ["2008-10-27"] * 3
    assert await days(client) == ["2008-10-27"]


async def test_a_clock_that_never_hears_that_it_has_published_waits_for_quiet_all_the_same(
    client: Redis, readers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(client)
    await clock.open_run(RUN, SETTINGS)
    evening = FIRST_MIDNIGHT - timedelta(hours=5)
    await wakes(client, evening)
    monkeypatch.setattr(clock.gate, "_admit", _losing_every_reply(clock.gate._admit))

    async with clock.held(RUN):
        await clock.reach(RUN, FIRST_DAY + timedelta(days=1))

    assert await days(client, "day.ended.v1") == ["2008-10-27"], "the next round came before this one was through"


async def test_a_break_while_it_looks_for_timers_does_not_end_a_run_too_early(
    client: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wakes(client, FIRST_MIDNIGHT + timedelta(days=1, hours=5))
    read_response, to_break = Connection.read_response, 0

    async def break_some_replies(connection: Connection, *args: Any, **kwargs: Any) -> Any:
        nonlocal to_break
        if to_break:
            to_break -= 1
            await connection.disconnect(nowait=True)
            raise RedisConnectionError("connection reset by peer")
        return await read_response(connection, *args, **kwargs)

    monkeypatch.setattr(Connection, "read_response", break_some_replies)
    async with Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0)) as brittle:
        clock = Clock(brittle)
        assert await clock.has_timers(RUN)
        for to_break in (1, 2):  # noqa: B007  used above
            assert await clock.has_timers(RUN)


def _losing_every_reply(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    heard: set[str] = set()

    async def calling(*args: Any, **kwargs: Any) -> Any:
        answer = await call(*args, **kwargs)
        if str(kwargs) not in heard:
            heard.add(str(kwargs))
            raise RedisConnectionError("connection reset by peer")
        return answer

    return calling


async def test_only_who_holds_the_lease_moves_the_clock(client: Redis, readers: None) -> None:
    sleeper, other = Clock(client), Clock(client)
    await sleeper.open_run(RUN, SETTINGS)

    async with sleeper.held(RUN):
        await client.delete(keys.clock_lease(RUN))  # it has slept through its lease
        async with other.held(RUN):
            with pytest.raises(InteropError, match="clock-lost"):
                await sleeper.reach(RUN, FIRST_DAY + timedelta(days=1))

    assert await days(client) == []
    assert (await other.read(RUN)).open_day == FIRST_DAY


async def test_a_clock_that_somebody_else_keeps_too_long_is_busy(
    client: Redis, readers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "LEASE_PATIENCE_SECONDS", 0.3)
    one, other = Clock(client), Clock(client)

    async with one.held(RUN):
        with pytest.raises(InteropError) as refused:
            async with other.held(RUN):
                raise AssertionError("two keep the clock")

    assert (refused.value.code, refused.value.status) == ("clock-busy", 503)


async def test_a_lease_is_kept_for_as_long_as_it_takes(
    client: Redis, readers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "LEASE_MS", 1_000)
    clock = Clock(client)

    async with clock.held(RUN):
        await asyncio.sleep(1.5)
        assert await client.get(keys.clock_lease(RUN)) == clock.token.encode()

    assert await client.exists(keys.clock_lease(RUN)) == 0


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
async def test_an_outage_is_told_as_such_whatever_the_clock_was_doing(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("booking.clock", "chassis.delivery.admit", "chassis.delivery.quiet"):
        patient = vars(clock_module)["patiently"]
        monkeypatch.setattr(f"services.{module}.patiently", partial(patient, tries=1))
    server = start_redis()
    async with Redis.from_url(server.url) as client:
        await _prepare(client)
        reading = asyncio.create_task(_read_everything(client))
        clock = Clock(client)
        await clock.open_run(RUN, SETTINGS)
        await end(reading)

        async with clock.held(RUN):
            server.kill()
            with pytest.raises(InfrastructureError):
                await clock.reach(RUN, FIRST_DAY + timedelta(days=1))
        for doing in (
            lambda: clock.open_run(RUN, SETTINGS),
            lambda: clock.end_input(RUN),
            lambda: wind_up(clock),
            lambda: clock.tick(RUN),
            clock.runs,
        ):
            with pytest.raises(InfrastructureError):
                await doing()
