"""The HTTP interfaces of running services: what they take in, what they refuse, and in which words."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given, settings
from redis import Redis

from sandbox.contracts import CONTRACTS
from sandbox.embedded import RedisServer
from sandbox.population import bookings
from sandbox.scenario import load_scenario, resolve
from sandbox.stack import Stack
from services.audit.access import operator_token
from services.audit.settings import token_key
from services.booking.events import RunSettings
from services.chassis.delivery import keys
from tests.integration.oracle import READY_SECONDS, a_house, eventually

BOSTON = load_scenario("boston-2008-2010")
SEED = 41
RUN = "lapwing-2008"
SCRIPTED = "dunlin-2008"
"""A run in which no test closes a day."""

MATCHER = "biometric_match"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("house")
    # Requests are made from the interface's own document, which should not name what ends the process.
    options = {"extra_env": {"SANDBOX_FAULTS": "0"}}
    with RedisServer(folder / "redis-of-its-own") as server, a_house(folder, redis_url=server.url, **options) as stack:
        stack.wait_ready(READY_SECONDS)
        yield stack


@pytest.fixture(scope="module")
def booking(house: Stack) -> Iterator[httpx.Client]:
    """The booking service, with a run that is open."""
    with httpx.Client(base_url=house.urls["booking"], timeout=30) as client:
        assert client.post("/runs", json={"runid": RUN, "settings": the_settings()}).status_code == 201
        yield client


def the_settings(**changes: Any) -> dict[str, Any]:
    resolved: RunSettings = resolve(BOSTON, seed=SEED)
    return {**resolved.model_dump(mode="json"), **changes}


def a_person(oca: str, **changes: Any) -> dict[str, Any]:
    """The first person of the scenario, under a booking number of the test's own."""
    return {**next(bookings(BOSTON, SEED, 100_000, 0, 1)), "oca": oca, **changes}


def book(client: httpx.Client, body: Any, run: str = RUN, **headers: str) -> httpx.Response:
    return client.post("/bookings", params={"run": run}, json=body, headers=headers)


def batch(client: httpx.Client, *lines: bytes, run: str = RUN) -> list[dict[str, Any]]:
    answer = client.post("/bookings:batch", params={"run": run}, content=b"\n".join(lines))
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def error(response: httpx.Response) -> tuple[int, str]:
    """Status and code; the message must be one sentence that a person can read."""
    told = response.json()["error"]
    assert told["message"]
    assert "\n" not in told["message"]
    assert "Traceback" not in response.text
    return response.status_code, told["code"]


# Runs


def test_opening_a_run_again_changes_nothing(booking: httpx.Client) -> None:
    again = booking.post("/runs", json={"runid": RUN, "settings": the_settings()})

    assert (again.status_code, again.json()["opened"]) == (200, False)


def test_a_run_of_the_same_name_with_other_settings_is_refused(booking: httpx.Client) -> None:
    other = booking.post("/runs", json={"runid": RUN, "settings": the_settings(seed=SEED + 1)})

    assert error(other) == (409, "run-differs")


def test_settings_that_a_service_cannot_use_are_refused_by_name(booking: httpx.Client) -> None:
    policy = {"id": "us-broken", "text": "policy: [", "sha256": "0" * 64}
    broken = booking.post("/runs", json={"runid": "teal-2008", "settings": the_settings(detainer=policy)})

    assert error(broken) == (422, "run-refused")
    assert "detainer.agency" in broken.json()["error"]["message"]


def test_an_unknown_run_says_how_to_open_one(booking: httpx.Client) -> None:
    unknown = book(booking, a_person("B-0"), run="dunlin-2008")

    assert error(unknown) == (404, "unknown-run")
    assert "POST /runs" in unknown.json()["error"]["message"]


# One booking


def test_a_booking_that_is_sent_twice_is_taken_once(booking: httpx.Client) -> None:
    first, second = book(booking, a_person("B-1")), book(booking, a_person("B-1"))

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {"tcn": first.json()["tcn"], "status": "duplicate"}


def test_the_same_booking_with_another_content_is_refused(booking: httpx.Client) -> None:
    book(booking, a_person("B-2"))

    assert error(book(booking, a_person("B-2", birth_year=1971))) == (422, "conflicting-booking")


def test_an_idempotency_key_stands_for_one_body(booking: httpx.Client) -> None:
    key = {"Idempotency-Key": "heron-41"}

    assert book(booking, a_person("B-3"), **key).status_code == 201
    assert book(booking, a_person("B-3"), **key).status_code == 200
    assert error(book(booking, a_person("B-4"), **key)) == (422, "conflicting-booking")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ori": "MA0130100"}, "not a sandbox ORI"),
        ({"a_number": "A012345678"}, "could be a real A-number"),
        ({"label": "Jane Doe"}, "never names"),
        ({"charge": {**a_person("X")["charge"], "literal": "THEFT, SSN 123-45-6789"}}, "looks like a real identifier"),
        ({"surname": "Doe"}, "Extra inputs are not permitted"),
        ({"booked_at": "yesterday"}, "booked_at"),
        ({"custody": {"release_at": "9999-12-30T00:00:00Z"}}, "the sandbox knows the years"),
    ],
)
def test_what_is_not_a_sandbox_booking_gets_one_sentence(
    booking: httpx.Client, changes: dict[str, Any], words: str
) -> None:
    refused = book(booking, a_person("B-5", **changes))

    assert error(refused) == (422, "bad-request")
    assert words in refused.json()["error"]["message"]


def test_an_agency_that_the_run_does_not_know_is_refused_with_those_it_knows(booking: httpx.Client) -> None:
    stranger = book(booking, a_person("B-6", ori="ZZ9990000"))

    assert error(stranger) == (422, "unknown-agency")
    assert "ZZ0130100" in stranger.json()["error"]["message"]


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read_whole(booking: httpx.Client) -> None:
    huge = booking.post("/bookings", content=b"x" * 10_000_000, headers={"content-type": "application/json"})

    assert error(huge) == (413, "body-too-large")


def test_a_booking_shows_what_the_agency_knows_and_names_what_it_is_not_told(booking: httpx.Client) -> None:
    tcn = book(booking, a_person("B-7")).json()["tcn"]

    eventually(
        lambda: booking.get(f"/bookings/{tcn}", params={"run": RUN}).json()["identification"], "the FBI has answered"
    )
    shown = booking.get(f"/bookings/{tcn}", params={"run": RUN}).json()

    assert shown["label"] == a_person("B-7")["label"]
    assert any("IDENT" in sentence for sentence in shown["not_told"])


def test_an_unknown_booking_is_not_found(booking: httpx.Client) -> None:
    assert error(booking.get("/bookings/ZZ00000000000000000A", params={"run": RUN})) == (404, "unknown-booking")


# Batches


def test_a_batch_answers_every_line_with_its_number(booking: httpx.Client) -> None:
    good = [json.dumps(a_person(f"C-{number}")).encode() for number in (1, 2)]

    told = batch(booking, good[0], b"not json", b"", good[1], b'{"ori": 1}')

    assert [
        (line["number"], line["status"], line.get("code")) for line in sorted(told, key=lambda row: row["number"])
    ] == [
        (1, "accepted", None),
        (2, "rejected", "bad-booking"),
        (4, "accepted", None),
        (5, "rejected", "bad-booking"),
    ]


def test_sending_a_batch_again_after_a_break_is_harmless(house: Stack, booking: httpx.Client) -> None:
    lines = [json.dumps(a_person(f"D-{number}")).encode() for number in range(20)]
    batch(booking, *lines[:13])
    with Redis.from_url(house.redis_url) as redis:
        before = redis.xlen(keys.stream("booking.recorded.v1"))

        told = batch(booking, *lines)

        assert redis.xlen(keys.stream("booking.recorded.v1")) == before + 7
    assert [line["status"] for line in told] == ["duplicate"] * 13 + ["accepted"] * 7


def test_statuses_come_while_lines_are_still_being_sent(booking: httpx.Client) -> None:
    first, second = (json.dumps(a_person(f"E-{number}")).encode() for number in (1, 2))
    later = json.dumps(a_person("E-3", booked_at="2008-10-28T15:00:00Z", custody=None)).encode()
    sent: list[float] = []

    def slowly() -> Iterator[bytes]:
        yield first + b"\n" + second + b"\n" + later + b"\n"
        time.sleep(0.3)
        sent.append(time.monotonic())
        yield json.dumps(a_person("E-4", booked_at="2008-10-29T15:00:00Z", custody=None)).encode()

    with booking.stream("POST", "/bookings:batch", params={"run": RUN}, content=slowly()) as answer:
        told = [json.loads(line) for line in answer.iter_lines()]

    assert [line["status"] for line in told] == ["accepted"] * 4
    assert sent


def test_a_day_that_is_closed_takes_nothing_new(booking: httpx.Client) -> None:
    batch(booking, json.dumps(a_person("F-1", booked_at="2008-11-03T15:00:00Z", custody=None)).encode())

    late = book(booking, a_person("F-2", booked_at="2008-10-27T15:00:00Z", custody=None))

    assert error(late) == (422, "day-closed")


def test_a_booking_far_ahead_is_refused_instead_of_closing_years(booking: httpx.Client) -> None:
    ahead = book(booking, a_person("F-3", booked_at="2031-01-01T00:00:00Z", custody=None))

    assert error(ahead) == (422, "too-far-ahead")


# The script of the matcher


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands that are shown need curl")
def test_the_matcher_is_scripted_by_the_commands_that_the_contracts_show(house: Stack, booking: httpx.Client) -> None:
    assert booking.post("/runs", json={"runid": "live", "settings": the_settings()}).is_success
    shown = (CONTRACTS / "README.md").read_text(encoding="utf-8").partition("## Script the matcher")[2]
    (commands,) = re.findall(r"```sh\n(.*?)```", shown.partition("\n## ")[0], re.DOTALL)

    put, listed, taken_back = run_in_a_shell(house, commands.replace("http://127.0.0.1:8002", house.urls[MATCHER]))

    assert (put["subject"], put["by"], put["used"]) == ("ZZ0130100/B-41", "our tests", 0)
    assert listed["expectations"] == [put]
    assert taken_back == put


@pytest.fixture
def matcher(house: Stack, booking: httpx.Client) -> Iterator[httpx.Client]:
    """The matcher's interface, as an operator who is named for Boston sees it, with a run to script."""
    assert booking.post("/runs", json={"runid": SCRIPTED, "settings": the_settings()}).is_success
    token = operator_token(token_key(house.state_dir), "our tests", ("ZZ0130100",))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=house.urls[MATCHER], headers=headers, params={"run": SCRIPTED}, timeout=30) as client:
        eventually(lambda: client.get("/expectations").is_success, "the matcher knows the run")
        yield client


def expect(matcher: httpx.Client, oca: str, **said: Any) -> None:
    matcher.put(f"/expectations/ZZ0130100/{oca}", json=said).raise_for_status()


def used(matcher: httpx.Client, oca: str) -> int:
    told = {each["subject"]: each["used"] for each in matcher.get("/expectations").json()["expectations"]}
    return int(told[f"ZZ0130100/{oca}"])


def booked(booking: httpx.Client, oca: str) -> str:
    tcn: str = book(booking, a_person(oca, ori="ZZ0130100"), run=SCRIPTED).json()["tcn"]
    return tcn


def answered(booking: httpx.Client, tcn: str) -> dict[str, Any]:
    """What the FBI answers about a booking, when it does."""

    def look() -> Any:
        return booking.get(f"/bookings/{tcn}", params={"run": SCRIPTED}).json()["identification"]

    eventually(look, "the FBI has answered", seconds=20)
    told: dict[str, Any] = look()
    return told


def test_a_booking_is_answered_as_the_matcher_was_told_beforehand(booking: httpx.Client, matcher: httpx.Client) -> None:
    expect(matcher, "B-42", iafis={"answer": "match", "row": 17})

    tcn = booked(booking, "B-42")

    assert answered(booking, tcn)["srf"] == "I"
    assert used(matcher, "B-42") == 1


def test_a_delayed_answer_delays_no_other_and_is_given_by_a_matcher_that_is_stopped(
    house: Stack, booking: httpx.Client, matcher: httpx.Client
) -> None:
    expect(matcher, "B-43", delay_ms=20_000)

    delayed, other = booked(booking, "B-43"), booked(booking, "B-44")
    assert answered(booking, other)
    assert used(matcher, "B-43") == 0

    process = house.process(MATCHER)
    process.terminate()
    process.wait(timeout=20)
    assert answered(booking, delayed)
    house.wait_ready(READY_SECONDS)
    assert used(matcher, "B-43") == 1


def run_in_a_shell(house: Stack, commands: str) -> list[Any]:
    """What the commands print, a line of JSON each, where `interop` finds the house's audit."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "INTEROP_STATE_DIR": str(house.state_dir)}
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


# Health, and everything that an interface declares


def test_a_service_whose_group_vanishes_ends_and_is_started_again(house: Stack) -> None:
    process = house.process("audit")
    with Redis.from_url(house.redis_url) as redis:
        redis.xgroup_destroy(keys.stream("outcome.recorded.v1"), "audit")

        assert process.wait(timeout=20) != 0
    house.wait_ready(READY_SECONDS)


@pytest.mark.parametrize("service", ["booking", "biometric_match", "detainer", "audit"])
def test_nothing_that_an_interface_takes_in_makes_it_fail(house: Stack, service: str) -> None:
    """Requests made from the service's own OpenAPI document, good and bad: never a 5xx but the 503 that it declares."""
    schema = schemathesis.openapi.from_url(f"{house.urls[service]}/openapi.json")
    failures: list[str] = []

    for operation in schema.get_all_operations():

        @settings(max_examples=15, database=None)
        @given(case=operation.ok().as_strategy())
        def ask(case: schemathesis.Case) -> None:
            response = case.call(timeout=30)
            if response.status_code >= 500 and response.status_code != 503:
                failures.append(f"{case.method} {case.path}: {response.status_code} {response.text[:200]}")

        ask()

    assert failures == []


def test_the_logs_hold_no_stack_traces(house: Stack) -> None:
    for path in Path(house.state_dir, "logs").iterdir():
        text = path.read_text(errors="replace")
        assert "Traceback" not in text or "a subscriber has stopped" in text, path
