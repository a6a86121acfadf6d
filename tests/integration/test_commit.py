"""The scripts inside Redis: acknowledged once is written once, on Redis and on Valkey, also when memory has run out."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError, OutOfMemoryError

from services.chassis.delivery import keys
from services.chassis.delivery.admit import Gate, Item
from services.chassis.delivery.quiet import House
from services.chassis.delivery.store import Append, Plan, StateWrite, Store, patiently
from services.chassis.errors import InfrastructureError, InteropError
from tests.conftest import StartRedis

pytestmark = pytest.mark.anyio

GROUP = "matcher"
PRINTS = keys.stream("fingerprints.submitted.v1")
ANSWERS = keys.stream("identification.returned.v1")
HERON = keys.case(GROUP, "r1", "heron")
EGRET = keys.case(GROUP, "r1", "egret")
DUE = keys.due(GROUP, "r1")
SEEN = keys.seen(GROUP, "r1")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits three seconds for Redis gives up at once."""
    for module in ("store", "admit", "quiet"):
        monkeypatch.setattr(f"services.chassis.delivery.{module}.patiently", partial(patiently, tries=1))


async def delivered(client: Redis, *bodies: str, stream: str = PRINTS, group: str = GROUP) -> list[bytes]:
    """Puts entries into a stream and into a worker's hands; tells their ids."""
    if not await client.exists(stream):
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    for body in bodies:
        await client.xadd(stream, {"event": body})
    (batch,) = await client.xreadgroup(group, "worker-1", {stream: ">"})
    return [entry for entry, _ in batch[1]]


def answered(
    entry: bytes,
    event: str,
    case: str = HERON,
    *,
    on_top_of: int = 0,
    text: str = "searched",
    wake_at: float | None = 9,
) -> Plan:
    """What a service does with a submission: it remembers the case, wants to be woken, and answers."""
    write = StateWrite(case, on_top_of, "ZZ0130100/B-41", text.encode(), DUE, case.rpartition(":")[2], wake_at)
    return Plan(entry, event, SEEN, [write], [Append(ANSWERS, {"event": f"answer to {event}".encode()})])


async def pending(client: Redis, stream: str = PRINTS, group: str = GROUP) -> int:
    return int((await client.xpending(stream, group))["pending"])


async def bodies(client: Redis, stream: str = ANSWERS) -> list[bytes]:
    return [fields[b"event"] for _, fields in await client.xrange(stream)]


async def remembered(client: Redis, case: str = HERON) -> tuple[bytes | None, bytes | None]:
    version, text = await client.hmget(case, ["version", "case"])
    return version, text


def without_the_first_reply(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Does everything, and loses the first answer on the way back, as a broken connection does."""
    lost = False

    async def calling(*args: Any, **kwargs: Any) -> Any:
        nonlocal lost
        answer = await call(*args, **kwargs)
        if not lost:
            lost = True
            raise RedisConnectionError("connection reset by peer")
        return answer

    return calling


async def fill(client: Redis) -> None:
    """Writes until nothing more goes in, in ever smaller pieces."""
    for size in (500_000, 50_000, 5_000, 100):
        for number in range(10_000):
            try:
                await client.set(f"ballast:{size}:{number}", b"x" * size)
            except OutOfMemoryError:
                break
        else:
            raise AssertionError("it never filled up")


# The commit


async def test_what_is_acknowledged_is_written_with_it(client: Redis) -> None:
    (entry,) = await delivered(client, "heron's prints")

    assert await Store(client, GROUP).commit(PRINTS, [answered(entry, "e1")]) == ["done"]

    assert await pending(client) == 0
    assert await remembered(client) == (b"1", b"searched")
    assert await client.hget(HERON, "subject") == b"ZZ0130100/B-41"
    assert await bodies(client) == [b"answer to e1"]
    assert await client.smembers(SEEN) == {b"e1"}


async def test_an_entry_that_is_committed_again_is_lost_and_writes_nothing(client: Redis) -> None:
    (entry,) = await delivered(client, "heron's prints")
    store = Store(client, GROUP)
    await store.commit(PRINTS, [answered(entry, "e1")])

    assert await store.commit(PRINTS, [answered(entry, "e1", on_top_of=1, text="again")]) == ["lost"]

    assert await remembered(client) == (b"1", b"searched")
    assert await bodies(client) == [b"answer to e1"]


async def test_an_entry_that_was_never_handed_out_cannot_be_committed(client: Redis) -> None:
    await delivered(client, "heron's prints")
    undelivered = await client.xadd(PRINTS, {"event": "egret's prints"})

    assert await Store(client, GROUP).commit(PRINTS, [answered(undelivered, "e2")]) == ["lost"]

    assert await bodies(client) == []


async def test_a_case_that_has_changed_meanwhile_is_stale_and_its_entry_stays_pending(client: Redis) -> None:
    (entry,) = await delivered(client, "heron's prints")
    await client.hset(HERON, mapping={"version": 7, "case": "somebody else was faster"})

    assert await Store(client, GROUP).commit(PRINTS, [answered(entry, "e1", on_top_of=6)]) == ["stale"]

    assert await pending(client) == 1
    assert await remembered(client) == (b"7", b"somebody else was faster")
    assert await bodies(client) == []
    assert await client.smembers(SEEN) == set()


async def test_one_stale_entry_holds_up_nobody_else(client: Redis) -> None:
    heron, egret = await delivered(client, "heron's prints", "egret's prints")
    await client.hset(HERON, mapping={"version": 7, "case": "somebody else was faster"})

    results = await Store(client, GROUP).commit(PRINTS, [answered(heron, "e1"), answered(egret, "e2", EGRET)])

    assert results == ["stale", "done"]
    assert await pending(client) == 1
    assert await bodies(client) == [b"answer to e2"]


async def test_entries_of_one_case_build_on_each_other_within_a_commit(client: Redis) -> None:
    first, second = await delivered(client, "heron's prints", "heron's papers")

    plans = [answered(first, "e1"), answered(second, "e2", on_top_of=1, text="papers seen")]
    assert await Store(client, GROUP).commit(PRINTS, plans) == ["done", "done"]

    assert await remembered(client) == (b"2", b"papers seen")


async def test_an_entry_that_builds_on_one_that_was_lost_is_stale(client: Redis) -> None:
    first, second = await delivered(client, "heron's prints", "heron's papers")
    await client.xack(PRINTS, GROUP, first)

    plans = [answered(first, "e1"), answered(second, "e2", on_top_of=1, text="papers seen")]
    assert await Store(client, GROUP).commit(PRINTS, plans) == ["lost", "stale"]

    assert await remembered(client) == (None, None)


async def test_an_event_that_comes_again_as_a_new_entry_is_acknowledged_and_dropped(client: Redis) -> None:
    first, again = await delivered(client, "heron's prints", "heron's prints")
    store = Store(client, GROUP)

    assert await store.commit(PRINTS, [answered(first, "e1")]) == ["done"]
    assert await store.commit(PRINTS, [answered(again, "e1", on_top_of=1, text="again")]) == ["duplicate"]

    assert await pending(client) == 0
    assert await remembered(client) == (b"1", b"searched")
    assert await bodies(client) == [b"answer to e1"]


async def test_an_event_that_comes_twice_in_one_batch_happens_once(client: Redis) -> None:
    first, again = await delivered(client, "heron's prints", "heron's prints")

    plans = [answered(first, "e1"), answered(again, "e1", on_top_of=1, text="again")]
    assert await Store(client, GROUP).commit(PRINTS, plans) == ["done", "duplicate"]

    assert await remembered(client) == (b"1", b"searched")


async def test_two_groups_of_one_stream_each_have_an_event_once(client: Redis) -> None:
    (entry,) = await delivered(client, "heron's prints")
    await client.xgroup_create(PRINTS, "audit", id="0")
    await client.xreadgroup("audit", "worker-1", {PRINTS: ">"})

    assert await Store(client, GROUP).commit(PRINTS, [Plan(entry, "e1", keys.seen(GROUP, "r1"))]) == ["done"]
    assert await Store(client, "audit").commit(PRINTS, [Plan(entry, "e1", keys.seen("audit", "r1"))]) == ["done"]


async def test_the_due_index_follows_the_case(client: Redis) -> None:
    first, second, third = await delivered(client, "booked", "moved on", "released")
    store = Store(client, GROUP)

    await store.commit(PRINTS, [answered(first, "e1", wake_at=1_234_567_890.5)])
    assert await client.zrange(DUE, 0, -1, withscores=True) == [(b"heron", 1_234_567_890.5)]

    await store.commit(PRINTS, [answered(second, "e2", on_top_of=1, wake_at=1_300_000_000)])
    assert await client.zrange(DUE, 0, -1, withscores=True) == [(b"heron", 1_300_000_000)]

    await store.commit(PRINTS, [answered(third, "e3", on_top_of=2, wake_at=None)])
    assert await client.zrange(DUE, 0, -1) == []


async def test_a_commit_whose_reply_is_lost_is_repeated_without_harm(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    heron, egret = await delivered(client, "heron's prints", "egret's prints")
    store = Store(client, GROUP)
    monkeypatch.setattr(store, "_commit", without_the_first_reply(store._commit))

    results = await store.commit(PRINTS, [answered(heron, "e1"), answered(egret, "e2", EGRET)])

    # Its own first try has written already: stale or lost, the second one writes nothing.
    assert set(results) <= {"lost", "stale"}
    assert await pending(client) == 0
    assert await remembered(client) == (b"1", b"searched")
    assert await bodies(client) == [b"answer to e1", b"answer to e2"]


async def test_a_thousand_entries_are_committed_in_one_go(client: Redis) -> None:
    entries = await delivered(client, *(f"prints {number}" for number in range(1_000)))
    plans = [answered(entry, f"e{n}", keys.case(GROUP, "r1", f"bird-{n}")) for n, entry in enumerate(entries)]

    assert set(await Store(client, GROUP).commit(PRINTS, plans)) == {"done"}

    assert await client.xlen(ANSWERS) == 1_000
    assert await client.zcard(DUE) == 1_000


async def test_what_is_remembered_is_loaded_as_it_was_written(client: Redis) -> None:
    (entry,) = await delivered(client, "heron's prints")
    store = Store(client, GROUP)
    await store.commit(PRINTS, [answered(entry, "e1")])

    heron, egret = await store.load([HERON, EGRET])

    assert (heron.version, heron.subject, heron.body) == (1, "ZZ0130100/B-41", b"searched")
    assert (egret.version, egret.subject, egret.body) == (0, "", None)


# A full Redis


async def test_at_full_memory_commits_still_drain_while_nothing_new_is_admitted(
    start_redis: StartRedis, impatient: None
) -> None:
    async with Redis.from_url(start_redis(maxmemory="24mb").url) as client:
        entries = await delivered(client, *(f"prints {number}" for number in range(50)))
        await Store(client, GROUP).commit(PRINTS, [Plan(entries.pop())])  # the scripts are known to the server
        await fill(client)

        with pytest.raises(InfrastructureError):
            await Gate(client).admit("r1", [Item([("tcn", "digest")], [(PRINTS, b"one more")])])
        plans = [answered(entry, f"e{n}", keys.case(GROUP, "r1", f"bird-{n}")) for n, entry in enumerate(entries)]
        results = await Store(client, GROUP).commit(PRINTS, plans)

        assert set(results) == {"done"}
        assert await pending(client) == 0
        assert await client.xlen(ANSWERS) == len(entries)
        assert await client.xlen(PRINTS) == 50
        assert await client.exists(keys.admitted("r1")) == 0


async def test_at_full_memory_a_dead_letter_is_still_written(start_redis: StartRedis) -> None:
    async with Redis.from_url(start_redis(maxmemory="24mb").url) as client:
        (entry,) = await delivered(client, "no JSON at all")
        grave = keys.dead_letters("fingerprints.submitted.v1", GROUP)
        await Store(client, GROUP).load([HERON])
        await fill(client)

        results = await Store(client, GROUP).commit(PRINTS, [Plan(entry, appends=[Append(grave, {"reason": b"x"})])])

        assert results == ["done"]
        assert await client.xlen(grave) == 1


# The gate


def a_booking(tcn: str = "ZZ41", digest: str = "d1", *more: tuple[str, str]) -> Item:
    case = (keys.case("booking", "r1", tcn), "ZZ0130100/B-41", b"booked")
    return Item([(tcn, digest), *more], [(PRINTS, b"prints of " + tcn.encode())], case)


async def test_what_is_sent_twice_is_published_once(client: Redis) -> None:
    gate = Gate(client)

    assert await gate.admit("r1", [a_booking()]) == ["admitted"]
    assert await gate.admit("r1", [a_booking()]) == ["duplicate"]

    assert await bodies(client, PRINTS) == [b"prints of ZZ41"]
    assert await remembered(client, keys.case("booking", "r1", "ZZ41")) == (b"1", b"booked")
    assert await gate.known("r1", ["ZZ41", "ZZ42"]) == ["d1", None]


async def test_the_same_booking_with_another_content_is_a_conflict(client: Redis) -> None:
    gate = Gate(client)
    await gate.admit("r1", [a_booking()])

    assert await gate.admit("r1", [a_booking(digest="d2")]) == ["conflict"]

    assert await client.xlen(PRINTS) == 1
    assert await gate.known("r1", ["ZZ41"]) == ["d1"]


async def test_an_idempotency_key_that_stands_for_something_else_is_a_conflict(client: Redis) -> None:
    gate = Gate(client)
    await gate.admit("r1", [a_booking("ZZ41", "d1", ("key:monday", "d1"))])

    assert await gate.admit("r1", [a_booking("ZZ42", "d2", ("key:monday", "d2"))]) == ["conflict"]

    assert await gate.known("r1", ["ZZ42"]) == [None]
    assert await client.xlen(PRINTS) == 1


async def test_each_item_is_admitted_for_itself(client: Redis) -> None:
    gate = Gate(client)
    await gate.admit("r1", [a_booking("ZZ41")])

    items = [a_booking("ZZ41"), a_booking("ZZ42"), a_booking("ZZ41", "another"), a_booking("ZZ43")]
    assert await gate.admit("r1", items) == ["duplicate", "admitted", "conflict", "admitted"]

    assert await bodies(client, PRINTS) == [b"prints of ZZ41", b"prints of ZZ42", b"prints of ZZ43"]


async def test_two_runs_do_not_know_each_other(client: Redis) -> None:
    gate = Gate(client)

    assert await gate.admit("r1", [a_booking()]) == ["admitted"]
    assert await gate.admit("r2", [a_booking(digest="d2")]) == ["admitted"]


async def test_who_does_not_keep_the_clock_any_more_publishes_nothing(client: Redis) -> None:
    await client.set(keys.clock_lease("r1"), "somebody-else")

    with pytest.raises(InteropError) as refused:
        await Gate(client).admit("r1", [a_booking()], lease="mine")

    assert (refused.value.code, refused.value.status) == ("clock-lost", 503)
    assert await client.exists(PRINTS, keys.admitted("r1")) == 0


async def test_an_admission_whose_reply_is_lost_is_repeated_without_harm(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(client)
    monkeypatch.setattr(gate, "_admit", without_the_first_reply(gate._admit))

    assert await gate.admit("r1", [a_booking()]) == ["duplicate"]

    assert await client.xlen(PRINTS) == 1


# Quiet


async def test_a_house_names_who_still_owes_something(client: Redis) -> None:
    house = House(client, {"fingerprints.submitted.v1": (GROUP, "audit"), "identification.returned.v1": ("booking",)})
    everybody = [f"{PRINTS} {GROUP}", f"{PRINTS} audit", f"{ANSWERS} booking"]
    assert await house.unsettled() == everybody, "a stream that is not there yet is not settled"

    await client.xgroup_create(PRINTS, GROUP, id="0", mkstream=True)
    assert await house.unsettled() == everybody[1:], "a group that is not there yet is not settled"

    await client.xgroup_create(PRINTS, "audit", id="0")
    await client.xgroup_create(ANSWERS, "booking", id="0", mkstream=True)
    assert await house.unsettled() == []

    entry = await client.xadd(PRINTS, {"event": "heron's prints"})
    assert await house.unsettled() == everybody[:2], "what nobody has read is not settled"

    await client.xreadgroup(GROUP, "worker-1", {PRINTS: ">"})
    await client.xreadgroup("audit", "worker-1", {PRINTS: ">"})
    await client.xack(PRINTS, "audit", entry)
    assert await house.unsettled() == everybody[:1], "what is in somebody's hands is not settled"

    await Store(client, GROUP).commit(PRINTS, [answered(entry, "e1")])
    assert await house.unsettled() == everybody[2:], "and what follows from it is owed in the same moment"


async def test_a_house_is_as_quiet_after_a_crash_of_redis_as_before(start_redis: StartRedis) -> None:
    server = start_redis()
    async with Redis.from_url(server.url) as client:
        await client.config_set("appendfsync", "always")  # with `everysec`, a crash may lose what was just answered
        house = House(client, {"fingerprints.submitted.v1": (GROUP,)})
        heron, egret = await delivered(client, "heron's prints", "egret's prints")
        await Store(client, GROUP).commit(PRINTS, [Plan(heron, "e1", SEEN)])

        server.kill()
        server.restart()

        assert await house.unsettled() == [f"{PRINTS} {GROUP}"]
        await Store(client, GROUP).commit(PRINTS, [Plan(egret, "e2", SEEN)])
        assert await house.unsettled() == []
