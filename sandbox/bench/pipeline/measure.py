"""Measures the pipeline: through the intake, then round by round each variant, then the latency."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from redis import Redis

from sandbox.bench.pipeline import idiomatic
from sandbox.bench.pipeline.groups import Settled, make_groups
from sandbox.bench.pipeline.latency import Latency, measure_latency
from sandbox.bench.pipeline.variants import (
    IDIOMATIC,
    INTEROP,
    REDIS_PY,
    VARIANTS,
    Entries,
    Ground,
    Pids,
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
from sandbox.stack import ROOT
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

MEMORY = "2gb"
PATIENCE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 0.01
BURST = 500
LINES = 500
TRIVIAL_EVENTS, TRIVIAL_COPIES = 3_000, 10
"""At most so many events, and each of the load's at most so often."""

SOUND_STAGE = 1_200.0
"""Events per second of a stage that does nothing, below which the idiomatic baseline is taken for broken. By its own
processor time: on a machine that does other things too, the clock tells more of those than of the stage."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure."""

    bookings: int
    rounds: int
    in_ident: float
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: how long everything took, and the processor time of each process where it can be read."""

    seconds: float
    processor: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that was measured."""

    order: Order
    events: int
    intake: Round
    rounds: dict[str, list[Round]]
    latency: Latency
    stage: tuple[int, Round]
    server: str

    def seconds(self, variant: Variant) -> float:
        """The median of a variant's rounds."""
        return median(row.seconds for row in self.rounds[variant.name])

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        spent = {name: self._processor(rows) for name, rows in self.rounds.items()}
        ours, plain, bare = self.seconds(INTEROP), self.seconds(IDIOMATIC), self.seconds(REDIS_PY)
        return {
            "bookings_per_s": round(self.order.bookings / ours, 1),
            "events_per_s": round(self.events / ours, 1),
            "ratio_to_idiomatic": round(plain / ours, 2),
            "ratio_to_redis_py": round(bare / ours, 2),
            "idiomatic_events_per_s": round(self.events / plain, 1),
            "redis_py_events_per_s": round(self.events / bare, 1),
            "idiomatic_stage": self._stage(),
            "latency_ms": self.latency.as_json(),
            "through_intake": {
                "bookings_per_s": round(self.order.bookings / self.intake.seconds, 1),
                "events_per_s": round(self.events / self.intake.seconds, 1),
            },
            "bookings": self.order.bookings,
            "events": self.events,
            "in_ident": self.order.in_ident,
            "rounds": {name: [round(row.seconds, 3) for row in rows] for name, rows in self.rounds.items()},
            "processor_ms_per_booking": spent,
            "processor_ratio_to_idiomatic": _ratio(spent[IDIOMATIC.name], spent[INTEROP.name]),
            "processor_ratio_to_redis_py": _ratio(spent[REDIS_PY.name], spent[INTEROP.name]),
            "server": self.server,
            "processors": os.cpu_count(),
        }

    def _stage(self) -> dict[str, float | bool | None]:
        """Whether the idiomatic baseline is sound: by its processor time, where it can be read, else by the clock."""
        events, took = self.stage
        spent = took.processor.get("trivial")
        by_clock = events / took.seconds
        by_processor = events / spent if spent else None
        return {
            "events_per_s": round(by_clock, 1),
            "events_per_processor_s": None if by_processor is None else round(by_processor, 1),
            "sound": (by_processor or by_clock) >= SOUND_STAGE,
        }

    def _processor(self, rows: Sequence[Round]) -> dict[str, float]:
        """Milliseconds of processor time a booking, by process: the median over the rounds."""
        names = rows[0].processor
        return {
            name: round(1000 * median(row.processor[name] for row in rows) / self.order.bookings, 3) for name in names
        }


def _ratio(theirs: Mapping[str, float], ours: Mapping[str, float]) -> float | None:
    """How much more processor time they take, all processes together: what a busy machine cannot distort."""
    return round(sum(theirs.values()) / sum(ours.values()), 2) if ours and sum(ours.values()) else None


def measure(order: Order, tell: Tell, root: Path = ROOT) -> Result:
    """Measures everything that was ordered; `tell` hears what is being measured.

    Raises:
        InteropError: a variant did not start, did not finish, or did not end with the events of the reference run.
    """
    with _ground(root) as ground:
        tell("through the real intake")
        load, intake, latency = _through_intake(ground, order, tell)
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


def _through_intake(ground: Ground, order: Order, tell: Tell) -> tuple[Load, Round, Latency]:
    """The reference run, and, in the same house, the latency."""
    scenario = one_day(order.in_ident)
    settings = settings_of(scenario)
    people = people_of(scenario, order.bookings)
    _clear(ground.redis)
    with services(ground, settings) as stack:
        with httpx.Client(base_url=stack.urls["booking"], timeout=600, trust_env=False) as client:
            clock = _Clock(ground, pids_of(stack))
            for start in range(0, len(people), LINES):
                _book(client, people[start : start + LINES])
            took = clock.when_settled()
        load = Load.recorded(ground.redis, settings)
        tell("latency at a low load")
        open_run(stack, settings, f"{RUNID}-latency")
        latency = measure_latency(stack.urls["booking"], ground.redis, f"{RUNID}-latency", order.latency_seconds)
    return load, took, latency


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
        clock = _Clock(ground, pids)
        _append(ground.redis, entries)
        took = clock.when_settled()
    _check(variant, load.events, all_events(ground.redis, variant.unwrap))
    return took


def _check(variant: Variant, wanted: Counter[str], found: Counter[str]) -> None:
    """A variant that does something else is not compared.

    Raises:
        InteropError: `bench-differs`.
    """
    missing, extra = wanted - found, found - wanted
    if missing or extra:
        example = next(iter(missing or extra))
        raise InteropError(
            "bench-differs",
            f"{variant.name} did not end with the events of the reference run ({missing.total()} missing, "
            f"{extra.total()} others, e.g. {example}); were the sources edited meanwhile?",
        )


def _append(redis: Redis, entries: Entries) -> None:
    for start in range(0, len(entries), BURST):
        pipeline = redis.pipeline(transaction=False)
        for stream, fields in entries[start : start + BURST]:
            pipeline.xadd(stream, fields)
        pipeline.execute()


class _Clock:
    """Starts when it is made."""

    def __init__(self, ground: Ground, pids: Pids) -> None:
        self._settled = Settled(ground.redis)
        self._pids = dict(pids)
        if ground.server.pid is not None:
            self._pids["redis"] = ground.server.pid
        self._processor = self._spent()
        self._started = time.perf_counter()

    def when_settled(self) -> Round:
        """Stops when every group has done everything, and tells how long that took."""
        return self.when(lambda: not self._settled.owing())

    def when(self, done: Callable[[], bool]) -> Round:
        """Stops when all is done, and tells how long it took.

        Raises:
            InteropError: `bench-stuck`.
        """
        while not done():
            if time.perf_counter() - self._started > PATIENCE_SECONDS:
                owing = ", ".join(self._settled.owing())
                raise InteropError("bench-stuck", f"not done after {PATIENCE_SECONDS:.0f} s; still owing: {owing}")
            time.sleep(LOOK_EVERY_SECONDS)
        seconds = time.perf_counter() - self._started
        spent = self._spent()
        return Round(seconds, {name: spent[name] - before for name, before in self._processor.items()})

    def _spent(self) -> dict[str, float]:
        spent = {name: _processor_seconds(pid) for name, pid in self._pids.items()}
        return {name: seconds for name, seconds in spent.items() if seconds is not None}


def _processor_seconds(pid: int) -> float | None:
    """The processor time of a process so far; None where the system does not tell it this way."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def _trivial_stage(ground: Ground, load: Load) -> tuple[int, Round]:
    """One idiomatic stage that passes on what it gets: how many events, and how long it took."""
    _clear(ground.redis)
    ground.redis.xadd(keys.stream("run.opened.v1"), {"event": load.run_opened})
    ground.redis.xgroup_create(idiomatic.TRIVIAL_IN, "trivial", id="0", mkstream=True)
    entries = [(idiomatic.TRIVIAL_IN, fields) for _, fields in IDIOMATIC.entries(load)]
    many = (entries * TRIVIAL_COPIES)[:TRIVIAL_EVENTS]
    with baseline_processes(ground, "idiomatic", ["trivial"]) as pids:
        clock = _Clock(ground, pids)
        _append(ground.redis, many)
        took = clock.when(lambda: ground.redis.xlen(idiomatic.TRIVIAL_OUT) == len(many))
    return len(many), took
