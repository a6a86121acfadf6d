"""The wiring of audit: every stream into the ledger, the log to its witnesses and to the public."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis import Redis
from redis.exceptions import RedisError

from services.audit.events import WATCHED, CheckpointPublished
from services.audit.expunge import Expunger
from services.audit.ledger import Ledger, LedgerReader
from services.audit.publisher import START_SECONDS, Publisher
from services.audit.reconcile import Reconciler
from services.audit.report.projection import REPORT_FILE, Readings
from services.audit.report.wiring import report_on
from services.audit.routes import log_routes, record_routes, report_routes
from services.audit.settings import AuditSettings
from services.audit.watch import Watch
from services.audit.witnesses import Witness
from services.chassis.envelope import Consumed
from services.chassis.errors import InfrastructureError
from services.chassis.service import Service

SUMMARY = "Every disclosure between parties: sealed, and in a log that outsiders verify"

log = logging.getLogger(__name__)


def build(settings: AuditSettings | None = None) -> Service:
    """The audit service, ready to be served.

    Raises:
        InteropError: a log that is not opened: `log-in-use`, `log-altered`, `log-key-changed`, `log-profile-changed`.
    """
    settings = settings or AuditSettings()
    service = Service("audit", SUMMARY, settings, publishes=(CheckpointPublished,))
    is_new = not settings.has_key
    ledger = Ledger(settings.open_log(), settings.open_vault())
    redis = Redis.from_url(settings.redis_address(), socket_connect_timeout=2, socket_timeout=10)
    witnesses = [Witness(url) for url in settings.witness_urls]
    publisher = Publisher(ledger.log, redis, witnesses, settings.quorum)
    # Readers have connections of their own: they see what was committed, and hold up nobody who writes.
    public, compared = (LedgerReader(settings.read_log(), settings.read_vault()) for _ in range(2))
    watch = Watch(Reconciler(redis, compared), settings.state_dir)
    projection = report_on(service, settings.state_dir)
    expunger = Expunger(redis, ledger, projection.forget)

    wiring = service.onlooker("audit")
    for event_type in WATCHED:
        wiring.sink(event_type, Consumed, ledger.keep)

    async def check_with_witnesses() -> None:
        await publisher.check_with_witnesses(0 if is_new else START_SECONDS)

    async def finish_expunging() -> None:
        await asyncio.to_thread(expunger.finish)

    async def sweep() -> None:
        await asyncio.to_thread(expunger.sweep)

    service.beforehand(check_with_witnesses)
    service.beforehand(finish_expunging)
    service.background(lambda: _again_and_again(publisher.publish, settings.publish_seconds))
    service.background(lambda: _again_and_again(watch.look, settings.reconcile_seconds))
    service.background(lambda: _again_and_again(sweep, settings.reconcile_seconds))
    for each in (ledger, public, compared):
        service.afterwards(each.close)
    service.tells("log", publisher.told)
    service.tells("reconciliation", watch.told)
    service.api.include_router(log_routes(public.log, publisher.policy))
    service.api.include_router(report_routes(Readings(settings.state_dir / REPORT_FILE), public.log, watch.told))
    service.api.include_router(record_routes(public, expunger, settings.token_key(), watch.restart))
    return service


async def _again_and_again(step: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Runs a step every so many seconds. An outage puts it off; anything else ends the service."""
    while True:
        await asyncio.sleep(seconds)  # at its start, a service first has to catch up with the streams
        try:
            await step()
        except (InfrastructureError, RedisError) as outage:
            log.warning("put off: %s", outage)
