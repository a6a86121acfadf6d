"""Stages on a real Redis: every entry stands for itself, whatever lies beside it and whoever dies over it."""

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from redis import Redis as PlainRedis
from redis.asyncio import Redis

from sandbox import dead_letters
from services.chassis.delivery import keys
from services.chassis.delivery.recovery import keep_leases, take_over
from services.chassis.delivery.stages import Arrival
from services.chassis.delivery.store import patiently
from services.chassis.effects import DueCase, Emit, NotYetError, Outcome
from services.chassis.envelope import CLOCK, CaseId, Disclosure, Event, Produced
from services.chassis.errors import InfrastructureError, InteropError
from tests.conftest import StartRedis
from tests.integration.desk import NOON, REQUESTED, RUN, Desk, Made, Requested, Tally, compare, request, told
from tests.integration.tasks import end

pytestmark = pytest.mark.anyio


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits three seconds for Redis gives up at once."""
    for module in ("store", "stage", "stages"):
        monkeypatch.setattr(f"services.chassis.delivery.{module}.patiently", partial(patiently, tries=1))


POISON: dict[str, tuple[bytes | dict[bytes, bytes], str]] = {
    "broken off in the middle": (request(3)[:-9], "not-json"),
    "nothing at all": (b"", "not-json"),
    "not UTF-8": (request(3).replace(b"ZZ0130100", b"\xff\xfe\xfd"), "not-json"),
    "half a character": (request(3, note="\u00e9")[:-1] + b"\xc3}", "not-json"),
    "a lone surrogate": (request(3).replace(b"heron", b"\\ud800"), "not-json"),
    "too deep": (b"[" * 100_000, "not-json"),
    "a list": (b"[1, 2, 3]", "wrong-shape"),
    "null": (b"null", "wrong-shape"),
    "no disclosures": (request(3, data={"finger": 3}), "wrong-shape"),
    "a word for a number": (request(3, data={"finger": "thumb", "disclosures": []}), "wrong-shape"),
    "a disclosure without a basis": (
        request(3, data={"finger": 3, "disclosures": [{"from": "SIB", "to": "FBI", "categories": ["biometric"]}]}),
        "wrong-shape",
    ),
    "a time without a zone": (request(3, time="2010-02-10T12:00:00"), "wrong-shape"),
    "another version of CloudEvents": (request(3, specversion="0.3"), "wrong-shape"),
    "no run": (request(3, runid=""), "wrong-shape"),
    "an event of another stream": (request(3, type="detainer.decided.v1"), "wrong-type"),
    "foreign fields": ({b"data": b"{}", b"__data__": b"x"}, "foreign-entry"),
    "foreign bytes": ({b"\xff\x00": b"\x00\xff"}, "foreign-entry"),
}


@pytest.mark.parametrize("poison", POISON)
async def test_poison_in_the_middle_of_a_batch_becomes_a_dead_letter_and_its_neighbours_commit(
    desk: Desk, poison: str
) -> None:
    body, reason = POISON[poison]
    await desk.put(request(1), request(2), body, request(4), request(5))

    await desk.work()

    assert await desk.tally() == [1, 2, 4, 5]
    assert await desk.made() == [1, 2, 4, 5]
    assert [reason for reason, _ in await desk.letters()] == [reason]
    assert await desk.pending() == []


async def test_a_dead_letter_says_why_in_one_sentence_and_keeps_what_was_sent(desk: Desk, client: Redis) -> None:
    (entry,) = await desk.put(request(3, data={"finger": "thumb", "disclosures": []}))

    await desk.work()

    ((_, letter),) = await client.xrange(keys.dead_letters(REQUESTED, "matcher"))
    assert letter[b"entry"] == entry
    assert letter[b"detail"].startswith(b"data.finger: Input should be a valid integer")
    assert b"\n" not in letter[b"detail"]
    assert letter[b"event"] == request(3, data={"finger": "thumb", "disclosures": []})


async def test_unknown_fields_of_a_newer_producer_are_no_poison(desk: Desk) -> None:
    newer = {"finger": 3, "disclosures": [{**TO_THE_FBI_V2, "retention": "75 years"}], "palm": {"left": True}}
    await desk.put(request(3, data=newer, partitionkey="0", severity=[1, 2]))

    await desk.work()

    assert await desk.made() == [3]


TO_THE_FBI_V2 = {"from": "SIB", "to": "FBI", "categories": ["biometric"], "basis": "law", "purpose": "search"}


async def test_entries_of_every_kind_of_stage_survive_poison_beside_them(client: Redis) -> None:
    kept: list[int] = []

    def answer_all(events: Sequence[Event[Requested]], _: str) -> list[Outcome[Any]]:
        return [Outcome(emits=[told(event)]) for event in events]

    batch, sink = Desk(client, name="batcher"), Desk(client, name="archive", party=None)
    batch.in_batches(answer_all)
    sink.into_a_sink(lambda arrivals: kept.extend(each.event.data.finger for each in arrivals))
    for desk in (batch, sink):
        await desk.open()
    await batch.put(request(1), b"{", {b"data": b"x"}, b"\xff", request(2))

    for desk in (batch, sink):
        await desk.work()

        assert [reason for reason, _ in await desk.letters()] == ["not-json", "foreign-entry", "not-json"]
        assert await desk.pending() == []
    assert await batch.made() == kept == [1, 2]


# Handlers that fail


async def test_an_entry_whose_handler_raises_fails_alone_and_dies_after_so_many_attempts(desk: Desk) -> None:
    tries: list[int] = []

    def stumble_over_three(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
        if event.data.finger == 3:
            tries.append(3)
            raise ZeroDivisionError("no ridges on finger 3")
        return compare(event, tally, run)

    desk.case_by_case(stumble_over_three)
    _, third, _ = await desk.put(request(2), request(3), request(4))

    await desk.work()
    assert await desk.tally() == [2, 4], "its neighbours do not wait for it"
    assert (await desk.pending(), len(tries), await desk.letters()) == ([third], 1, [])

    await desk.recover()
    assert (await desk.pending(), len(tries), await desk.letters()) == ([third], 2, [])

    await desk.recover()
    assert (await desk.pending(), len(tries)) == ([], 3)
    assert await desk.letters() == [("handler-failed", "ZeroDivisionError: no ridges on finger 3")]
    assert await desk.failures() == {}


async def test_in_a_batch_only_the_culprit_is_blamed(client: Redis) -> None:
    batches: list[list[int]] = []

    def stumble_over_three(events: Sequence[Event[Requested]], _: str) -> list[Outcome[Any]]:
        batches.append([event.data.finger for event in events])
        if 3 in batches[-1]:
            raise InteropError("no-ridges", "finger 3 has no ridges")
        return [Outcome(emits=[told(event)]) for event in events]

    desk = Desk(client)
    desk.in_batches(stumble_over_three)
    await desk.open()
    await desk.put(request(1), request(2), request(3), request(4))

    await desk.work()
    assert sorted(await desk.made()) == [1, 2, 4]
    assert len(await desk.failures()) == 1

    await desk.recover(times=2)
    assert await desk.letters() == [("no-ridges", "finger 3 has no ridges")]
    assert batches == [[1, 2, 3, 4], [1], [2], [3], [4], [3], [3]]


def _compare_all(events: Sequence[Event[Requested]], _: str) -> list[Outcome[Any]]:
    return [Outcome(emits=[told(event)]) for event in events]


async def test_a_batch_that_cannot_be_asked_about_is_asked_one_by_one_so_that_the_culprit_is_found(
    client: Redis,
) -> None:
    asked: list[list[int]] = []

    async def stumble_over_three(events: Sequence[Event[Requested]], _run: str) -> None:
        asked.append([event.data.finger for event in events])
        if 3 in asked[-1]:
            raise InteropError("no-ridges", "finger 3 has no ridges")

    desk = Desk(client)
    desk.in_batches(_compare_all, ask=stumble_over_three)
    await desk.open()
    await desk.put(request(1), request(3), request(4))

    await desk.work()
    assert await desk.made() == [1, 4]
    assert asked == [[1, 3, 4], [1], [3], [4]]

    await desk.recover(times=2)
    assert await desk.letters() == [("no-ridges", "finger 3 has no ridges")]


async def be_away(_events: Sequence[Event[Requested]], _run: str) -> Any:
    """Whoever is asked, or says what is held back, cannot be reached."""
    raise InfrastructureError("Redis does not answer")


async def test_who_is_asked_may_be_out_of_reach_and_nothing_counts_against_the_entries(client: Redis) -> None:
    desk = Desk(client)
    desk.in_batches(_compare_all, ask=be_away)
    await desk.open()
    await desk.put(request(1))

    await desk.work()

    assert (await desk.made(), len(await desk.pending()), await desk.failures()) == ([], 1, {})


# A batch of which some is held back


async def hold_back_two(events: Sequence[Event[Requested]], _run: str) -> list[float]:
    return [3_600.0 if event.data.finger == 2 else 0.0 for event in events]


async def let_go(desk: Desk) -> None:
    desk.stage.pace.free()
    await desk.stage.finish(30)


@pytest.fixture
async def holding(client: Redis) -> Desk:
    """A desk that lets the second finger wait for an hour."""
    desk = Desk(client)
    desk.in_batches(_compare_all, hold=hold_back_two)
    return await desk.open()


async def test_what_is_held_back_holds_up_neither_its_batch_nor_what_is_read_after_it(holding: Desk) -> None:
    await holding.put(request(1), request(2), request(3))
    await holding.work()
    await holding.put(request(4))
    await holding.work()
    assert await holding.made() == [1, 3, 4]
    assert holding.stage.leased == set(await holding.pending())

    await let_go(holding)
    assert await holding.made() == [1, 3, 4, 2]
    assert (await holding.pending(), holding.stage.leased) == ([], set())


async def test_the_lease_of_what_is_held_back_is_renewed(holding: Desk, client: Redis) -> None:
    await holding.put(request(2))
    await holding.stage.handle(await holding.read("worker-0"))
    renewing = asyncio.create_task(keep_leases([holding.stage], "worker-1", lease_ms=30))

    async def owner() -> object:
        (row,) = await client.xpending_range(holding.stage.stream, holding.name, "-", "+", 10)
        return row["consumer"]

    while await owner() != b"worker-1":
        await asyncio.sleep(0.005)
    await end(renewing)
    await let_go(holding)


async def test_what_is_held_back_and_taken_over_all_the_same_waits_once(client: Redis) -> None:
    asked: list[list[int]] = []

    async def ask(events: Sequence[Event[Requested]], _run: str) -> None:
        asked.append([event.data.finger for event in events])

    desk = Desk(client)
    desk.in_batches(_compare_all, ask=ask, hold=hold_back_two)
    await desk.open()
    await desk.put(request(2))

    await desk.work()
    await desk.recover()
    assert asked == []

    await let_go(desk)
    assert (asked, await desk.made()) == ([[2]], [2])


async def test_a_lone_attempt_is_not_held_back_so_that_what_kills_workers_is_buried_in_the_end(holding: Desk) -> None:
    await holding.put(request(2))
    (entry,) = await holding.read()

    await holding.stage.handle_alone(entry)

    assert (await holding.made(), holding.stage.leased) == ([2], set())


async def test_what_fails_after_its_wait_is_counted_like_any_other(client: Redis) -> None:
    def stumble(_events: Sequence[Event[Requested]], _run: str) -> list[Outcome[Any]]:
        raise InteropError("no-ridges", "finger 2 has no ridges")

    desk = Desk(client)
    desk.in_batches(stumble, hold=hold_back_two)
    await desk.open()
    await desk.put(request(2))

    await desk.work()
    assert await desk.failures() == {}

    await let_go(desk)
    assert list((await desk.failures()).values()) == [b"1"]
    assert (len(await desk.pending()), desk.stage.leased) == (1, set())


async def test_who_says_what_is_held_back_may_be_out_of_reach_and_nothing_counts_against_the_entries(
    client: Redis,
) -> None:
    desk = Desk(client)
    desk.in_batches(_compare_all, hold=be_away)
    await desk.open()
    await desk.put(request(1))

    await desk.work()

    assert (await desk.made(), len(await desk.pending()), await desk.failures()) == ([], 1, {})


async def test_a_lone_attempt_that_is_broken_off_does_not_count_against_the_entry_with_the_next_worker(
    client: Redis,
) -> None:
    desk = Desk(client)
    desk.in_batches(_compare_all, ask=be_away)
    await desk.open()
    await desk.put(request(1))
    (entry,) = await desk.read()

    for _ in range(5):
        worker = desk.in_batches(_compare_all, ask=be_away)
        with pytest.raises(InfrastructureError):
            await worker.handle_alone(entry)

    assert (await desk.letters(), len(await desk.pending())) == ([], 1)


async def test_an_event_that_a_service_does_not_declare_is_never_published(desk: Desk, client: Redis) -> None:
    class Gossip(Produced):
        event_type = "gossip.spread.v1"
        party = "FBI"

    def gossip(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
        return Outcome(emits=[Emit(Gossip(disclosures=()), NOON)])

    desk.case_by_case(gossip)
    await desk.put(request(1))

    await desk.work()
    await desk.recover(times=2)

    assert await desk.letters() == [("undeclared-event", "matcher does not declare that it publishes gossip.spread.v1")]
    assert not await client.exists(keys.stream("gossip.spread.v1"))


async def test_what_comes_too_early_stays_pending_and_succeeds_later(desk: Desk) -> None:
    known: set[str] = set()

    def only_whom_we_know(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
        if event.tcn not in known:
            raise NotYetError("nobody of that name was booked")
        return compare(event, tally, run)

    desk.case_by_case(only_whom_we_know)
    await desk.put(request(1))
    await desk.work()
    assert (len(await desk.pending()), await desk.made()) == (1, [])

    known.add("heron")
    await desk.recover()

    assert (await desk.pending(), await desk.made(), await desk.letters()) == ([], [1], [])


async def test_an_event_of_a_run_that_nobody_has_opened_waits_for_it(desk: Desk) -> None:
    await desk.put(request(1, runid="egret-run"), request(2))
    await desk.work()
    assert (len(await desk.pending()), await desk.made()) == (1, [2])

    await desk.open_run("egret-run")
    await desk.recover()

    assert (await desk.pending(), await desk.made()) == ([], [2, 1])


async def test_an_event_of_a_run_that_never_opens_ends_as_a_dead_letter(desk: Desk) -> None:
    await desk.put(request(1, runid="nobodys-run"))

    await desk.work()
    await desk.recover(times=2)

    assert await desk.letters() == [("not-yet", "run 'nobodys-run' is not open; open it with POST /runs")]


# Disclosure


async def test_what_was_not_disclosed_is_acknowledged_and_never_handed_over(desk: Desk) -> None:
    seen: list[int] = []

    def look(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
        seen.append(event.data.finger)
        return compare(event, tally, run)

    desk.case_by_case(look)
    to_somebody_else = Disclosure(
        sender="LEA", recipient="ICE", categories=("custody",), basis="8 CFR 287.7", purpose="transfer"
    )
    await desk.put(request(1, to=[]), request(2, to=[to_somebody_else]), request(3))

    await desk.work()

    assert seen == [3]
    assert (await desk.pending(), await desk.letters()) == ([], [])


async def test_a_party_gets_its_own_events_and_those_of_the_clock_without_any_disclosure(desk: Desk) -> None:
    await desk.put(request(1, to=[], source="FBI"), request(2, to=[], source=CLOCK))

    await desk.work()

    assert await desk.made() == [1, 2]


async def test_who_acts_for_nobody_sees_everything(client: Redis) -> None:
    desk = await Desk(client, name="audit", party=None).open()
    await desk.put(request(1, to=[]))

    await desk.work()

    assert await desk.made() == [1]


# Outages


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
async def test_an_outage_of_redis_counts_against_nobody(start_redis: StartRedis, impatient: None) -> None:
    server = start_redis()
    async with Redis.from_url(server.url) as client:
        await client.config_set("appendfsync", "always")  # with `everysec`, a crash may lose what was just answered
        desk = await Desk(client, attempts=1).open()
        await desk.put(request(1), request(2))
        batch = await desk.read()

        server.kill()
        await desk.stage.handle(batch)  # it is told, and the batch stays pending
        server.restart()

        assert len(await desk.pending()) == 2
        assert await desk.failures() == {}
        await desk.recover()
        assert (await desk.tally(), await desk.pending(), await desk.letters()) == ([1, 2], [], [])


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
async def test_an_outage_in_the_middle_of_a_lone_attempt_counts_against_nobody(
    start_redis: StartRedis, impatient: None
) -> None:
    server = start_redis()
    async with Redis.from_url(server.url) as client:
        desk = await Desk(client, attempts=2).open()

        def pull_the_plug(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
            server.kill()
            return compare(event, tally, run)

        desk.case_by_case(pull_the_plug)
        await desk.put(request(1))
        (entry,) = await desk.read()
        for _ in range(3):
            await client.config_set("appendfsync", "always")
            with pytest.raises(InfrastructureError):
                await desk.stage.handle_alone(entry)
            server.restart()

        calm = desk.case_by_case(compare)
        await calm.handle_alone(entry)

        assert (await desk.tally(), await desk.letters()) == ([1], [])


async def test_an_outage_of_the_database_behind_a_sink_counts_against_nobody(client: Redis) -> None:
    up, kept = False, []

    def keep(arrivals: Sequence[Arrival[Requested]]) -> None:
        if not up:
            raise InfrastructureError("the ledger cannot be written: disk full")
        kept.extend(each.event.data.finger for each in arrivals)

    desk = Desk(client, name="audit", party=None, attempts=1)
    desk.into_a_sink(keep)
    await desk.open()
    await desk.put(request(1), request(2))

    await desk.work()
    await desk.stage.handle(await desk.read())
    assert (len(await desk.pending()), await desk.letters(), await desk.failures()) == (2, [], {})

    up = True
    await desk.recover()
    assert (kept, await desk.pending(), await desk.failures()) == ([1, 2], [], {})


# Workers that die, pause, or race


async def test_a_batch_whose_worker_died_is_taken_over_and_happens_once(client: Redis) -> None:
    desk = await Desk(client).open()
    await desk.put(*(request(finger) for finger in range(5)))
    zombie = await desk.read("worker-1")

    await desk.recover("worker-2")
    assert await desk.made() == [0, 1, 2, 3, 4]

    await desk.stage.handle(zombie)
    assert await desk.made() == [0, 1, 2, 3, 4], "the worker that comes back from the dead writes nothing"
    assert await desk.tally() == [0, 1, 2, 3, 4]


async def test_from_the_second_time_on_abandoned_entries_are_taken_one_by_one_least_tried_first(
    client: Redis,
) -> None:
    batches: list[list[int]] = []

    def die(events: Sequence[Event[Requested]], _: str) -> list[Outcome[Any]]:
        batches.append([event.data.finger for event in events])
        raise InfrastructureError("the worker is gone before it could do anything")

    desk = Desk(client)
    desk.in_batches(die)
    await desk.open()
    await desk.put(request(1), request(2), request(3))

    await desk.work()
    await desk.recover("worker-2")
    assert batches == [[1, 2, 3], [1, 2, 3]], "most workers die for reasons of their own, so once more together"

    batches.clear()
    await desk.put(request(4))
    await desk.read("worker-3")
    first, *_ = await desk.pending()
    await client.xclaim(desk.stage.stream, desk.name, "worker-3", 0, [first])
    desk.in_batches(lambda events, _: batches.append([e.data.finger for e in events]) or [Outcome() for _ in events])
    await desk.recover("worker-2")
    assert batches == [[4], [2], [3], [1]]


async def test_an_entry_that_kills_its_worker_every_time_is_buried_and_kills_no_more(desk: Desk) -> None:
    seen: list[int] = []

    def look(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
        seen.append(event.data.finger)
        return compare(event, tally, run)

    desk.case_by_case(look)
    await desk.put(request(1), request(2))
    killer, innocent = await desk.read()
    # What is left behind by three workers that died over it: the attempts that each counted before it began.
    await desk.client.hset(keys.failures("matcher"), f"{REQUESTED}/{killer.id.decode()}", 3)
    await desk.client.xclaim(desk.stage.stream, "matcher", "worker-1", 0, [killer.id, innocent.id])

    await desk.recover("worker-2")

    assert await desk.letters() == [("worker-died", "no worker got through with it in 3 lone attempts")]
    assert (seen, await desk.pending(), await desk.failures()) == ([2], [], {})


async def test_a_slow_worker_keeps_its_batch_by_renewing_its_lease(client: Redis) -> None:
    slow, quick = Desk(client), Desk(client)
    calls: list[str] = []
    slow.in_batches(partial(_at_leisure, calls, "slow", 4.0))
    quick.in_batches(partial(_at_leisure, calls, "quick", 0.0))
    await slow.open()
    await slow.put(request(1), request(2))

    others = [
        asyncio.create_task(keep_leases([slow.stage], "worker-1", lease_ms=1_500)),
        asyncio.create_task(take_over([quick.stage], "worker-2", lease_ms=1_500)),
    ]
    await slow.work("worker-1")
    await end(*others)

    assert calls == ["slow"]
    assert await slow.made() == [1, 2]


async def test_a_slow_worker_that_does_not_renew_loses_its_batch_and_writes_nothing(client: Redis) -> None:
    slow, quick = Desk(client), Desk(client)
    calls: list[str] = []
    slow.in_batches(partial(_at_leisure, calls, "slow", 2.0))
    quick.in_batches(partial(_at_leisure, calls, "quick", 0.0))
    await slow.open()
    await slow.put(request(1), request(2))

    others = [asyncio.create_task(take_over([quick.stage], "worker-2", lease_ms=600))]
    await slow.work("worker-1")
    await end(*others)

    assert calls == ["slow", "quick"]
    assert await slow.made() == [1, 2], "twice handled, once written"


async def test_two_workers_that_race_for_one_case_lose_nothing(client: Redis) -> None:
    one, other = Desk(client), Desk(client)
    await one.open()
    await one.put(*(request(finger) for finger in range(60)))

    async def work(desk: Desk, worker: str) -> None:
        while entries := await desk.read(worker, count=3):
            await desk.stage.handle(entries)

    await asyncio.gather(work(one, "worker-1"), work(other, "worker-2"))

    assert sorted(await one.tally()) == sorted(await one.made()) == list(range(60))
    assert (await one.pending(), await one.letters()) == ([], [])


async def test_an_event_that_was_published_twice_is_handled_once_also_by_two_workers(client: Redis) -> None:
    one, other = Desk(client), Desk(client)
    await one.open()
    await one.put(*(request(finger) for finger in range(20)), *(request(finger) for finger in range(20)))

    first, second = await one.read("worker-1", count=20), await other.read("worker-2")
    await asyncio.gather(one.stage.handle(second), other.stage.handle(first))

    assert sorted(await one.made()) == list(range(20))
    assert sorted(await one.tally()) == list(range(20))


# Days


async def test_at_the_end_of_a_day_all_due_cases_come_in_order_and_no_others(client: Redis) -> None:
    seen: list[str] = []

    def wake(event: Event[Requested], due: Sequence[DueCase[Tally]], _: str) -> list[tuple[CaseId, Outcome[Tally]]]:
        seen.extend(row.id.tcn for row in due)
        return [
            (row.id, Outcome(Tally(), [Emit(Made(fingers=(len(row.id.tcn),), disclosures=()), NOON)])) for row in due
        ]

    desk = Desk(client)
    desk.case_by_case(_book_in)
    await desk.open()
    late, early = timedelta(hours=3), timedelta(hours=1)
    await desk.put(*(request(1, bird, time=NOON + wait) for bird, wait in (("wren", late), ("teal", early))))
    await desk.put(request(1, "ruff", time=NOON + early), request(1, "dunlin", time=NOON + timedelta(days=1)))
    await desk.work()

    desk.when_due(wake, before=NOON + timedelta(days=1))
    await desk.put(request(9, "the-day", source=CLOCK))
    await desk.work()

    assert seen == ["ruff", "teal", "wren"], "by time, then by reference; what is due at midnight is tomorrow's"
    assert await client.zrange(keys.due("matcher", RUN), 0, -1) == [b"dunlin"]


async def test_a_day_that_ends_twice_wakes_nobody_twice(client: Redis) -> None:
    woken: list[str] = []

    def wake(event: Event[Requested], due: Sequence[DueCase[Tally]], _: str) -> list[tuple[CaseId, Outcome[Tally]]]:
        woken.extend(row.id.tcn for row in due)
        return [(row.id, Outcome(row.case, [Emit(Made(fingers=(1,), disclosures=()), NOON)])) for row in due]

    desk = Desk(client)
    desk.case_by_case(_book_in)
    await desk.open()
    await desk.put(request(1))
    await desk.work()

    desk.when_due(wake, before=NOON + timedelta(days=1))
    midnight = request(9, "the-day", source=CLOCK)
    await desk.put(midnight, midnight)
    await desk.work()

    assert await desk.made() == [1]


def _book_in(event: Event[Requested], _: Tally | None, __: str) -> Outcome[Tally]:
    return Outcome(Tally(wake_at=event.time))


# Redrive


async def test_a_redriven_letter_is_tried_anew_by_who_failed_and_dropped_by_who_had_it(
    client: Redis, redis_url: str
) -> None:
    matcher, clerk = Desk(client, attempts=1), Desk(client, name="clerk", party=None)

    def not_today(event: Event[Requested], tally: Tally | None, run: str) -> Outcome[Tally]:
        raise InteropError("closed-today", "the desk is closed today")

    matcher.case_by_case(not_today)
    for desk in (matcher, clerk):
        await desk.open()
    await matcher.put(request(7))
    for desk in (matcher, clerk):
        await desk.work()
    assert (await matcher.made(), await matcher.letters()) == ([7], [("closed-today", "the desk is closed today")])

    with PlainRedis.from_url(redis_url) as redis:
        (letter,) = dead_letters.all_letters(redis)
        assert (letter.group, letter.reason) == ("matcher", "closed-today")
        dead_letters.redrive(redis, letter)
    matcher.case_by_case(compare)
    for desk in (matcher, clerk):
        await desk.work()

    assert await matcher.tally() == await clerk.tally() == [7]
    assert (await matcher.letters(), await matcher.pending(), await clerk.pending()) == ([], [], [])


async def test_a_foreign_entry_cannot_be_sent_again(desk: Desk, redis_url: str) -> None:
    await desk.put({b"data": b"x"})
    await desk.work()

    with PlainRedis.from_url(redis_url) as redis:
        (letter,) = dead_letters.all_letters(redis)
        with pytest.raises(InteropError, match="nothing-to-redrive"):
            dead_letters.redrive(redis, letter)

        assert list(dead_letters.all_letters(redis)) == [letter]


def _at_leisure(
    calls: list[str], name: str, seconds: float, events: Sequence[Event[Requested]], _: str
) -> list[Outcome[Any]]:
    calls.append(name)
    assert threading.current_thread() is not threading.main_thread(), "heavy work must not hold up the leases"
    time.sleep(seconds)
    return [Outcome(emits=[told(event)]) for event in events]
