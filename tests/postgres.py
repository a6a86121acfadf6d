"""A PostgreSQL for the tests: the programs of this machine, or the image where Docker is."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import psycopg

IMAGE = "postgres:17-alpine"

_PACKAGED = Path("/usr/lib/postgresql")  # where Debian keeps what it does not put on the PATH
_PATIENCE = 60.0


class AnyPostgres(Protocol):
    """What the tests use of a server, whatever it runs in."""

    def url(self, database: str) -> str: ...

    def stop(self) -> None: ...


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`, of the newest release that is installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    if _PACKAGED.is_dir():
        folders += [each / "bin" for each in sorted(_PACKAGED.iterdir(), key=_release, reverse=True)]
    return next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)


def _release(folder: Path) -> int:
    return int(folder.name) if folder.name.isdecimal() else 0


class PostgresProcess:
    """A server on a socket of its own in a temporary folder; nothing of it is left behind."""

    def __init__(self, binaries: Path) -> None:
        # PostgreSQL refuses to run as root, and a folder of pytest's own is closed to everybody else.
        user = "nobody" if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        data = self._folder / "data"

        with ExitStack() as on_failure:
            on_failure.callback(shutil.rmtree, self._folder, ignore_errors=True)
            if user is not None:
                shutil.chown(self._folder, user)
            subprocess.run(
                [binaries / "initdb", "-D", data, "-U", "log", "--auth=trust", "--no-sync", "--encoding=UTF8"],
                user=user,
                cwd=self._folder,
                env={**os.environ, "LC_ALL": "C"},
                check=True,
                capture_output=True,
                timeout=_PATIENCE,
            )
            # What these tests ask is not whether PostgreSQL survives a power cut.
            settings = ("listen_addresses=", f"unix_socket_directories={self._folder}", "fsync=off")
            self._process = subprocess.Popen(
                [binaries / "postgres", "-D", data, *(word for each in settings for word in ("-c", each))],
                user=user,
                cwd=self._folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            on_failure.callback(self.stop)
            wait_until_it_answers(self.url("postgres"))
            on_failure.pop_all()

    def url(self, database: str) -> str:
        return f"postgresql://log@/{database}?host={self._folder}"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # a "fast" shutdown, which waits for nobody
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresInDocker:
    """The image."""

    def __init__(self) -> None:
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - only where Docker is

        container = PostgresContainer(IMAGE, username="log", password="log", dbname="postgres", driver=None)
        with ExitStack() as on_failure:
            on_failure.callback(container.stop)
            self._container = container.start()
            self._address = f"{container.get_container_host_ip()}:{container.get_exposed_port(5432)}"
            wait_until_it_answers(self.url("postgres"))
            on_failure.pop_all()

    def url(self, database: str) -> str:
        return f"postgresql://log:log@{self._address}/{database}"

    def stop(self) -> None:
        self._container.stop()


def create_database(server: AnyPostgres, name: str) -> str:
    """An empty database, by its address."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.url(name)


def drop_database(server: AnyPostgres, name: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the PostgreSQL of the tests does not answer"
            time.sleep(0.05)
        else:
            return
