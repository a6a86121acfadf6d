"""Everything that can go wrong at run time, done on purpose: the run is the same in the end, event for event."""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from redis import Redis

from console.flow.redis_restart import restart_redis
from console.settings import ConsoleSettings
from sandbox import drive
from sandbox.stack import CONSOLE, FLOW, Stack
from services.audit.events import WATCHED
from services.audit.report.events import GROUP, READ
from services.booking.house import READERS
from services.chassis.delivery import keys
from tests.conftest import AnyRedis, StartRedis
from tests.integration.oracle import (
    BOOKINGS,
    LEASE_MS,
    READY_SECONDS,
    RUN,
    Fingerprint,
    a_house,
    assert_like_the_oracle,
    being_booked,
    doubled,
    eventually,
    fingerprint,
    published,
    status,
    the_story,
    unsettled,
    until_booked,
)

on_embedded_only = pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
"""The same whatever the server is; those without this mark run on Redis and on Valkey."""


@pytest.fixture(autouse=True)
def small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten people a request, so that there is always a request to be broken off."""
    monkeypatch.setattr(drive, "LINES", 10)


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Fingerprint:
    return undisturbed(tmp_path_factory.mktemp("oracle"))


def undisturbed(state_dir: Path, *, capacity: int | None = 2) -> Fingerprint:
    with a_house(state_dir) as house:
        house.wait_ready(READY_SECONDS)
        with being_booked(house.urls["booking"], the_story(capacity=capacity)):
            pass
        with Redis.from_url(house.redis_url) as redis:
            found = fingerprint(redis)
            assert_like_the_oracle(found, redis, state_dir)
            return found


@contextmanager
def house_on(server: AnyRedis, state_dir: Path, **options: Any) -> Iterator[tuple[Stack, Redis]]:
    with (
        a_house(state_dir, redis_url=server.url, **options) as house,
        Redis.from_url(server.url) as redis,
    ):
        house.wait_ready(READY_SECONDS)
        yield house, redis


def kill(house: Stack, *services: str) -> None:
    """As the kernel does it when memory runs out. The stack starts them again."""
    doomed = [house.process(service) for service in services]
    for process in doomed:
        process.kill()
    for process in doomed:
        process.wait()


@contextmanager
def paused(house: Stack, *services: str) -> Iterator[None]:
    """The first workers of services stand still meanwhile, as on a machine that swaps or a laptop that sleeps."""
    sleepers = [house.process(service).pid for service in services]
    for pid in sleepers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in sleepers:
            os.kill(pid, signal.SIGCONT)


def test_the_oracle_is_worth_asking(oracle: Fingerprint) -> None:
    types = Counter(row[1] for row in oracle)

    assert types["booking.recorded.v1"] == BOOKINGS
    for event_type in WATCHED:
        assert types[event_type] > 0, f"no {event_type}: a failure of its readers would go unnoticed"
    assert types["detainer.decided.v1"] > 80
    assert types["custody.changed.v1"] > 80


# Who starts when


@on_embedded_only
def test_what_is_published_before_anybody_reads_it_is_not_lost(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    server, others = start_redis(), [name for name in FLOW if name != "booking"]

    def the_others() -> Stack:
        return a_house(tmp_path / "others", redis_url=server.url, services=others)

    with (
        a_house(tmp_path / "booking", redis_url=server.url, services=["booking"]) as front,
        Redis.from_url(server.url) as redis,
    ):
        front.wait_ready(READY_SECONDS)
        with being_booked(front.urls["booking"]):
            eventually(lambda: redis.xlen(keys.stream("run.opened.v1")), "the run is opened before anybody else is up")
            with the_others() as back:
                back.wait_ready(READY_SECONDS)
                until_booked(redis, 100)
            eventually(lambda: unsettled(redis), "something is published while nobody is there to read it")
            with the_others() as back:
                back.wait_ready(READY_SECONDS)
                eventually(lambda: status(redis) == "ended", "the run has ended", seconds=120)
                assert_like_the_oracle(oracle, redis, tmp_path / "others")


# Killed, paused, doubled workers


@on_embedded_only
@pytest.mark.parametrize("service", FLOW)
def test_a_service_that_is_killed_in_the_middle_of_a_run_carries_on_where_it_was(
    service: str, oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            until_booked(redis, 100)
            kill(house, service)

        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
def test_services_that_are_restarted_in_good_order_one_after_the_other(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            for service, booked in zip(FLOW, (30, 80, 130, 180), strict=True):
                until_booked(redis, booked)
                process = house.process(service)
                process.terminate()
                process.wait()

        assert_like_the_oracle(oracle, redis, tmp_path)


def test_all_services_killed_again_and_again(oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path) -> None:
    moments = sorted(random.Random(7).sample(range(100, len(oracle) - 50), 3))
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            for moment in moments:
                eventually(lambda at=moment: published(redis) >= at, f"{moment} events are published")
                kill(house, *FLOW)

        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
def test_two_workers_in_every_group(oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path) -> None:
    with house_on(start_redis(), tmp_path, workers=2) as (house, redis):
        with being_booked(house.urls["booking"]):
            pass

        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
def test_two_workers_while_detainers_are_lodged_in_the_middle_of_the_day(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    """Without a capacity nothing waits for the close of a day: answers, detainers and decisions overtake each other."""
    alone = undisturbed(tmp_path / "alone", capacity=None)

    with house_on(start_redis(), tmp_path / "two", workers=2) as (house, redis):
        with being_booked(house.urls["booking"], the_story(capacity=None)):
            until_booked(redis, 120)
            kill(house, "detainer")

        assert_like_the_oracle(alone, redis, tmp_path / "two")


@on_embedded_only
def test_workers_that_pause_past_their_lease_and_come_back(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path, workers=2) as (house, redis):
        with being_booked(house.urls["booking"]):
            until_booked(redis, 60)
            with paused(house, *FLOW):
                time.sleep(2.5)
            eventually(lambda: status(redis) != "open", "everybody is booked")
            with paused(house, "booking"):
                time.sleep(3.5)  # past the lease on the clock

        assert_like_the_oracle(oracle, redis, tmp_path)


# Galleries that are shared out


@on_embedded_only
def test_shards_that_are_killed_delay_answers_and_lose_none(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    patience = {"INTEROP_SHARD_PATIENCE_SECONDS": "0.3"}
    with house_on(start_redis(), tmp_path, shards=2, extra_env=patience) as (house, redis):
        with being_booked(house.urls["booking"]):
            for booked, victims in ((80, (2,)), (160, (1, 2))):  # a shard alone, then also whoever waits for it
                until_booked(redis, booked)
                eventually(lambda: matcher(house)["ready"], "it is ready")
                other = 3 - matcher(house)["shard"]["keeps"]
                doomed = [house.process("biometric_match", victim) for victim in victims]
                os.kill(doomed[-1].pid, signal.SIGSTOP)
                missing = f"shard {other} of 2 has not answered"
                eventually(lambda words=missing: words in problems(house), "the missing shard is named")
                assert unsettled(redis), "what was submitted waits"
                for process in doomed:
                    process.kill()
                    process.wait()
                eventually(lambda: matcher(house)["ready"], "it is ready again")

        assert_like_the_oracle(oracle, redis, tmp_path)


def matcher(house: Stack) -> dict[str, Any]:
    """What the first process of the matcher says of itself; nothing while it is being started again."""
    try:
        told: dict[str, Any] = httpx.get(f"{house.urls['biometric_match']}/readyz").json()
    except httpx.TransportError:
        return {"ready": False, "problems": []}
    return told


def problems(house: Stack) -> str:
    return "; ".join(matcher(house)["problems"])


# What stands in the streams


@on_embedded_only
def test_events_that_are_published_again_happen_once(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    dice, again = random.Random(11), Counter[str]()

    def publish_again(event_type: str, body: bytes) -> None:
        again[f"{event_type} {json.loads(body)['id']}"] += 1
        redis.xadd(keys.stream(event_type), {"event": body})

    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]) as booking:
            until_booked(redis, 10)
            while booking.is_alive():
                event_type = dice.choice(WATCHED)
                for _, fields in redis.xrevrange(keys.stream(event_type), count=dice.randint(1, 40))[-1:]:
                    publish_again(event_type, fields[b"event"])
                time.sleep(0.02)
        for event_type in WATCHED:
            for _, fields in redis.xrange(keys.stream(event_type)):
                publish_again(event_type, fields[b"event"])
        eventually(lambda: unsettled(redis) == [], "all of it is through once more")

        assert again.total() > len(oracle)
        assert doubled(redis) == {name: 1 + count for name, count in again.items()}, "published by the test alone"
        assert_like_the_oracle(oracle, redis, tmp_path, duplicates=True)


@on_embedded_only
def test_poison_in_every_stream_becomes_dead_letters_and_changes_nothing(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    poison: Counter[tuple[str, str, str]] = Counter()
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            for booked in (40, 140):
                until_booked(redis, booked)
                for event_type in WATCHED:
                    stream = keys.stream(event_type)
                    redis.xadd(stream, {"event": b'{"specversion": "1.0", "id": "brok'})
                    redis.xadd(stream, {"event": b'{"subject": "\xff\xfe"}'})
                    redis.xadd(stream, {"event": b'{"specversion": "1.0", "data": {"disclosures": []}}'})
                    redis.xadd(stream, {"data": b"x", b"\xff": b"\x00"})
                    for group in (*READERS.get(event_type, ()), "audit", *([GROUP] if event_type in READ else [])):
                        reasons = ["not-json", "not-json", "wrong-shape", "foreign-entry"]
                        poison += Counter((event_type, group, reason) for reason in reasons)
            (a_booking,) = redis.xrange(keys.stream("booking.recorded.v1"), count=1)
            redis.xadd(keys.stream("detainer.decided.v1"), a_booking[1])
            poison += Counter([("detainer.decided.v1", "booking", "wrong-shape")])
            poison += Counter([("detainer.decided.v1", "audit", "wrong-type")])
            redis.xadd(keys.stream("detainer.decided.v1"), {"event": of_nobodys_run(a_booking[1][b"event"])})
            poison += Counter([("detainer.decided.v1", "booking", "not-yet")])
            poison += Counter({("detainer.decided.v1", GROUP, "wrong-shape"): 2})

        assert_like_the_oracle(oracle, redis, tmp_path, poison=poison)


def of_nobodys_run(booking: bytes) -> bytes:
    """A detainer in good form, of a run that was never opened."""
    event = json.loads(booking)
    event |= {"id": "a-stray-detainer", "type": "detainer.decided.v1", "runid": "nobodys-run"}
    event["data"] = {"action": "lodged", "form": "I-247", "disclosures": []}
    return json.dumps(event).encode()


# Broken from inside, with the switches of the chassis


def switch(house: Stack, service: str, name: str, **body: object) -> dict[str, Any]:
    answer = httpx.post(f"{house.urls[service]}/faults/{name}", json=body, timeout=30).raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def once_still(redis: Redis, stream: str) -> int:
    """How many entries a stream has, once a lease has gone by without another."""
    length = -1
    while length != (now := redis.xlen(stream)):
        length = now
        time.sleep(LEASE_MS / 1000)
    return length


def until_back(house: Stack, service: str) -> None:
    """Until a process that has ended was started again, and goes at full speed."""

    def is_back() -> bool:
        try:
            told = httpx.get(f"{house.urls[service]}/faults").json()
        except httpx.TransportError:
            return False
        return (told["paused"], told["slow_ms"]) == (False, 0)

    eventually(is_back, f"{service} is back")


def stop(house: Stack, service: str) -> None:
    """Promptly, however slow or halted it is. The stack starts it again."""
    process = house.process(service)
    process.terminate()
    assert process.wait(timeout=5) in {0, -signal.SIGTERM}
    assert "Traceback" not in house.log(service).read_text()
    until_back(house, service)


@on_embedded_only
def test_whatever_the_switches_do_to_the_matcher_the_run_is_the_same(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    poison: Counter[tuple[str, str, str]] = Counter()
    sent: Counter[str] = Counter()
    answers = keys.stream("identification.returned.v1")
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            until_booked(redis, 40)
            switch(house, "biometric_match", "pause")
            answered = once_still(redis, answers)  # it ends the batch that it is in the middle of
            eventually(lambda: redis.xpending(FINGERPRINTS, "biometric_match")["pending"], "prints wait for it")
            time.sleep(1.5 * LEASE_MS / 1000)
            assert redis.xlen(answers) == answered
            switch(house, "biometric_match", "slow", milliseconds=5)
            switch(house, "biometric_match", "resume")

            until_booked(redis, 90)
            process = house.process("biometric_match")
            switch(house, "biometric_match", "exit")
            assert process.wait(timeout=10) == 1
            until_back(house, "biometric_match")

            until_booked(redis, 150)
            sent += Counter(switch(house, "biometric_match", "twice", entries=50)["sent"])
            for kind, reason in (("garbage", "not-json"), ("broken", "wrong-shape")):
                added = switch(house, "biometric_match", "poison", kind=kind)
                poison += Counter((added["stream"], group, reason) for group in added["groups"])

        eventually(lambda: status(redis) == "ended", "the run has ended")
        sent += Counter(switch(house, "biometric_match", "twice", entries=500)["sent"])  # now that it has ended
        assert_like_the_oracle(oracle, redis, tmp_path, poison=poison, duplicates=True)
        assert sum(doubled(redis).values()) - len(doubled(redis)) == sent.total() > 500


FINGERPRINTS = keys.stream("fingerprints.submitted.v1")


@on_embedded_only
def test_whatever_the_switches_do_to_audit_every_disclosure_is_logged_once(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            until_booked(redis, 40)
            switch(house, "audit", "slow", milliseconds=20)
            until_booked(redis, 90)
            switch(house, "biometric_match", "pause")  # the clock waits for no audit, so the run might end meanwhile
            process = house.process("audit")
            switch(house, "audit", "exit")
            assert process.wait(timeout=10) == 1
            until_back(house, "audit")
            switch(house, "audit", "pause")
            switch(house, "biometric_match", "resume")

        eventually(lambda: len(behind := unsettled(redis)) > 10 and all("audit" in row for row in behind), "it waits")
        stop(house, "audit")
        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
def test_booking_that_is_halted_and_stopped_ends_what_it_has_in_hand_requests_and_entries(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            until_booked(redis, 100)
            switch(house, "booking", "pause")
            read = [keys.stream(event_type) for event_type, groups in READERS.items() if "booking" in groups]
            eventually(
                lambda: any(redis.xpending(stream, "booking")["pending"] for stream in read), "it has something in hand"
            )
            stop(house, "booking")

        assert_like_the_oracle(oracle, redis, tmp_path)


# Redis itself


def test_redis_is_restarted_by_the_stack_whose_own_it_is_when_the_console_asks(
    oracle: Fingerprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    with a_house(tmp_path, services=(*FLOW, CONSOLE)) as house, Redis.from_url(house.redis_url) as redis:
        house.wait_ready(READY_SECONDS)
        settings = ConsoleSettings(house_dir=Path(psutil.Process(house.process(CONSOLE).pid).environ()[HOUSE_DIR]))
        with being_booked(house.urls["booking"]):
            for moment in (60, 160):
                until_booked(redis, moment)
                assert house.redis is not None
                pid = house.redis.pid
                told = asyncio.run(restart_redis(settings))
                assert 0 < told["seconds"] < 30
                assert house.redis.pid != pid

        assert_like_the_oracle(oracle, redis, tmp_path)
        assert sorted(path.name for path in (tmp_path / "requests").iterdir()) == ["restart-redis.json"]


HOUSE_DIR = "INTEROP_HOUSE_DIR"


def test_redis_is_killed_and_comes_back_with_its_append_only_file(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    server = start_redis()
    with house_on(server, tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            for moment in (60, 160):
                # With `everysec`, a crash may lose what was just answered, and nobody could send it again.
                redis.config_set("appendfsync", "always")
                until_booked(redis, moment)
                server.kill()
                server.restart()

        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
def test_connections_that_break_all_the_time(oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path) -> None:
    dice, breaks = random.Random(3), 0
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]) as booking:
            until_booked(redis, 10)
            while booking.is_alive():
                breaks += int(redis.client_kill_filter(_type="normal", skipme=True))
                time.sleep(dice.uniform(0.2, 1.0))

        assert breaks > 100
        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
def test_a_redis_that_stands_still_past_every_lease(
    oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path, workers=2) as (house, redis):
        with being_booked(house.urls["booking"]):
            for booked, milliseconds in ((40, 1_500), (140, 4_000)):  # past a worker's lease, past the clock's
                until_booked(redis, booked)
                redis.client_pause(milliseconds)

        assert_like_the_oracle(oracle, redis, tmp_path)


@on_embedded_only
@pytest.mark.parametrize("share", [0.8, 1.02], ids=["filling", "full"])
def test_a_full_redis_takes_nothing_new_in_and_lets_everything_drain(
    share: float, oracle: Fingerprint, start_redis: StartRedis, tmp_path: Path
) -> None:
    with house_on(start_redis(), tmp_path) as (house, redis):
        with being_booked(house.urls["booking"]):
            until_booked(redis, 100)
            memory = redis.info("memory")
            # What replies take on their way to a client is given back as soon as they are read.
            redis.config_set("maxmemory", int((memory["used_memory"] - memory["mem_clients_normal"]) / share))
            url = f"{house.urls['booking']}/bookings"
            body = the_story().people[0]  # sent again: whenever it is not refused, it changes nothing
            eventually(lambda: refused(url, body) == ("redis-filling", "5"), "intake refuses")
            eventually(lambda: stands_still(redis), "what was under way has drained")
            assert redis.xlen(keys.stream("booking.recorded.v1")) < BOOKINGS
            assert unsettled(redis) == []
            assert refused(url, body) == ("redis-filling", "5")
            redis.config_set("maxmemory", "512mb")

        assert_like_the_oracle(oracle, redis, tmp_path)


def stands_still(redis: Redis, seconds: float = 0.5) -> bool:
    """Whether nobody owes anything, and nothing is published for a while."""
    before = published(redis)
    time.sleep(seconds)
    return unsettled(redis) == [] and published(redis) == before


def refused(url: str, body: dict[str, object]) -> tuple[str, str] | None:
    """The code with which a booking is refused, and when to try again."""
    response = httpx.post(url, params={"run": RUN}, json=body, timeout=30)
    if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return None
    return response.json()["error"]["code"], response.headers["Retry-After"]
