"""The three ways of doing the flow, each as four processes on the benchmark's Redis."""

import asyncio
import json
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from redis import Redis

from sandbox.bench.pipeline import idiomatic, parts
from sandbox.bench.pipeline.workload import RUNID, Load, Unwrap, plain
from sandbox.embedded import RedisServer, last_line
from sandbox.stack import FLOW, Stack
from sandbox.watchdog import Watchdog
from services.audit.domain import Row
from services.booking.events import RunSettings
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

READY_SECONDS = 60.0
STOP_SECONDS = 15.0

Pids = Mapping[str, int]
Entries = Sequence[tuple[str, dict[Any, Any]]]
"""What is appended to start the clock: (stream, fields)."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of doing the flow.

    `processes` starts it, with the run opened and everybody ready; `entries` and `cases` are the load in its formats.
    """

    name: str
    processes: Callable[["Ground", Load], AbstractContextManager[Pids]]
    entries: Callable[[Load], Entries]
    write_cases: Callable[[Redis, Load], None]
    unwrap: Unwrap


@dataclass(frozen=True, slots=True)
class Ground:
    """What all variants stand on: one Redis server, and a directory for logs and ledgers."""

    server: RedisServer
    redis: Redis
    folder: Path

    def new_folder(self) -> Path:
        """A directory for one round, with a ledger of its own."""
        path = self.folder / f"{len(list(self.folder.iterdir())):06}"
        path.mkdir(mode=0o700)
        return path

    def ledger(self) -> Counter[Row]:
        """Every row of the last round's ledger."""
        return Counter(parts.rows_in(max(self.folder.iterdir())))


@contextmanager
def services(ground: Ground, settings: RunSettings, runid: str = RUNID) -> Iterator[Stack]:
    """The services as they are, with a run opened."""
    stack = Stack(ground.new_folder(), redis_url=ground.server.url, preferred_ports={}, services=FLOW)
    with stack:
        stack.wait_ready(READY_SECONDS)
        open_run(stack, settings, runid)
        yield stack


def open_run(stack: Stack, settings: RunSettings, runid: str) -> None:
    """Opens a run; the answer comes when every service has read its settings."""
    body = {"runid": runid, "settings": settings.model_dump(mode="json")}
    httpx.post(f"{stack.urls['booking']}/runs", json=body, timeout=60, trust_env=False).raise_for_status()


def pids_of(stack: Stack) -> Pids:
    """The process of each service."""
    return {service: stack.process(service).pid for service in FLOW}


@contextmanager
def _interop(ground: Ground, load: Load) -> Iterator[Pids]:
    with services(ground, load.settings) as stack:
        yield pids_of(stack)


def _baseline(module: str) -> Callable[[Ground, Load], AbstractContextManager[Pids]]:
    @contextmanager
    def processes(ground: Ground, load: Load) -> Iterator[Pids]:
        ground.redis.xadd(keys.stream("run.opened.v1"), {"event": load.run_opened})
        with baseline_processes(ground, module, FLOW) as pids:
            yield pids

    return processes


@contextmanager
def baseline_processes(ground: Ground, module: str, names: Sequence[str]) -> Iterator[Pids]:
    """Processes of a baseline, all of them ready.

    Raises:
        InteropError: `baseline-died`, `baseline-not-ready`.
    """
    folder = ground.new_folder()
    environment = {"INTEROP_REDIS_URL": ground.server.url, "INTEROP_STATE_DIR": str(folder)}
    with ExitStack() as undo:
        watchdog = Watchdog()
        undo.callback(watchdog.close)
        started: dict[str, subprocess.Popen[bytes]] = {}
        for name in names:
            with (folder / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", f"sandbox.bench.pipeline.{module}", name],
                    env=os.environ | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
            started[name] = process
            watchdog.guard(process.pid)
            undo.callback(_end, process)
        for name, process in started.items():
            _wait_ready(name, process, folder / f"{name}.log")
        yield {name: process.pid for name, process in started.items()}
        for name, process in started.items():
            if process.poll() is not None:
                raise InteropError("baseline-died", f"{name} ended: {last_line(folder / f'{name}.log')!r}")


def _wait_ready(name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    if process.stdout is None:
        raise RuntimeError("the process has a pipe")
    readable, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    if not readable or process.stdout.readline().strip() != parts.READY.encode():
        raise InteropError("baseline-not-ready", f"{name} did not start: {last_line(log)!r}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _plain_entries(load: Load) -> Entries:
    return [(keys.stream(event_type), {"event": body}) for event_type, body in load.entries]


def _wrapped_entries(load: Load) -> Entries:
    bodies = asyncio.run(idiomatic.wrapped([json.loads(body) for _, body in load.entries]))
    return [
        (keys.stream(event_type), {"__data__": body})
        for (event_type, _), body in zip(load.entries, bodies, strict=True)
    ]


def _write_case_hashes(redis: Redis, load: Load) -> None:
    pipeline = redis.pipeline(transaction=False)
    for case in load.cases:
        row: dict[Any, Any] = {"version": 1, "subject": case.subject, "case": case.body}
        pipeline.hset(keys.case("booking", RUNID, case.tcn), mapping=row)
    pipeline.execute()


def _write_case_values(redis: Redis, load: Load) -> None:
    pipeline = redis.pipeline(transaction=False)
    for case in load.cases:
        pipeline.set(parts.case_key("booking", case.tcn), case.body)
    pipeline.execute()


INTEROP = Variant("interop", _interop, _plain_entries, _write_case_hashes, plain)
IDIOMATIC = Variant("idiomatic", _baseline("idiomatic"), _wrapped_entries, _write_case_values, idiomatic.unwrap)
REDIS_PY = Variant("redis_py", _baseline("redis_py"), _plain_entries, _write_case_values, plain)
VARIANTS = (INTEROP, IDIOMATIC, REDIS_PY)
