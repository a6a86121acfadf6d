"""The fault switches on a real Redis: who is halted keeps what is his, and what is sent again is what is dropped."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.pace import Pace
from services.chassis.delivery.recovery import keep_leases, recover
from services.chassis.errors import InteropError
from services.chassis.faults import Faults
from tests.integration.desk import MADE, RUN, Desk, Made, request
from tests.integration.tasks import end

pytestmark = pytest.mark.anyio

LEASE_MS = 1_500
LAST_WEEK = "heron-run-of-last-week"


@pytest.fixture
def faults(client: Redis, desk: Desk) -> Faults:
    return Faults("matcher", client, desk.stage.pace, [desk.stage], [Made])


async def read_by(client: Redis, *groups: str) -> None:
    for group in groups:
        await client.xgroup_create(keys.stream(MADE), group, id="0", mkstream=True)


async def appeared(client: Redis, count: int) -> None:
    while await client.xlen(keys.stream(MADE)) < count:
        await asyncio.sleep(0.005)


# The pace of a stage


async def test_a_halted_worker_keeps_what_it_has_read_past_its_lease_and_goes_on_with_it(desk: Desk) -> None:
    await desk.put(*(request(finger) for finger in range(5)))
    desk.stage.pace.pause()
    working = asyncio.create_task(desk.work())
    renewing = asyncio.create_task(keep_leases([desk.stage], "worker-1", LEASE_MS))
    other = Desk(desk.client)

    await asyncio.sleep(3 * LEASE_MS / 1000)
    await recover(other.stage, "worker-2", LEASE_MS)
    assert len(await desk.pending()) == 5
    assert await desk.made() == [], "neither by the one who is halted nor by the other"

    desk.stage.pace.resume()
    await working
    await end(renewing)
    assert await desk.made() == [0, 1, 2, 3, 4]
    assert await desk.failures() == {}


async def test_a_halted_worker_takes_nothing_over(desk: Desk) -> None:
    await desk.put(request(1))
    await desk.read("worker-2")  # who dies over it
    desk.stage.pace.pause()

    recovering = asyncio.create_task(desk.recover())
    await asyncio.sleep(0.05)
    ((_, row),) = [(row["message_id"], row) for row in await desk.client.xpending_range(*await place(desk))]
    assert (row["consumer"], row["times_delivered"]) == (b"worker-2", 1)

    desk.stage.pace.resume()
    await recovering
    assert await desk.made() == [1]


async def place(desk: Desk) -> tuple[str, str, str, str, int]:
    return desk.stage.stream, desk.name, "-", "+", 10


async def test_a_lone_attempt_that_is_halted_counts_only_when_it_is_made(desk: Desk) -> None:
    await desk.put(request(1))
    (entry,) = await desk.read()
    desk.stage.pace.pause()

    for _ in range(desk.attempts + 1):  # started, halted, and killed before it could do anything
        attempt = asyncio.create_task(desk.stage.handle_alone(entry))
        await asyncio.sleep(0.01)
        await end(attempt)
    assert await desk.failures() == {}
    assert desk.stage.in_hand == set()

    desk.stage.pace.resume()
    await desk.stage.handle_alone(entry)
    assert await desk.made() == [1]


async def test_a_slow_worker_commits_entry_by_entry_and_keeps_the_rest_in_hand(desk: Desk, client: Redis) -> None:
    await desk.put(*(request(finger) for finger in range(4)), b"poison")
    desk.stage.pace.slow_down(100)

    working = asyncio.create_task(desk.work())
    await appeared(client, 1)
    assert await client.xlen(keys.stream(MADE)) < 4
    assert len(desk.stage.in_hand) >= 3

    await working
    assert await desk.made() == [0, 1, 2, 3]
    assert [reason for reason, _ in await desk.letters()] == ["not-json"]
    assert desk.stage.in_hand == set()


async def test_what_fails_is_still_the_only_one_that_is_counted_when_entries_come_one_by_one(desk: Desk) -> None:
    desk.case_by_case(lambda *_: 1 / 0)
    desk.stage.pace.slow_down(1)
    await desk.put(request(1), request(2))

    await desk.work()

    assert sorted((await desk.failures()).values()) == [b"1", b"1"]
    assert len(await desk.pending()) == 2


# Twice


async def test_the_newest_events_are_sent_again_each_once_in_their_order(
    desk: Desk, client: Redis, faults: Faults
) -> None:
    await read_by(client, "booking")
    await desk.put(*(request(finger) for finger in range(6)))
    await desk.work()

    assert await faults.twice(4) == {MADE: 4}
    assert await desk.made() == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5]
    assert await faults.twice(500) == {MADE: 6}, "what stands there several times is sent once more"


async def test_events_of_a_run_that_will_soon_be_forgotten_are_left_out(
    desk: Desk, client: Redis, faults: Faults
) -> None:
    await read_by(client, "booking")
    await desk.open_run(LAST_WEEK)
    await desk.put(request(1), request(2, runid=LAST_WEEK))
    await desk.work()

    for seconds, sent in ((24 * 3600, 2), (1_800, 1)):
        await client.expire(keys.seen("matcher", LAST_WEEK), seconds)
        assert await faults.twice(2) == {MADE: sent}
        await client.xtrim(keys.stream(MADE), maxlen=2, approximate=False)


async def test_events_of_a_run_that_is_forgotten_and_what_is_no_event_are_left_out(
    desk: Desk, client: Redis, faults: Faults
) -> None:
    await read_by(client, "booking")
    await desk.put(request(1))
    await desk.work()
    await faults.poison("garbage")
    await faults.poison("broken")
    await client.delete(keys.seen("matcher", RUN))

    assert await faults.twice(10) == {MADE: 0}


async def test_where_nobody_reads_nothing_is_sent_again_and_nothing_is_poisoned(faults: Faults, client: Redis) -> None:
    for attempt in (faults.twice(5), faults.poison("garbage")):
        with pytest.raises(InteropError, match="nobody-reads: no service reads what matcher publishes"):
            await attempt
    assert not await client.exists(keys.stream(MADE))


# Poison


@pytest.mark.parametrize(("kind", "reason"), [("garbage", "not-json"), ("broken", "wrong-shape")])
async def test_poison_is_a_dead_letter_of_each_group_that_reads_it(
    desk: Desk, client: Redis, faults: Faults, kind: Any, reason: str
) -> None:
    await read_by(client, "audit", "booking")

    poison = await faults.poison(kind)

    assert poison == {"kind": kind, "stream": MADE, "entry": poison["entry"], "groups": ["audit", "booking"]}
    ((entry_id, fields),) = await client.xrange(keys.stream(MADE))
    assert entry_id.decode() == poison["entry"]
    await client.xadd(desk.stage.stream, fields)  # into a stream that this desk reads
    await desk.work()
    ((told, detail),) = await desk.letters()
    assert told == reason
    assert kind == "garbage" or detail.startswith("runid: Field required")


async def test_poison_goes_where_most_read_it_but_never_where_runs_are_opened(client: Redis, desk: Desk) -> None:
    class Opened(Made):
        event_type = keys.RUN_OPENED

    class Told(Made):
        event_type = "told.v1"

    for event_type, groups in ((keys.RUN_OPENED, "abcd"), (MADE, "a"), ("told.v1", "ab")):
        for group in groups:
            await client.xgroup_create(keys.stream(event_type), group, id="0", mkstream=True)
    faults = Faults("booking", client, Pace(), [desk.stage], [Opened, Made, Told])

    assert (await faults.poison("garbage"))["stream"] == "told.v1"
