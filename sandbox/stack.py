"""The local stack: the services, the witnesses of the log and the console as processes of their own, over a Redis.

    with Stack(new_state_dir(Path(".interop"))) as stack:
        stack.wait_ready(60)
        ...  # stack.urls["booking"]

A service that ends is started again, as a container with `restart: unless-stopped` would be: one whose subscriber
stops ends on purpose, and a killed one carries on where it left off. The Redis is the one that REDIS_URL names, else
one of the stack's own (`sandbox.embedded`); it isn't supervised: a Redis never ends on purpose. The console may ask for
an own one to be killed and started again (`sandbox.errands`), to show that nothing is lost.

While a stack is up, `stack.json` in its state directory says where it answers; `running_stack` finds it.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from sandbox import errands
from sandbox.embedded import RedisServer, answers, last_line, write_private
from sandbox.ports import HOST, claimed_port
from sandbox.watchdog import Watchdog
from services.audit.settings import AuditSettings
from services.chassis.errors import InteropError

ROOT = Path(".interop")
"""Where the state of runs stays, below the current directory."""

WITNESSES: Mapping[str, str] = {"witness_1": "lawclinic.example/w1", "witness_2": "stateauditor.example/w2"}
"""The witnesses of the log, and the names that they sign with."""

FLOW = ("booking", "biometric_match", "detainer", "audit")
SERVICES = (*FLOW, *WITNESSES)
CONSOLE = "console"
"""The web page, which shows what the services do; nothing of the flow needs it."""

ALONE = ("audit", *WITNESSES, CONSOLE)
"""What there is one process of, however many workers the others have: a log has one writer, a witness one memory."""

SHARDED = "biometric_match"
"""What can be divided into shards, each of which a process of its own keeps."""

POLICIES = "policies"
"""The folder below the root where policies of one's own are saved: they outlive the stack that they were made in."""

PREFERRED_PORTS: Mapping[str, int] = {
    CONSOLE: 8000,
    "booking": 8001,
    "biometric_match": 8002,
    "detainer": 8003,
    "audit": 8004,
    "witness_1": 8005,
    "witness_2": 8006,
}
"""What the first worker of a service takes when it is free, so that addresses stay the same from day to day."""

GRACE = 15.0
"""Seconds that a service has to finish what it has in hand before it is killed."""

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 5.0
HEALTHY_AFTER = 10.0
EARLY_DEATHS = 5
REFUSED = 2
"""The exit code of a process that says in a sentence why it will not start. It would say the same again."""

_FILE = "stack.json"
_REQUESTS = "requests"
_LOCK = "stack.lock"
_LATEST = "latest"
_LOOK_EVERY = 0.05
_LOCK_PATIENCE = 1.0


@dataclass
class Worker:
    """One process of a service, and what its supervision has to remember."""

    service: str
    number: int
    port: int
    log: Path

    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    resume_at: float | None = None
    backoff: float | None = None
    ever_ready: bool = False
    early_deaths: int = 0

    @property
    def name(self) -> str:
        """`booking-1`: stable over restarts, so that it is also the consumer's name in the service's groups."""
        return f"{self.service}-{self.number}"

    @property
    def url(self) -> str:
        """Where its HTTP side answers."""
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True)
class StackInfo:
    """What `stack.json` says of a stack that is up. The Redis address holds a password, so it isn't shown."""

    state_dir: Path
    urls: Mapping[str, str]
    pids: Mapping[str, int]
    redis_url: str = field(repr=False)


class Stack:
    """The services, each with `workers` processes, and a Redis unless one is named.

    With `shards`, the matcher has as many processes at least, and each of them keeps a part of the galleries.

    `redis_url` names a Redis to use; without it REDIS_URL does; without that the stack starts its own, with
    `maxmemory`. `extra_env` is added to the environment of every service. `package` holds the services' modules.

    `start` doesn't wait; `wait_ready` does, and from it the supervision learns that a process has been ready once. From
    then on that process is restarted however often it ends; before, five deaths in a row are final, and so is one with
    exit code 2: that process has said why it will not start.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        workers: int = 1,
        shards: int = 1,
        redis_url: str | None = None,
        maxmemory: str = "512mb",
        extra_env: Mapping[str, str] | None = None,
        package: str = "services",
        services: Sequence[str] = SERVICES,
        preferred_ports: Mapping[str, int] = PREFERRED_PORTS,
        grace: float = GRACE,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self.redis: RedisServer | None = None
        """The stack's own Redis, while it is up, for drills that kill it; None when another is used."""

        self._worker_count = workers
        self._shards = shards
        self._named_redis = redis_url
        self._maxmemory = maxmemory
        self._extra_env = dict(extra_env or {})
        self._package = package
        self._services = tuple(services)
        self._preferred_ports = preferred_ports
        self._grace = grace

        self._requests = self.state_dir / _REQUESTS
        self._redis_url: str | None = None
        self._workers: list[Worker] = []
        self._watchdog: Watchdog | None = None
        self._failure: InteropError | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._undo = contextlib.ExitStack()

    @property
    def urls(self) -> dict[str, str]:
        """Service -> base address of its first worker."""
        return {worker.service: worker.url for worker in self._workers if worker.number == 1}

    @property
    def redis_url(self) -> str:
        """The Redis in use, password included."""
        if self._redis_url is None:
            raise RuntimeError("this stack has no Redis before its start")

        return self._redis_url

    @property
    def failure(self) -> InteropError | None:
        """Why the supervision gave up, if it did. `wait_ready` raises it; whoever waits for long should look here."""
        return self._failure

    def start(self) -> Self:
        """Start everything and begin to supervise it.

        Raises InteropError, with nothing left running: `stack-running` when another stack works in this state
        directory, `redis-unreachable` when the named Redis doesn't answer, `no-redis` or `redis-start` from an own one.
        """
        self._stopping.clear()
        self._failure = None

        with contextlib.ExitStack() as undo:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.state_dir / "logs").mkdir(exist_ok=True)
            self._requests.mkdir(mode=0o700, exist_ok=True)
            undo.enter_context(_locked(self.state_dir / _LOCK))
            errands.withdraw(self._requests, errands.RESTART_REDIS)  # what an earlier stack didn't come to

            self._redis_url = self._open_redis(undo)

            self._watchdog = Watchdog()
            undo.callback(self._watchdog.close)

            self._workers = self._plan_workers(undo)
            undo.callback((self.state_dir / _FILE).unlink, missing_ok=True)
            undo.callback(self._end_workers)

            for worker in self._workers:
                self._spawn(worker)
            self._publish()

            supervisor = threading.Thread(target=self._supervise, name="stack-supervisor", daemon=True)
            supervisor.start()
            undo.callback(supervisor.join)
            undo.callback(self._stopping.set)

            self._undo = undo.pop_all()

        return self

    def wait_ready(self, timeout: float) -> None:
        """Wait until every process answers 200 to `GET /readyz`, all of them in one look.

        Raises InteropError: `service-died` when the supervision gave up, `not-ready` when the time is over.
        """
        deadline = time.monotonic() + timeout

        # A proxy from the environment has no business between two processes of one machine.
        with httpx.Client(timeout=2.0, trust_env=False) as client:
            while True:
                if self._failure is not None:
                    raise self._failure

                waiting = [worker for worker in self._workers if not self._look(worker, client)]
                if not waiting:
                    return

                if time.monotonic() > deadline:
                    raise _not_ready(waiting, timeout)

                time.sleep(_LOOK_EVERY)

    def process(self, service: str, worker: int = 1) -> subprocess.Popen[bytes]:
        """The process that a worker has now, for tests that kill it. `wait()` for its end before `wait_ready`."""
        process = self._find(service, worker).process
        if process is None:
            raise RuntimeError(f"{service}-{worker} hasn't been started")

        return process

    def log(self, service: str, worker: int = 1) -> Path:
        """The file that a worker writes its output to."""
        return self._find(service, worker).log

    def stop(self) -> None:
        """End the services in good order (SIGTERM, `grace` seconds, SIGKILL), then the stack's own Redis."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _open_redis(self, undo: contextlib.ExitStack) -> str:
        named = self._named_redis or os.environ.get("REDIS_URL")

        if named:
            if not answers(named):
                raise InteropError(
                    "redis-unreachable",
                    f"no Redis answers at {_without_password(named)}; start it, mend the address, "
                    "or unset REDIS_URL to have one started",
                )
            return named

        self.redis = RedisServer(self.state_dir / "redis", maxmemory=self._maxmemory)
        undo.callback(self._close_redis)
        return self.redis.start().url

    def _close_redis(self) -> None:
        if self.redis is not None:
            self.redis.stop()
            self.redis = None

    def _plan_workers(self, undo: contextlib.ExitStack) -> list[Worker]:
        workers: list[Worker] = []

        # First workers first, so that nobody's second worker takes the port that a first one prefers.
        for number in range(1, max(self._worker_count, self._shards) + 1):
            for service in self._services:
                if number > self._processes_of(service):
                    continue
                preferred = self._preferred_ports.get(service) if number == 1 else None
                port = undo.enter_context(claimed_port(preferred))
                log = self.state_dir / "logs" / f"{service}-{number}.log"
                workers.append(Worker(service, number, port, log))

        return workers

    def _processes_of(self, service: str) -> int:
        if service in ALONE:
            return 1
        if service == SHARDED:
            return max(self._worker_count, self._shards)

        return self._worker_count

    def _environment(self, worker: Worker) -> dict[str, str]:
        settings = {
            "INTEROP_REDIS_URL": self.redis_url,
            "INTEROP_HOST": HOST,
            "INTEROP_PORT": str(worker.port),
            "INTEROP_CONSUMER": worker.name,
            "INTEROP_STATE_DIR": str(self.state_dir),
            "PYTHONUNBUFFERED": "1",
        }

        return os.environ | settings | self._of_others(worker) | self._extra_env

    def _of_others(self, worker: Worker) -> dict[str, str]:
        """What log and witnesses have to know of each other, the matcher of audit, and the console of all of them."""
        witnesses = {"INTEROP_WITNESSES": " ".join(self.urls[name] for name in WITNESSES if name in self.urls)}
        if worker.service == "audit":
            return witnesses
        if worker.service == SHARDED:
            audit = {"INTEROP_AUDIT_URL": self.urls["audit"]} if "audit" in self.urls else {}
            return audit | {"INTEROP_SHARDS": str(self._shards)}
        if worker.service == CONSOLE:
            house = {"INTEROP_HOUSE_DIR": str(self._requests)} if self.redis is not None else {}
            return {
                **witnesses,
                **house,
                "INTEROP_STATE_DIR": str(self.state_dir / CONSOLE),
                "INTEROP_OWN_POLICIES": str(self.state_dir.parent / POLICIES),
                **{f"INTEROP_{name.upper()}_URL": self.urls[name] for name in FLOW if name in self.urls},
            }
        if worker.service in WITNESSES:
            return {
                "INTEROP_STATE_DIR": str(self.state_dir / worker.service),
                "INTEROP_WITNESS_NAME": WITNESSES[worker.service],
                # Given, not fetched: where several stacks start at once, another's audit may answer at this address.
                "INTEROP_LOG_KEY": AuditSettings(state_dir=self.state_dir).signer().verifier.vkey,
            }
        return {}

    def _spawn(self, worker: Worker) -> None:
        # A session of its own: Ctrl-C in the terminal reaches the stack, which then ends the services in good order.
        with worker.log.open("ab") as log:
            worker.process = subprocess.Popen(
                [sys.executable, "-m", self._module_of(worker.service)],
                env=self._environment(worker),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        if self._watchdog is not None:
            self._watchdog.guard(worker.process.pid)

        worker.started_at = time.monotonic()
        worker.resume_at = None

    def _publish(self) -> None:
        info = {
            "urls": self.urls,
            "pids": {worker.name: worker.process.pid for worker in self._workers if worker.process is not None},
            "redis_url": self.redis_url,
        }

        write_private(self.state_dir / _FILE, json.dumps(info, indent=2) + "\n")

    def _supervise(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY):
            try:
                with self._lock:
                    for worker in self._workers:
                        self._tend(worker, time.monotonic())
                self._run_errand()
            except OSError as error:
                # No more processes, no room on the disk: nothing that trying again each moment would mend.
                self._failure = InteropError(
                    "service-died", f"the services can't be supervised any longer ({error}); mend that, start again"
                )
                return

    def _run_errand(self) -> None:
        number = errands.asked(self._requests, errands.RESTART_REDIS)
        if number is not None and self.redis is not None:
            errands.answer(self._requests, errands.RESTART_REDIS, number, _crashed(self.redis))

    def _tend(self, worker: Worker, now: float) -> None:
        if worker.resume_at is not None:
            if now >= worker.resume_at:
                self._spawn(worker)
                self._publish()
            return

        if worker.process is not None and worker.process.poll() is not None and not self._has_given_up(worker):
            self._bury(worker, worker.process.pid, now)

    def _bury(self, worker: Worker, pid: int, now: float) -> None:
        if self._watchdog is not None:
            self._watchdog.forget(pid)

        if not worker.ever_ready:
            refused = worker.process is not None and worker.process.returncode == REFUSED
            worker.early_deaths = EARLY_DEATHS if refused else worker.early_deaths + 1
            if self._has_given_up(worker):
                self._failure = _refused(worker) if refused else _died(worker)
                return

        worker.backoff = next_backoff(worker.backoff, now - worker.started_at)
        worker.resume_at = now + worker.backoff

    @staticmethod
    def _has_given_up(worker: Worker) -> bool:
        return not worker.ever_ready and worker.early_deaths >= EARLY_DEATHS

    def _look(self, worker: Worker, client: httpx.Client) -> bool:
        """Whether this worker is ready, which the supervision then knows too."""
        process = worker.process
        if process is None or process.poll() is not None:
            return False

        try:
            response = client.get(f"{worker.url}/readyz")
        except httpx.HTTPError:
            return False

        # Alive still, lest it be somebody else who answers on a port that this process died of.
        ready = response.status_code == httpx.codes.OK and process.poll() is None
        if ready:
            with self._lock:
                worker.ever_ready = True

        return ready

    def _module_of(self, service: str) -> str:
        if service == CONSOLE:
            return CONSOLE

        return f"{self._package}.{'audit.witness' if service in WITNESSES else service}"

    def _find(self, service: str, number: int) -> Worker:
        for worker in self._workers:
            if (worker.service, worker.number) == (service, number):
                return worker

        raise KeyError(f"{service}-{number}")

    def _end_workers(self) -> None:
        processes = [worker.process for worker in self._workers if worker.process is not None]

        try:
            for process in processes:
                process.terminate()
            _wait_for_all(processes, self._grace)
        finally:
            # A second Ctrl-C cuts the wait short, and nothing is left behind even then.
            for process in processes:
                process.kill()
                process.wait()

                if self._watchdog is not None:
                    self._watchdog.forget(process.pid)


def _crashed(redis: RedisServer) -> dict[str, Any]:
    """What came of a crash: for how many seconds the server was away, or why it didn't come back."""
    began = time.monotonic()
    try:
        redis.crash()
    except InteropError as error:
        return {"code": error.code, "message": error.sentence}

    return {"seconds": round(time.monotonic() - began, 3)}


def next_backoff(previous: float | None, uptime: float) -> float:
    """How long to wait before the next start: longer each time, short again after a healthy while."""
    if previous is None or uptime >= HEALTHY_AFTER:
        return FIRST_BACKOFF

    return min(2 * previous, LONGEST_BACKOFF)


def new_state_dir(root: Path = ROOT) -> Path:
    """Make a state directory named by the time, UTC, and let `latest` point to it."""
    root.mkdir(parents=True, exist_ok=True)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")

    # Private: it comes to hold passwords, keys and what people were matched with.
    state_dir = root / name
    state_dir.mkdir(mode=0o700)

    draft = root / f".{_LATEST}.{name}"
    draft.symlink_to(name)
    draft.replace(root / _LATEST)

    return state_dir


def latest_state_dir(root: Path = ROOT) -> Path | None:
    """The state directory made last, or None where none is left."""
    latest = root / _LATEST
    return root / latest.readlink() if latest.is_symlink() and latest.is_dir() else None


def running_stack(root: Path = ROOT) -> StackInfo | None:
    """The stack that is up below this root, the newest if there are several, or None.

    What a killed stack left behind doesn't count: one that is up holds a lock, which the system takes from the dead.
    """
    state_dirs = sorted((path.parent for path in root.glob(f"*/{_FILE}")), reverse=True)

    for state_dir in state_dirs:
        if state_dir.is_symlink() or not _is_locked(state_dir / _LOCK):
            continue

        # It may be on its way down at this very moment.
        with contextlib.suppress(OSError, ValueError, KeyError):
            return _read_info(state_dir)

    return None


def _read_info(state_dir: Path) -> StackInfo:
    info = json.loads((state_dir / _FILE).read_text(encoding="utf-8"))
    return StackInfo(state_dir, info["urls"], info["pids"], info["redis_url"])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock for as long as the stack is up. The file stays: removing it would let two stacks hold "the" lock."""
    deadline = time.monotonic() + _LOCK_PATIENCE

    with path.open("wb") as file:
        while not _try_lock(file.fileno(), fcntl.LOCK_EX):
            # Whoever looks whether a stack is up holds the lock for an instant.
            if time.monotonic() > deadline:
                raise InteropError(
                    "stack-running", f"another stack is up in {path.parent}; stop it or use another state directory"
                )
            time.sleep(_LOOK_EVERY)

        yield


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return not _try_lock(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False

    return True


def _wait_for_all(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    deadline = time.monotonic() + seconds

    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))


def _died(worker: Worker) -> InteropError:
    return InteropError(
        "service-died",
        f"{worker.name} died {EARLY_DEATHS} times before it was ever ready; its last words: "
        f"{last_line(worker.log)!r}; read {worker.log}, mend the cause, start again",
    )


def _refused(worker: Worker) -> InteropError:
    code, _, sentence = last_line(worker.log).partition(": ")
    return InteropError(code, f"{worker.name} will not start: {sentence}")


def _not_ready(waiting: Sequence[Worker], timeout: float) -> InteropError:
    names = ", ".join(worker.name for worker in waiting)
    first = waiting[0]

    return InteropError(
        "not-ready",
        f"not ready after {timeout:g} s: {names}; last words of {first.name}: {last_line(first.log)!r}; "
        f"read {first.log}, mend the cause, start again",
        status=503,
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
