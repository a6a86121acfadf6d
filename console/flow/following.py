"""The events of one booking, as they appear in the streams: all that were there, and then whatever comes."""

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from console.flow.journey import CASE_EVENTS
from console.house import redis_away
from services.chassis.delivery import keys

PAGE = 500
"""Entries that are read of a stream at once: few, as other pages wait while they are unpacked."""

REMEMBERED = 200
"""Bookings whose events are kept here, so that those who follow them read only what is new."""

Event = dict[str, Any]


@dataclass(slots=True)
class _Followed:
    positions: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(CASE_EVENTS, b"-"))
    events: dict[str, Event] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Follower:
    """Finds the events of bookings in the streams."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._followed: OrderedDict[str, _Followed] = OrderedDict()

    async def events(self, tcn: str) -> list[Event]:
        """All events of a booking that the streams hold by now, of whatever run, in no order.

        Raises:
            InfrastructureError: Redis does not answer.
        """
        followed = self._followed.setdefault(tcn, _Followed())
        self._followed.move_to_end(tcn)
        while len(self._followed) > REMEMBERED:
            self._followed.popitem(last=False)
        async with followed.lock:
            try:
                while await self._read(tcn, followed):
                    pass
            except (RedisError, OSError) as error:
                raise redis_away(error) from error
        return list(followed.events.values())

    async def _read(self, tcn: str, followed: _Followed) -> bool:
        """Reads a page of each stream; tells whether any of them was full."""
        wanted = tcn.encode()
        pipeline: Any = self.redis.pipeline(transaction=False)
        for event_type, position in followed.positions.items():
            pipeline.xrange(keys.stream(event_type), min=position.decode(), count=PAGE)
        pages = await pipeline.execute()
        for event_type, page in zip(tuple(followed.positions), pages, strict=True):
            for entry_id, fields in page:
                followed.positions[event_type] = b"(" + entry_id
                if wanted in fields.get(b"event", b""):
                    _keep(fields[b"event"], tcn, followed.events)
        return any(len(page) == PAGE for page in pages)


def _keep(raw: bytes, tcn: str, events: dict[str, Event]) -> None:
    """An event of this booking; what cannot be read as one is a dead letter, and no hop."""
    try:
        event = json.loads(raw)
    except ValueError:
        return
    if isinstance(event, dict) and event.get("tcn") == tcn and isinstance(event.get("data"), dict):
        events.setdefault(event["id"], event)
