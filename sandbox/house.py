"""The house that a command works in: services that are up already, or a stack of the command's own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from sandbox.embedded import RedisServer, write_private
from sandbox.stack import CONSOLE, ROOT, SERVICES, Stack, latest_state_dir, new_state_dir, running_stack
from services.chassis.errors import InteropError
from services.chassis.settings import with_password

LIVE_SEED = 2010
FAULTS = "SANDBOX_FAULTS"
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """Where the services answer. `stack` is there when this command started them."""

    urls: Mapping[str, str]
    redis: Redis
    stack: Stack | None = None


@contextmanager
def open_house(
    *, workers: int = 1, shards: int = 1, live: bool = False, console: bool = False, root: Path = ROOT
) -> Iterator[House]:
    """The services that are up, else a stack of our own, ready to use, and stopped afterwards.

    `workers` and `shards` say of how many processes a stack of our own is made. `live` opens the run that bookings by
    hand belong to; `console` starts the web page with them, and lets people break things in it on purpose.

    Services elsewhere (in containers, say) are named by INTEROP_BOOKING_URL, INTEROP_AUDIT_URL and REDIS_URL, whose
    password may stand in the file that INTEROP_REDIS_PASSWORD_FILE names.

    Raises:
        InteropError: whatever keeps the stack from starting.
    """
    found = _elsewhere() or _running(root)
    if found is not None:
        yield found
        return
    state_dir = new_state_dir(root)
    environment = {"INTEROP_LIVE_RUN": str(live_settings(state_dir))} if live else {}
    services = (*SERVICES, CONSOLE) if console else SERVICES
    extra_env = environment | faults(console=console)
    with Stack(state_dir, workers=workers, shards=shards, services=services, extra_env=extra_env) as stack:
        stack.wait_ready(READY_SECONDS)
        yield House(stack.urls, Redis.from_url(stack.redis_url), stack)


def faults(*, console: bool) -> dict[str, str]:
    """Whether services can be broken on purpose: beside a console they can, unless the environment says otherwise."""
    return {FAULTS: os.environ.get(FAULTS, "1")} if console else {}


@contextmanager
def look_back(root: Path = ROOT) -> Iterator[Redis]:
    """The streams of the services that are up, else of the last run.

    Raises:
        InteropError: `no-run`, when nothing was ever run here.
    """
    found = _elsewhere() or _running(root)
    if found is not None:
        yield found.redis
        return
    state_dir = latest_state_dir(root)
    if state_dir is None:
        raise InteropError("no-run", "nothing was run here yet; begin with 'interop run boston-2008-2010'")
    if "REDIS_URL" in os.environ:
        yield named_redis()
        return
    with RedisServer(state_dir / REDIS_DIR) as server:
        yield Redis.from_url(server.url)


REDIS_DIR = "redis"
"""Where a stack keeps its Redis' data, below its state directory."""


def urls_elsewhere() -> Mapping[str, str] | None:
    """Where services answer that are up elsewhere, if the environment names them and their Redis."""
    names = ("INTEROP_BOOKING_URL", "INTEROP_AUDIT_URL", "REDIS_URL")
    if not all(name in os.environ for name in names):
        return None
    return {"booking": os.environ[names[0]], "audit": os.environ[names[1]]}


def _elsewhere() -> House | None:
    urls = urls_elsewhere()
    return None if urls is None else House(urls, named_redis())


def named_redis() -> Redis:
    """The Redis that REDIS_URL names, with the password that may stand in a file.

    Raises:
        InteropError: `no-password`.
    """
    url, file = os.environ["REDIS_URL"], os.environ.get("INTEROP_REDIS_PASSWORD_FILE")
    return Redis.from_url(url if file is None else with_password(url, Path(file)))


def _running(root: Path) -> House | None:
    """The stack that is up here, unless REDIS_URL asks for another Redis than it uses."""
    info = running_stack(root)
    if info is None or os.environ.get("REDIS_URL", info.redis_url) != info.redis_url:
        return None
    return House(info.urls, Redis.from_url(info.redis_url))


def live_settings(state_dir: Path) -> Path:
    """Writes what the run `live` is pinned to into a folder; returns the file."""
    from sandbox.scenario import load_scenario, resolve  # noqa: PLC0415  polars takes a while

    path = state_dir / "live-run.json"
    write_private(path, resolve(load_scenario("live"), seed=LIVE_SEED).model_dump_json())
    return path
