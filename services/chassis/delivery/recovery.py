"""Leases and take-over: what a worker has in hand stays its own while it lives, and is taken over when it dies."""

import asyncio
import logging
from typing import Any, cast

from services.chassis.delivery.stage import Entry, Stage
from services.chassis.delivery.store import OUTAGES
from services.chassis.errors import InfrastructureError

log = logging.getLogger(__name__)

TAKEN_AT_ONCE = 256


async def keep_leases(stages: list[Stage[Any]], consumer: str, lease_ms: int) -> None:
    """Renews, three times a lease, the claim on every entry in hand. Runs until it is cancelled."""
    while True:
        await asyncio.sleep(lease_ms / 3000)
        for stage in stages:
            if stage.leased:
                await _quietly(_renew(stage, consumer))


async def take_over(stages: list[Stage[Any]], consumer: str, lease_ms: int) -> None:
    """Looks, twice a lease, for entries whose worker has let its lease run out. Runs until it is cancelled."""
    while True:
        await asyncio.sleep(lease_ms / 2000)
        for stage in stages:
            await _quietly(recover(stage, consumer, lease_ms))


async def recover(stage: Stage[Any], consumer: str, lease_ms: int) -> None:
    """Takes over what was abandoned in one stage.

    The first time together, because most workers die for reasons of their own; from the second time on one by
    one, those delivered least first, so that an entry that kills its worker kills nobody else's work.
    """
    # Whoever is halted leaves what is abandoned to others, instead of taking it and letting it wait.
    await stage.pace.open()
    store = stage.group.store
    abandoned = await cast(
        Any,
        store.client.xpending_range(
            stage.stream, stage.group.name, min="-", max="+", count=TAKEN_AT_ONCE, idle=lease_ms
        ),
    )
    again = sorted((row for row in abandoned if row["times_delivered"] > 1), key=lambda row: row["times_delivered"])
    first = [row["message_id"] for row in abandoned if row["times_delivered"] <= 1]
    if first:
        await stage.handle(await _claim(stage, consumer, lease_ms, first))
    for row in again:
        for entry in await _claim(stage, consumer, lease_ms, [row["message_id"]]):
            await stage.handle_alone(entry)


async def _claim(stage: Stage[Any], consumer: str, lease_ms: int, ids: list[Any]) -> list[Entry]:
    client = stage.group.store.client
    rows = await cast(
        Any, client.xclaim(stage.stream, stage.group.name, consumer, min_idle_time=lease_ms, message_ids=ids)
    )
    return [Entry(entry_id, fields) for entry_id, fields in rows if entry_id is not None]


async def _renew(stage: Stage[Any], consumer: str) -> None:
    client = stage.group.store.client
    held: list[Any] = list(stage.leased)
    await cast(
        Any,
        client.xclaim(stage.stream, stage.group.name, consumer, min_idle_time=0, message_ids=held, justid=True),
    )


async def _quietly(work: Any) -> None:
    try:
        await work
    except (*OUTAGES, InfrastructureError) as outage:
        log.warning("recovery waits for Redis: %s", outage)
