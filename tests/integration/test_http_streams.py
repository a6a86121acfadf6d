"""HTTP as it comes in real life: bodies that trickle, break off in the middle, or arrive all at once."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis

from sandbox.embedded import RedisServer
from sandbox.stack import Stack
from services.audit.access import subject_token
from services.audit.settings import AuditSettings
from services.booking.identifiers import tcn_of
from services.chassis.delivery import keys
from tests.integration.oracle import READY_SECONDS, RUN, a_house, eventually, the_story

PATIENCE = 15.0
MONDAY, TUESDAY = "2008-10-27T15:00:00Z", "2008-10-28T15:00:00Z"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("house")
    with RedisServer(folder / "redis-of-its-own") as server, a_house(folder, redis_url=server.url) as stack:
        stack.wait_ready(READY_SECONDS)
        body = {"runid": RUN, "settings": the_story().settings.model_dump(mode="json")}
        assert httpx.post(f"{stack.urls['booking']}/runs", json=body, timeout=30).status_code == 201
        yield stack


@pytest.fixture
def redis(house: Stack) -> Iterator[Redis]:
    with Redis.from_url(house.redis_url) as redis:
        yield redis


def a_person(oca: str, booked_at: str = MONDAY) -> dict[str, Any]:
    person = {**the_story().people[0], "oca": oca, "booked_at": booked_at}
    return {name: value for name, value in person.items() if name != "custody"}


def line(oca: str, booked_at: str = MONDAY) -> bytes:
    return json.dumps(a_person(oca, booked_at)).encode() + b"\n"


def was_booked(redis: Redis, oca: str) -> bool:
    tcn = tcn_of(RUN, the_story().people[0]["ori"], oca)
    return bool(redis.hexists(keys.admitted(RUN), tcn))


class Conversation:
    """One request to `POST /bookings:batch`, on a bare socket: its body is sent as the test likes."""

    def __init__(self, url: str) -> None:
        host, _, port = urlsplit(url).netloc.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self._socket.sendall(
            f"POST /bookings:batch?run={RUN} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        self._heard = b""

    def send(self, part: bytes) -> None:
        self._socket.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")

    def hear(self, number: int) -> dict[str, Any]:
        """Waits for the status of a line."""
        while True:
            for told in self._heard.splitlines():
                if told.startswith(b"{") and told.endswith(b"}") and json.loads(told)["number"] == number:
                    answer: dict[str, Any] = json.loads(told)
                    return answer
            received = self._socket.recv(65_536)
            assert received, f"the answer ended: {self._heard!r}"
            self._heard += received

    def finish(self) -> None:
        self._socket.sendall(b"0\r\n\r\n")

    def break_off(self) -> None:
        self._socket.close()


def test_the_statuses_of_a_day_come_before_the_body_has_ended(house: Stack, redis: Redis) -> None:
    talk = Conversation(house.urls["booking"])

    talk.send(line("S-1") + line("S-2") + b'{"ori": "MA0130100"}\n' + line("S-3", TUESDAY))
    told = [talk.hear(number) for number in (1, 2, 3)]
    assert [row["status"] for row in told] == ["accepted", "accepted", "rejected"]
    assert not was_booked(redis, "S-4")

    talk.send(line("S-4", TUESDAY))
    talk.finish()
    assert [talk.hear(number)["status"] for number in (4, 5)] == ["accepted", "accepted"]
    talk.break_off()


def test_a_body_that_breaks_off_in_the_middle_of_a_line_books_nobody_by_halves(house: Stack, redis: Redis) -> None:
    half = line("T-3", TUESDAY)
    talk = Conversation(house.urls["booking"])
    talk.send(line("T-1", TUESDAY) + line("T-2", "2008-10-29T15:00:00Z") + half[: len(half) // 2])
    assert talk.hear(1)["status"] == "accepted"
    talk.break_off()

    again = httpx.post(
        f"{house.urls['booking']}/bookings:batch",
        params={"run": RUN},
        content=line("T-1", TUESDAY) + line("T-2", "2008-10-29T15:00:00Z") + line("T-3", "2008-10-29T16:00:00Z"),
        timeout=PATIENCE,
    )

    told = [json.loads(row) for row in again.text.splitlines()]
    assert told[0]["status"] == "duplicate"
    assert told[1]["status"] in ("accepted", "duplicate")
    assert told[2]["status"] == "accepted"
    eventually(lambda: was_booked(redis, "T-2") and was_booked(redis, "T-3"), "both are booked")


def test_a_crowd_that_books_at_once_is_served_to_the_last(house: Stack) -> None:
    crowd = 250

    async def book_all() -> list[int]:
        limits = httpx.Limits(max_connections=crowd)
        async with httpx.AsyncClient(base_url=house.urls["booking"], limits=limits, timeout=60) as client:
            bodies = [a_person(f"U-{number}", "2008-10-30T15:00:00Z") for number in range(crowd)]
            posts = (client.post("/bookings", params={"run": RUN}, json=body) for body in bodies)
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert set(asyncio.run(book_all())) == {201}


def test_readers_of_a_ledger_do_not_get_in_each_others_way(house: Stack) -> None:
    subject = f"{the_story().people[0]['ori']}/U-1"
    token = subject_token(AuditSettings(state_dir=house.state_dir).token_key(), subject)
    asked: dict[str, Any] = {"params": {"subject": subject}, "headers": {"Authorization": f"Bearer {token}"}}

    async def read_all() -> list[str]:
        async with httpx.AsyncClient(base_url=house.urls["audit"], timeout=60) as client:
            answers = await asyncio.gather(*(client.get("/disclosures", **asked) for _ in range(12)))
            return [answer.text for answer in answers]

    def rows() -> int:
        return len(httpx.get(f"{house.urls['audit']}/disclosures", **asked).json()["disclosures"])

    eventually(lambda: rows() >= 6, "all of the first day is logged")
    assert len(set(asyncio.run(read_all()))) == 1


def test_nobody_left_a_stack_trace(house: Stack) -> None:
    for log in Path(house.state_dir, "logs").glob("booking-*.log"):
        assert "Traceback" not in log.read_text(errors="replace")
