"""The house that a command works in: services that are up already, or a stack of the command's own."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from redis import Redis

from sandbox.embedded import RedisServer, write_private
from sandbox.scenario import load_scenario, resolve
from sandbox.stack import ROOT, Stack, latest_state_dir, new_state_dir, running_stack
from services.audit.domain import Row
from services.audit.ledger import read_rows
from services.chassis.errors import InteropError
from services.chassis.settings import with_password

LEDGER_FILE = "ledger.sqlite"
LIVE_SEED = 2010
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """Where the services answer. `stack` is there when this command started them."""

    urls: Mapping[str, str]
    redis: Redis
    stack: Stack | None = None

    def ledger(self) -> Iterator[Row]:
        """Every row of the ledger, as audit hands it out."""
        with httpx.stream("GET", f"{self.urls['audit']}/ledger", timeout=60) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                yield Row(**json.loads(line))


@contextmanager
def open_house(*, workers: int = 1, live: bool = False, root: Path = ROOT) -> Iterator[House]:
    """The services that are up, else a stack of our own, ready to use, and stopped afterwards.

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
    environment = {"INTEROP_LIVE_RUN": str(_live_settings(state_dir))} if live else {}
    with Stack(state_dir, workers=workers, extra_env=environment) as stack:
        stack.wait_ready(READY_SECONDS)
        yield House(stack.urls, Redis.from_url(stack.redis_url), stack)


@contextmanager
def look_back(root: Path = ROOT) -> Iterator[tuple[Redis, Iterable[Row]]]:
    """The streams and the ledger of the services that are up, else of the last run.

    Raises:
        InteropError: `no-run`, when nothing was ever run here.
    """
    found = _elsewhere() or _running(root)
    if found is not None:
        yield found.redis, found.ledger()
        return
    state_dir = latest_state_dir(root)
    if state_dir is None:
        raise InteropError("no-run", "nothing was run here yet; begin with 'interop run boston-2008-2010'")
    ledger = read_rows(state_dir / LEDGER_FILE)
    if "REDIS_URL" in os.environ:
        yield _named_redis(), ledger
        return
    with RedisServer(state_dir / REDIS_DIR) as server:
        yield Redis.from_url(server.url), ledger


REDIS_DIR = "redis"
"""Where a stack keeps its Redis' data, below its state directory."""


def _elsewhere() -> House | None:
    names = ("INTEROP_BOOKING_URL", "INTEROP_AUDIT_URL", "REDIS_URL")
    if not all(name in os.environ for name in names):
        return None
    return House({"booking": os.environ[names[0]], "audit": os.environ[names[1]]}, _named_redis())


def _named_redis() -> Redis:
    url, file = os.environ["REDIS_URL"], os.environ.get("INTEROP_REDIS_PASSWORD_FILE")
    return Redis.from_url(url if file is None else with_password(url, Path(file)))


def _running(root: Path) -> House | None:
    """The stack that is up here, unless REDIS_URL asks for another Redis than it uses."""
    info = running_stack(root)
    if info is None or os.environ.get("REDIS_URL", info.redis_url) != info.redis_url:
        return None
    return House(info.urls, Redis.from_url(info.redis_url))


def _live_settings(state_dir: Path) -> Path:
    path = state_dir / "live-run.json"
    write_private(path, resolve(load_scenario("live"), seed=LIVE_SEED).model_dump_json())
    return path
