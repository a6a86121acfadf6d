"""`interop bench match-shards`: how much faster two processes search that share the galleries out than one does alone.

The matcher's own processes, as `interop up --shards` starts them, on a Redis of the benchmark's own; each searches with
one thread, so that two of them have twice the processor. They get the same submissions at once and are timed until the
last answer is committed. Rounds with one and with two processes take turns, and both must answer the same.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from redis import Redis

from sandbox import streams
from sandbox.embedded import RedisServer
from sandbox.population import bookings
from sandbox.scenario import load_scenario, resolve, with_gallery_rows
from sandbox.stack import ROOT, SHARDED, Stack
from services.biometric_match.events import IdentificationReturned, ImmigrationSearched, ImmigrationStatusReturned
from services.booking.events import BookingRecorded, BookingRequest, FingerprintsSubmitted, RunOpened
from services.booking.handlers import on_booking
from services.booking.identifiers import subject_of, tcn_of
from services.booking.run import place_of
from services.chassis.delivery import keys
from services.chassis.delivery.stages import Effects
from services.chassis.envelope import CaseId, encode, event_id
from services.chassis.errors import InteropError

SCENARIO = "boston-2008-2010"
SEED = 2010
RUNID = "bench"
SHARDS = (1, 2)
MEMORY = "1gb"

WARM_UP = 256
"""Submissions before the clock starts, a whole batch: it makes the galleries and, of a million rows, lasts until the
kernel is compiled that is timed. Smaller galleries may have a process compile it (`search.Compiled`) in the timed part.
"""

READY_SECONDS = 60.0
PATIENCE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 0.005

OPENED = keys.stream(RunOpened.event_type)
SUBMITTED = keys.stream(FingerprintsSubmitted.event_type)
ANSWERS = [each.event_type for each in (IdentificationReturned, ImmigrationSearched, ImmigrationStatusReturned)]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is measured."""

    rows: int
    """Of each of the two galleries."""

    submissions: int
    """Of a round; each is searched for in both galleries."""

    rounds: int


@dataclass(frozen=True, slots=True)
class Load:
    """The run, and the submissions of a round after those of the warm-up."""

    run_opened: bytes
    warm_up: Sequence[bytes]
    timed: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round took, and what was answered in it."""

    seconds: float
    answers: frozenset[str]


def measure(order: Order, tell: Tell, root: Path = ROOT) -> dict[str, Any]:
    """Measures with one and with two shards, and compares.

    Raises:
        InteropError: `bench-stuck`, `bench-differs`, or what keeps the matcher from starting.
    """
    home = root / "bench"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    tell("making the submissions")
    load = _load(order)
    rounds: dict[int, list[Round]] = {shards: [] for shards in SHARDS}
    with TemporaryDirectory(dir=home) as path, RedisServer(Path(path) / "redis", maxmemory=MEMORY) as server:
        for number in range(order.rounds):
            for shards in _in_turn(number):
                tell(f"round {number + 1} of {order.rounds}, with {shards} of {len(SHARDS)} processes")
                rounds[shards].append(_round(server, Path(path) / f"{number}-{shards}", load, shards))
    _check([each for some in rounds.values() for each in some])
    return _told(order, {shards: [each.seconds for each in some] for shards, some in rounds.items()})


def _in_turn(number: int) -> Sequence[int]:
    """Each round begins with another, so that neither always follows the other."""
    return SHARDS if number % 2 == 0 else SHARDS[::-1]


def _load(order: Order) -> Load:
    scenario = with_gallery_rows(load_scenario(SCENARIO), order.rows)
    settings = resolve(scenario, seed=SEED)
    opened = RunOpened.model_validate({**settings.model_dump(), "disclosures": ()})
    run_opened = encode(
        opened,
        identity=event_id(RUNID, opened.event_type, str(settings.opened_on), 0),
        runid=RUNID,
        subject=str(settings.opened_on),
        time=datetime(2010, 1, 1, tzinfo=UTC),
        tcn=None,
        cause=None,
    )
    place = place_of(run_opened)
    effects = Effects("booking", frozenset({BookingRecorded.event_type, FingerprintsSubmitted.event_type}))

    def submission(body: dict[str, Any]) -> bytes:
        request = BookingRequest.model_validate_json(json.dumps(body))
        booked_at = request.booked_at or datetime(2010, 1, 1, tzinfo=UTC)
        subject = subject_of(request.ori, request.oca)
        booked = CaseId(RUNID, tcn_of(RUNID, request.ori, request.oca), subject)
        outcome = on_booking(request, booked, booked_at, booked_at.date(), place)
        (_, submitted) = effects.append(booked, outcome.emits, "")
        return submitted.fields["event"]

    bodies = [submission(person) for person in bookings(scenario, SEED, WARM_UP + order.submissions)]
    return Load(run_opened, bodies[:WARM_UP], bodies[WARM_UP:])


def _round(server: RedisServer, state_dir: Path, load: Load, shards: int) -> Round:
    settings = {"INTEROP_SEARCH_THREADS": "1"}
    with Redis.from_url(server.url) as redis:
        redis.flushall()
        redis.xadd(OPENED, {"event": load.run_opened})
        options: Any = {"services": [SHARDED], "preferred_ports": {}, "extra_env": settings}
        with Stack(state_dir, redis_url=server.url, shards=shards, **options) as stack:
            stack.wait_ready(READY_SECONDS)
            _until_settled(redis, OPENED)
            _submit(redis, load.warm_up)
            _until_settled(redis, SUBMITTED)
            began = time.perf_counter()
            _submit(redis, load.timed)
            _until_settled(redis, SUBMITTED)
            seconds = time.perf_counter() - began
        return Round(seconds, _answers(redis))


def _submit(redis: Redis, bodies: Sequence[bytes]) -> None:
    # All in one moment, so that whoever waits takes a whole batch.
    pipeline = redis.pipeline(transaction=True)
    for body in bodies:
        pipeline.xadd(SUBMITTED, {"event": body})
    pipeline.execute()


def _until_settled(redis: Redis, stream: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _is_owed(redis, stream):
        if time.monotonic() > deadline:
            raise InteropError("bench-stuck", f"the matcher has not answered after {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_EVERY_SECONDS)


def _is_owed(redis: Redis, stream: str) -> bool:
    told: Any = redis.xinfo_stream(stream)
    groups: Any = redis.xinfo_groups(stream)
    return any(group["pending"] or group["last-delivered-id"] != told["last-generated-id"] for group in groups)


def _answers(redis: Redis) -> frozenset[str]:
    entries = (fields for each in ANSWERS for _, fields in streams.entries(redis, keys.stream(each)))
    return frozenset(fields[b"event"].decode() for fields in entries)


def _check(rounds: Sequence[Round]) -> None:
    if not rounds[0].answers or any(each.answers != rounds[0].answers for each in rounds):
        raise InteropError("bench-differs", "two shards did not answer as one does; were the sources edited meanwhile?")


def _told(order: Order, seconds: dict[int, list[float]]) -> dict[str, Any]:
    searches = 2 * order.submissions
    rows = [
        {
            "shards": shards,
            "seconds": [round(each, 6) for each in some],
            "searches_a_second": round(searches / median(some), 1),
        }
        for shards, some in seconds.items()
    ]
    # Of neighbours in time: what else a machine does in a round weighs on both.
    ratios = [one / two for one, two in zip(*(seconds[shards] for shards in SHARDS), strict=True)]
    return {
        "gallery_rows": order.rows,
        "submissions": order.submissions,
        "searches": searches,
        "threads_a_process": 1,
        "cores": os.cpu_count(),
        "measured": rows,
        "ratios": [round(each, 3) for each in ratios],
        "ratio_two_shards": round(median(ratios), 3),
    }
