"""Measures the pipeline: through the intake, then round by round each variant, then the latency."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from redis import Redis

from sandbox.bench.pipeline import idiomatic
from sandbox.bench.pipeline.clock import LOOK_EVERY_SECONDS, Clock
from sandbox.bench.pipeline.groups import make_groups
from sandbox.bench.pipeline.latency import Latency, measure_latency
from sandbox.bench.pipeline.result import Order, Result, Round
from sandbox.bench.pipeline.variants import (
    IDIOMATIC,
    INTEROP,
    VARIANTS,
    Entries,
    Ground,
    Variant,
    baseline_processes,
    open_run,
    pids_of,
    services,
)
from sandbox.bench.pipeline.workload import (
    RUNID,
    Load,
    all_events,
    one_day,
    people_of,
    settings_of,
)
from sandbox.embedded import RedisServer
from sandbox.stack import ROOT, Stack
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

MEMORY = "2gb"
BURST = 500
LINES = 500
TRIVIAL_EVENTS, TRIVIAL_COPIES = 3_000, 10
"""At most so many events, and each of the load's at most so often."""

Tell = Callable[[str], None]


def measure(order: Order, tell: Tell, root: Path = ROOT) -> Result:
    """Measures everything that was ordered; `tell` hears what is being measured.

    Raises:
        InteropError: a variant did not start, did not finish, or did not end with the events of the reference run.
    """
    with _ground(root) as ground:
        tell("through the real intake")
        with _through_intake(ground, order) as (load, intake, stack):
            tell("latency at a low load")
            latency = _latency(ground, order, stack, load)
        rounds: dict[str, list[Round]] = defaultdict(list)
        for number in range(order.rounds):
            for variant in _in_turn(number):
                tell(f"round {number + 1} of {order.rounds}: {variant.name}")
                rounds[variant.name].append(_round(ground, variant, load))
        tell("a stage that does nothing, idiomatic")
        stage = _trivial_stage(ground, load)
        info: Any = ground.redis.info("server")
        name = "Valkey" if "valkey_version" in info else "Redis"
        version = info.get("valkey_version", info["redis_version"])
        return Result(order, load.events.total(), intake, dict(rounds), latency, stage, f"{name} {version}")


def rounds_of_services(order: Order, tell: Tell, root: Path = ROOT) -> Iterator[tuple[Load, Round]]:
    """Rounds of the services alone, and what they were fed with; between two of them only the Redis runs.

    Raises:
        InteropError: as `measure` does.
    """
    with _ground(root) as ground:
        tell("through the real intake")
        with _through_intake(ground, order) as (load, _, _):
            pass
        for number in range(order.rounds):
            tell(f"round {number + 1} of {order.rounds}: {INTEROP.name}")
            yield load, _round(ground, INTEROP, load)


@contextmanager
def _ground(root: Path) -> Iterator[Ground]:
    """A Redis of the benchmark's own, never one that is named: it is emptied again and again."""
    home = root / "bench"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home) as path, RedisServer(Path(path) / "redis", maxmemory=MEMORY) as server:
        rounds = Path(path) / "rounds"
        rounds.mkdir()
        with Redis.from_url(server.url) as redis:
            yield Ground(server, redis, rounds)


def _in_turn(number: int) -> Sequence[Variant]:
    """The variants, each round beginning with another, so that none always follows the same."""
    first = number % len(VARIANTS)
    return (*VARIANTS[first:], *VARIANTS[:first])


def _clear(redis: Redis) -> None:
    """Empties the server and its append-only file, so that no rewriting of the file falls into a measurement."""
    redis.flushall()
    redis.bgrewriteaof()
    while _persistence(redis)["aof_rewrite_in_progress"] or _persistence(redis)["aof_rewrite_scheduled"]:
        time.sleep(LOOK_EVERY_SECONDS)
    make_groups(redis)


def _persistence(redis: Redis) -> dict[str, Any]:
    info: Any = redis.info("persistence")
    return dict(info)


@contextmanager
def _through_intake(ground: Ground, order: Order) -> Iterator[tuple[Load, Round, Stack]]:
    """The reference run; its services go on for the block."""
    scenario = one_day(order.in_ident)
    settings = settings_of(scenario)
    people = people_of(scenario, order.bookings)
    _clear(ground.redis)
    with services(ground, settings) as stack:
        with httpx.Client(base_url=stack.urls["booking"], timeout=600, trust_env=False) as client:
            clock = Clock(ground, pids_of(stack))
            for start in range(0, len(people), LINES):
                _book(client, people[start : start + LINES])
            took = clock.when_settled()
        yield Load.recorded(ground.redis, settings, ground.ledger()), took, stack


def _latency(ground: Ground, order: Order, stack: Stack, load: Load) -> Latency:
    runid = f"{RUNID}-latency"
    open_run(stack, load.settings, runid)
    return measure_latency(stack.urls["booking"], ground.redis, runid, order.latency_seconds)


def _book(client: httpx.Client, lines: Sequence[bytes]) -> None:
    answer = client.post("/bookings:batch", params={"run": RUNID}, content=b"\n".join(lines))
    answer.raise_for_status()
    if answer.text.count('"status": "accepted"') != len(lines):
        raise InteropError("bench-refused", f"the intake did not accept every booking: {answer.text[-300:]}")


def _round(ground: Ground, variant: Variant, load: Load) -> Round:
    _clear(ground.redis)
    entries = variant.entries(load)
    with variant.processes(ground, load) as pids:
        variant.write_cases(ground.redis, load)
        clock = Clock(ground, pids)
        _append(ground.redis, entries)
        took = clock.when_settled()
    _check(variant, "events", load.events, all_events(ground.redis, variant.unwrap))
    _check(variant, "ledger rows", load.ledger, ground.ledger())
    return took


def _check(variant: Variant, what: str, wanted: Counter[Any], found: Counter[Any]) -> None:
    """A variant that does something else is not compared.

    Raises:
        InteropError: `bench-differs`.
    """
    missing, extra = wanted - found, found - wanted
    if missing or extra:
        example = next(iter(missing or extra))
        raise InteropError(
            "bench-differs",
            f"{variant.name} did not end with the {what} of the reference run ({missing.total()} missing, "
            f"{extra.total()} others, e.g. {str(example)[:200]}); were the sources edited meanwhile?",
        )


def _append(redis: Redis, entries: Entries) -> None:
    for start in range(0, len(entries), BURST):
        pipeline = redis.pipeline(transaction=False)
        for stream, fields in entries[start : start + BURST]:
            pipeline.xadd(stream, fields)
        pipeline.execute()


def _trivial_stage(ground: Ground, load: Load) -> tuple[int, Round]:
    """One idiomatic stage that passes on what it gets: how many events, and how long it took."""
    _clear(ground.redis)
    ground.redis.xadd(keys.stream("run.opened.v1"), {"event": load.run_opened})
    ground.redis.xgroup_create(idiomatic.TRIVIAL_IN, "trivial", id="0", mkstream=True)
    entries = [(idiomatic.TRIVIAL_IN, fields) for _, fields in IDIOMATIC.entries(load)]
    many = (entries * TRIVIAL_COPIES)[:TRIVIAL_EVENTS]
    with baseline_processes(ground, "idiomatic", ["trivial"]) as pids:
        clock = Clock(ground, pids)
        _append(ground.redis, many)
        took = clock.when(lambda: ground.redis.xlen(idiomatic.TRIVIAL_OUT) == len(many))
    return len(many), took
