"""Whether the house is quiet: a snapshot that proves that nothing is under way.

A commit is acknowledgement and outputs in one, so when no group has anything pending or undelivered, no event is
in anybody's hands.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.scripts import UNSETTLED
from services.chassis.delivery.store import patiently

POLL_SECONDS = 0.001
SLOWEST_POLL_SECONDS = 0.05


class House:
    """The groups that must have settled before a day may close, by event type."""

    def __init__(self, client: Redis, readers: Mapping[str, Sequence[str]]) -> None:
        self.client = client
        self.readers = readers
        self._unsettled = client.register_script(UNSETTLED)
        self._keys = [keys.stream(event_type) for event_type in readers]
        self._arguments: list[Any] = []
        for groups in readers.values():
            self._arguments += [len(groups), *groups]

    async def unsettled(self) -> list[str]:
        """Who still owes something, each as `stream group`."""
        owing = await patiently(lambda: self._unsettled(keys=self._keys, args=self._arguments))
        return [row.decode() for row in owing]

    async def quiet(self) -> None:
        """Waits until nobody owes anything."""
        pause = POLL_SECONDS
        while await self.unsettled():
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, SLOWEST_POLL_SECONDS)
