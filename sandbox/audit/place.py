"""Where audit keeps its files, for commands that read them: beside services that are up, or after a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from sandbox.audit.elsewhere import audit_elsewhere, not_here
from sandbox.embedded import RedisServer
from sandbox.house import REDIS_DIR, named_redis
from sandbox.stack import ROOT, latest_state_dir, running_stack
from services.audit.domain import Reconciliation
from services.audit.ledger import LedgerReader
from services.audit.log import Published, StoredLog
from services.audit.publisher import policy_of
from services.audit.reconcile import Reconciler
from services.audit.settings import AuditSettings
from services.audit.tlog.policy import Policy
from services.chassis.errors import InteropError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log is. `url` is there while its audit service is up."""

    settings: AuditSettings
    url: str | None = None
    redis_url: str | None = None

    @contextmanager
    def redis(self) -> Iterator[Redis]:
        """The streams that the log is about.

        Raises:
            InteropError: whatever keeps a Redis from starting.
        """
        if self.redis_url is not None:
            with Redis.from_url(self.redis_url) as client:
                yield client
        elif "REDIS_URL" in os.environ:
            with named_redis() as client:
                yield client
        else:
            with RedisServer(self.settings.state_dir / REDIS_DIR) as server, Redis.from_url(server.url) as client:
                yield client

    @contextmanager
    def log(self) -> Iterator[StoredLog]:
        """The stored log.

        Raises:
            InteropError: `no-log`.
        """
        log = self.settings.read_log()
        try:
            yield log
        finally:
            log.close()

    @contextmanager
    def ledger(self) -> Iterator[LedgerReader]:
        """Log and vault together.

        Raises:
            InteropError: `no-log`.
        """
        reader = LedgerReader(self.settings.read_log(), self.settings.read_vault())
        try:
            yield reader
        finally:
            reader.close()


def place_of(root: Path = ROOT) -> Place:
    """Where audit's files are: in a container of its own, in the stack that is up, or where the last run left them.

    Raises:
        InteropError: `no-log`, when audit is up elsewhere; `no-run`, when nothing was ever run here.
    """
    elsewhere = audit_elsewhere()
    if elsewhere is not None:
        raise not_here(elsewhere)
    if "INTEROP_STATE_DIR" in os.environ:
        settings = AuditSettings()
        return Place(settings, f"http://127.0.0.1:{settings.port}", settings.redis_address())
    info = running_stack(root)
    if info is not None:
        return Place(AuditSettings(state_dir=info.state_dir), info.urls.get("audit"), info.redis_url)
    state_dir = latest_state_dir(root)
    if state_dir is None:
        raise InteropError("no-run", "nothing was run here yet; begin with 'interop run boston-2008-2010'")
    return Place(AuditSettings(state_dir=state_dir))


def newest(log: StoredLog) -> Published:
    """The newest published checkpoint.

    Raises:
        InteropError: `not-published`.
    """
    published = log.published()
    if published is None:
        raise InteropError("not-published", "no checkpoint was published yet: the witnesses have still to cosign one")
    return published


def policy(log: StoredLog) -> Policy:
    """Whose signatures the log's readers should demand.

    Raises:
        InteropError: `not-published`.
    """
    found = policy_of(log)
    if found is None:
        raise InteropError("not-published", "the log has not met its witnesses yet, so nobody vouches for it")
    return found


def reconcile(redis: Redis, state_dir: Path) -> Reconciliation:
    """Compares a log with the streams that it is about, from the beginning."""
    with Place(AuditSettings(state_dir=state_dir)).ledger() as ledger:
        return Reconciler(redis, ledger).whole()
