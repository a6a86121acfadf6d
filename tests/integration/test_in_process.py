"""The engine without streams beside the real thing: the services, each in its process, over a Redis.

What is compared is what the oracle of the failure tests compares: (id, type, subject, time, data) of every event.
"""

import json
from pathlib import Path

import httpx
import pytest
from redis import Redis

from sandbox.audit.place import reconcile
from sandbox.drive import Driver
from sandbox.in_process import run_in_process
from sandbox.population import bookings
from sandbox.scenario import load_scenario, resolve
from tests.conftest import StartRedis
from tests.integration.oracle import (
    READY_SECONDS,
    Fingerprint,
    a_house,
    differences,
    eventually,
    fingerprint,
    unsettled,
)

RUN = "boston-2008-2010-7"
SEED = 7
BOOKINGS = 5_000


def rows(bodies: list[bytes]) -> Fingerprint:
    """What `fingerprint` makes of the streams, of events that were heard."""
    events = map(json.loads, bodies)
    return frozenset(
        (event["id"], event["type"], event["subject"], event["time"], json.dumps(event["data"], sort_keys=True))
        for event in events
    )


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
def test_a_scenario_is_event_for_event_what_the_services_make_of_it(start_redis: StartRedis, tmp_path: Path) -> None:
    scenario = load_scenario("boston-2008-2010")
    settings = resolve(scenario, seed=SEED, bookings=BOOKINGS)
    server = start_redis()
    with a_house(tmp_path, redis_url=server.url) as house, Redis.from_url(server.url) as redis:
        house.wait_ready(READY_SECONDS)
        Driver(house.urls["booking"], RUN).run(settings, bookings(scenario, SEED, BOOKINGS), BOOKINGS)
        through_streams = fingerprint(redis, RUN)

    heard: list[bytes] = []
    run_in_process(scenario, settings, RUN, SEED, BOOKINGS, on_event=heard.append)

    assert len(heard) == len(rows(heard))
    assert differences(through_streams, rows(heard)) == []


FEWER = 600


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
def test_a_run_in_which_people_are_cited_ends_too_and_the_agency_sees_why_no_answer_comes(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    scenario = load_scenario("boston-2008-2010")
    settings = resolve(scenario, seed=SEED, bookings=FEWER, sharing="counterfactual-cite-or-book")
    heard: list[bytes] = []
    run_in_process(scenario, settings, RUN, SEED, FEWER, on_event=heard.append)
    recorded = [event for event in map(json.loads, heard) if event["type"] == "booking.recorded.v1"]
    cited = next(event["tcn"] for event in recorded if event["data"]["handled"] == "cited")
    server = start_redis()

    with a_house(tmp_path, redis_url=server.url) as house, Redis.from_url(server.url) as redis:
        house.wait_ready(READY_SECONDS)
        Driver(house.urls["booking"], RUN).run(settings, bookings(scenario, SEED, FEWER), FEWER)
        eventually(lambda: unsettled(redis) == [], "everything is through, audit included")
        shown = httpx.get(f"{house.urls['booking']}/bookings/{cited}", params={"run": RUN}).json()

        assert differences(fingerprint(redis, RUN), rows(heard)) == []
        assert reconcile(redis, tmp_path).reconciled
    assert (shown["handled"], shown["custody"], shown["identification"]) == ("cited", "cited, and let go", None)
    assert "no answer will ever come" in shown["not_told"][0]
