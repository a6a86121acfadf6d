"""What both baselines share: where they find the run, their cases and the ledger."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from services.audit.domain import Row
from services.audit.ledger import Ledger, LedgerReader
from services.audit.settings import AuditSettings
from services.chassis.delivery import keys

CONSUMER = "worker-1"
READY = "ready"
"""What a baseline's process prints when all its subscribers run."""


async def run_opened_in(redis: Redis) -> bytes:
    """The event that opened the run: the only one in its stream."""
    entries: Any = await redis.xrange(keys.stream("run.opened.v1"))
    ((_, fields),) = entries
    return bytes(fields[b"event"])


def ledger_of(settings: AuditSettings) -> Ledger:
    """The same ledger as audit's, for one who keeps an event at a time and need not wait for others."""
    return Ledger(settings.open_log(), settings.open_vault(), linger=0)


def rows_in(state_dir: Path) -> Iterator[Row]:
    """Every row of a ledger."""
    settings = AuditSettings(state_dir=state_dir)
    with closing(LedgerReader(settings.read_log(), settings.read_vault())) as reader:
        yield from reader.rows()


def case_key(group: str, tcn: str | None) -> str:
    """Where a baseline keeps a case: one key, one JSON value."""
    return f"{{0}}:{group}:{tcn}"
