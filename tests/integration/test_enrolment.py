"""Whoever matched nobody is known from the next day on: by every process of the matcher, until they are expunged."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import pytest
from pydantic_core import to_json
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from sandbox.drive import Driver
from sandbox.stack import Stack
from services.audit.access import subject_token
from services.audit.settings import AuditSettings
from services.chassis.delivery import keys, whole
from services.chassis.delivery.whole import Whole
from services.chassis.envelope import Event
from tests.conftest import StartRedis
from tests.contract.story import ON_NO_FILE, ORI, request, settings
from tests.integration.desk import MADE, REQUESTED, Requested
from tests.integration.oracle import READY_SECONDS, a_house, eventually, unsettled
from tests.integration.tasks import end

RUN = "enrolment-7"
THURSDAY, FRIDAY, SATURDAY, SUNDAY = (f"2009-06-{day}" for day in (11, 12, 13, 14))

on_embedded_only = pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")

Result = TypeVar("Result")


# A stream read whole


class Notes:
    """A memory: the ids of the events of each stream, in the order in which they came."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}

    def add(self, event_type: str, events: Sequence[Event[Any]]) -> None:
        self.ids.setdefault(event_type, []).extend(event.id for event in events)

    def clear(self, event_type: str) -> None:
        self.ids.pop(event_type, None)

    def complete(self, event_type: str) -> None:
        """What is noted is noted, be it a part or all."""


def publish(redis: Redis, number: int, event_type: str = REQUESTED) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "SIB",
        "type": event_type,
        "subject": f"{ORI}/WREN-{number}",
        "time": f"{THURSDAY}T14:00:00Z",
        "runid": RUN,
        "data": {"disclosures": [], "finger": number},
    }
    entry: bytes = redis.xadd(keys.stream(event_type), {"event": to_json(event)})
    return entry


def reading(url: str, steps: Callable[[Whole], Coroutine[Any, Any, Result]]) -> tuple[Notes, Result]:
    """What stands in a reader's notes after these steps."""
    notes = Notes()

    async def read() -> Result:
        async with AsyncRedis.from_url(url) as client:
            return await steps(Whole(client, {REQUESTED: Requested, MADE: Requested}, notes))

    return notes, asyncio.run(read())


def names(*numbers: int) -> list[str]:
    return [f"event-{number}" for number in numbers]


def test_whoever_catches_up_has_everything_page_by_page(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "PAGE", 3)
    server = start_redis()
    with Redis.from_url(server.url) as redis:
        for number in range(7):
            publish(redis, number)
        publish(redis, 7, MADE)

        async def steps(reader: Whole) -> None:
            await reader.catch_up()
            publish(redis, 8)
            await reader.catch_up()
            await reader.catch_up()

        notes, _ = reading(server.url, steps)

    assert notes.ids == {REQUESTED: names(0, 1, 2, 3, 4, 5, 6, 8), MADE: names(7)}


@on_embedded_only
@pytest.mark.parametrize("removed", [0, 3, 5], ids=["the first", "one in the middle", "the last"])
def test_what_was_taken_out_is_forgotten_even_where_as_much_came_in(
    removed: int, start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "PAGE", 4)
    server = start_redis()
    with Redis.from_url(server.url) as redis:
        entries = [publish(redis, number) for number in range(6)]

        async def steps(reader: Whole) -> None:
            await reader.catch_up()
            redis.xdel(keys.stream(REQUESTED), entries[removed])
            publish(redis, 6)
            await reader.catch_up()

        notes, _ = reading(server.url, steps)

    assert notes.ids == {REQUESTED: names(*(number for number in range(7) if number != removed))}


@on_embedded_only
def test_a_process_at_rest_forgets_too_and_an_outage_does_not_end_that(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(whole, "AT_REST_SECONDS", 0.01)
    server = start_redis()

    async def steps(reader: Whole) -> None:
        notes = cast(Notes, reader.memory)

        async def until(is_so: Callable[[], bool]) -> None:
            async with asyncio.timeout(30):
                while not is_so():
                    await asyncio.sleep(0.01)

        resting = asyncio.create_task(reader.keep_up())
        with Redis.from_url(server.url) as redis:
            redis.config_set("appendfsync", "always")  # what is read is not lost with the server
            entries = [publish(redis, number) for number in range(3)]
            await until(lambda: notes.ids == {REQUESTED: names(0, 1, 2)})
        server.kill()
        await until(lambda: "forgotten later" in caplog.text)
        server.restart()
        with Redis.from_url(server.url) as redis:
            redis.xdel(keys.stream(REQUESTED), entries[1])
            await until(lambda: notes.ids == {REQUESTED: names(0, 2)})
        await end(resting)

    reading(server.url, steps)


@on_embedded_only
def test_what_cannot_be_read_is_passed_over_and_read_once_only(start_redis: StartRedis) -> None:
    server = start_redis()
    with Redis.from_url(server.url) as redis:
        stream = keys.stream(REQUESTED)
        for poison in ({"event": b"{"}, {"data": b"\xff"}, {"event": b'{"specversion": "1.0"}'}):
            redis.xadd(stream, poison)
        publish(redis, 1)
        redis.xadd(stream, {"event": redis.xrange(stream)[-1][1][b"event"].replace(b"requested", b"withdrawn")})

        async def steps(reader: Whole) -> None:
            await reader.catch_up()
            await reader.catch_up()

        notes, _ = reading(server.url, steps)

    assert notes.ids == {REQUESTED: names(1)}


# The matcher


def book(house: Stack, *bookings: tuple[str, str]) -> None:
    """The same person is booked, under these numbers and at these times."""
    driver = Driver(house.urls["booking"], RUN)
    people = [
        request(ON_NO_FILE, oca, label="Wren-7", booked_at=at, custody={"release_at": "2009-06-20T12:00:00Z"})
        for oca, at in bookings
    ]
    with httpx.Client(base_url=house.urls["booking"], timeout=60) as client:
        driver._book(client, [person.model_dump_json(exclude_unset=True).encode() for person in people])


def answers(redis: Redis) -> dict[str, str]:
    """What IDENT has answered so far, by the number of the booking."""
    eventually(lambda: unsettled(redis) == [], "everything is through, audit included")
    events = (json.loads(fields[b"event"]) for _, fields in redis.xrange(keys.stream("immigration.searched.v1")))
    return {event["subject"].partition("/")[2]: event["data"]["result"] for event in events}


def expunge(house: Stack, state_dir: Path, oca: str) -> None:
    subject = f"{ORI}/{oca}"
    token = subject_token(AuditSettings(state_dir=state_dir).token_key(), subject)
    headers = {"Authorization": f"Bearer {token}"}
    asked = httpx.post(f"{house.urls['audit']}/expunge", params={"subject": subject}, headers=headers, timeout=60)
    asked.raise_for_status()


@on_embedded_only
def test_two_processes_know_a_person_from_the_next_day_on_though_one_is_killed_and_none_after_an_expunction(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    server, many = start_redis(), [f"WREN-{number}" for number in range(10, 22)]
    with a_house(tmp_path, redis_url=server.url, workers=2) as house, Redis.from_url(server.url) as redis:
        house.wait_ready(READY_SECONDS)
        opened = {"runid": RUN, "settings": settings().model_dump(mode="json")}
        httpx.post(f"{house.urls['booking']}/runs", json=opened, timeout=60).raise_for_status()

        book(house, ("WREN-1", f"{THURSDAY}T14:00:00Z"))
        answers(redis)
        doomed = house.process("biometric_match")
        doomed.kill()
        doomed.wait()
        book(house, ("WREN-2", f"{THURSDAY}T15:00:00Z"))
        for oca in many:
            book(house, (oca, f"{FRIDAY}T14:00:00Z"))
        before = answers(redis)
        for oca in ("WREN-1", "WREN-2"):
            expunge(house, tmp_path, oca)
        book(house, ("WREN-3", f"{SATURDAY}T14:00:00Z"))
        book(house, ("WREN-4", f"{SUNDAY}T14:00:00Z"))

        after = answers(redis)

    assert before == {"WREN-1": "no_match", "WREN-2": "no_match", **dict.fromkeys(many, "known_encounter")}
    assert (after["WREN-3"], after["WREN-4"]) == ("no_match", "known_encounter")
