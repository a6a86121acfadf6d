"""What both baselines share: where they find the run, their cases and the ledger."""

from typing import Any

from redis.asyncio import Redis

from services.audit.ledger import Ledger
from services.chassis.delivery import keys
from services.chassis.settings import ServiceSettings

CONSUMER = "worker-1"
LEDGER_FILE = "ledger.sqlite"
READY = "ready"
"""What a baseline's process prints when all its subscribers run."""


async def run_opened_in(redis: Redis) -> bytes:
    """The event that opened the run: the only one in its stream."""
    entries: Any = await redis.xrange(keys.stream("run.opened.v1"))
    ((_, fields),) = entries
    return bytes(fields[b"event"])


def ledger_of(settings: ServiceSettings) -> Ledger:
    """The same SQLite ledger as audit's."""
    return Ledger(settings.state_dir / LEDGER_FILE)


def case_key(group: str, tcn: str | None) -> str:
    """Where a baseline keeps a case: one key, one JSON value."""
    return f"{{0}}:{group}:{tcn}"
