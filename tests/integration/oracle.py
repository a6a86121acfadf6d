"""The oracle of the failure tests: an undisturbed run of the same name on a Redis of its own.

Whatever is done to a house meanwhile, its run must be the same set of events in the end. 240 people are booked in 25
days; nearly half of them are in IDENT, so that there are many detainers.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from sandbox import dead_letters, streams
from sandbox.audit.place import reconcile
from sandbox.drive import Driver
from sandbox.population import bookings
from sandbox.scenario import Scenario, in_days, load_scenario, resolve
from sandbox.stack import FLOW, Stack
from services.audit.events import WATCHED
from services.booking.events import RunSettings
from services.chassis.delivery import keys

RUN = "heron-2008"
SEED = 41
BOOKINGS = 240
LEASE_MS = 1_000
READY_SECONDS = 60.0

Fingerprint = frozenset[tuple[str, str, str, str, str]]


@dataclass(frozen=True)
class Story:
    """What is run: the settings and the people."""

    settings: RunSettings
    people: Sequence[dict[str, Any]]


@cache
def the_story(*, capacity: int | None = 2) -> Story:
    """The story of the failure tests. Without a capacity, detainers are lodged while people are still booked."""
    scenario = _scenario(capacity)
    return Story(resolve(scenario, seed=SEED), list(bookings(scenario, SEED, BOOKINGS)))


def _scenario(capacity: int | None) -> Scenario:
    boston = in_days(load_scenario("boston-2008-2010"), date(2008, 10, 27), date(2008, 11, 20))
    changes = {
        "people": boston.people.model_copy(update={"in_ident": 0.4}),
        "capacity_per_day": {"eastern": capacity},
        "pickup": boston.pickup.model_copy(update={"told_rate": {"otherwise": 0.45}}),
        "feedback": True,
    }
    return boston.model_copy(update=changes)


def fingerprint(redis: Redis, runid: str = RUN) -> Fingerprint:
    """What a run was: (id, type, subject, time, data) of every event of every stream."""
    return frozenset(
        (event["id"], event["type"], event["subject"], event["time"], json.dumps(event["data"], sort_keys=True))
        for event in streams.all_events(redis, runid)
    )


def differences(expected: Fingerprint, found: Fingerprint) -> list[str]:
    """In what a run differs from the oracle, a few lines that a person can read."""
    missing = [f"missing: {row}" for row in sorted(expected - found, key=lambda row: (row[3], row[1]))]
    extra = [f"extra:   {row}" for row in sorted(found - expected, key=lambda row: (row[3], row[1]))]
    return missing[:4] + extra[:4]


def doubled(redis: Redis) -> dict[str, int]:
    """The events that stand in a stream more than once, by type and id."""
    times: Counter[str] = Counter()
    for event_type in WATCHED:
        for _, fields in streams.entries(redis, keys.stream(event_type)):
            try:
                times[f"{event_type} {json.loads(fields[b'event'])['id']}"] += 1
            except (KeyError, TypeError, ValueError):
                continue
    return {name: count for name, count in times.items() if count > 1}


def letters(redis: Redis) -> Counter[tuple[str, str, str]]:
    """The dead letters, by event type, group and reason."""
    return Counter((row.event_type, row.group, row.reason) for row in dead_letters.all_letters(redis))


def assert_like_the_oracle(
    oracle: Fingerprint,
    redis: Redis,
    state_dir: Path,
    *,
    poison: Counter[tuple[str, str, str]] | None = None,
    duplicates: bool = False,
) -> None:
    """Nothing lost, nothing doubled, nothing different; only poison is dead; every disclosure is logged.

    Args:
        oracle: what the undisturbed run was.
        redis: where the disturbed run was.
        state_dir: where audit keeps its log and its vault.
        poison: the dead letters that there must be; none, unless said.
        duplicates: whether the test itself has published events twice.
    """
    eventually(lambda: unsettled(redis) == [], "everything is through, audit included")
    assert differences(oracle, fingerprint(redis)) == []
    assert duplicates or doubled(redis) == {}
    assert letters(redis) == (poison or Counter())
    reconciliation = reconcile(redis, state_dir)
    assert reconciliation.reconciled, reconciliation
    assert reconciliation.lag == 0


def a_house(state_dir: Path, *, services: Sequence[str] = FLOW, **options: Any) -> Stack:
    """The services, with short leases, ports of their own and switches to break them. A `with` block keeps them up.

    The flow needs no witnesses; without them the log is written, and not published.
    """
    environment = {"INTEROP_LEASE_MS": str(LEASE_MS), "SANDBOX_FAULTS": "1", **options.pop("extra_env", {})}
    return Stack(state_dir, services=services, preferred_ports={}, extra_env=environment, **options)


class Booking(threading.Thread):
    """Books the people of a story in the background, as `interop run` does it in the foreground."""

    def __init__(self, url: str, story: Story, runid: str = RUN) -> None:
        super().__init__(name="booking", daemon=True)
        self.failure: BaseException | None = None
        self._driver = Driver(url, runid)
        self._story = story

    def run(self) -> None:
        try:
            self._driver.run(self._story.settings, self._story.people, len(self._story.people))
        except BaseException as error:
            self.failure = error

    def wait(self, seconds: float = 120.0) -> None:
        """Until the run has ended."""
        self.join(seconds)
        if self.failure is not None:
            raise self.failure
        assert not self.is_alive(), f"the run has not ended after {seconds:g} s"


@contextmanager
def being_booked(url: str, story: Story | None = None, runid: str = RUN) -> Iterator[Booking]:
    """A block in which people are being booked; at its end the run has ended."""
    booking = Booking(url, story or the_story(), runid)
    booking.start()
    yield booking
    booking.wait()


def eventually(check: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Waits until something is so; an outage of Redis only means that it is not so yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except RedisError:
            pass
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(0.01)


def until_booked(redis: Redis, count: int) -> None:
    """Waits until so many people were booked."""
    stream = keys.stream("booking.recorded.v1")
    eventually(lambda: int(redis.xlen(stream)) >= count, f"{count} people are booked")


def published(redis: Redis) -> int:
    """How many entries all streams hold together."""
    return sum(int(redis.xlen(keys.stream(event_type))) for event_type in WATCHED)


def unsettled(redis: Redis) -> list[str]:
    """Which group still owes something on which stream, as `stream group`; audit is among them."""
    return [
        f"{keys.stream(event_type)} {group['name'].decode()}"
        for event_type in WATCHED
        for group in redis.xinfo_groups(keys.stream(event_type))
        if group["pending"]
        or group["last-delivered-id"] != redis.xinfo_stream(keys.stream(event_type))["last-generated-id"]
    ]


def status(redis: Redis, runid: str = RUN) -> str:
    """Where the run is: open, ending, settling, ended."""
    shown = redis.hget(keys.clock(runid), "status")
    return "" if shown is None else bytes(shown).decode()
