"""Streams read whole, without a group: every process that wants to knows all that is in them.

A group hands each entry to one of its workers. What all of them must know, each reads for itself, and asks for what is
new whenever it needs to know: so there is no register of who has read how far, and a process that dies, hangs or is
started late holds up nobody. Nobody acknowledges anything here, so what cannot be read is passed over.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.scripts import READ_ON
from services.chassis.delivery.store import patiently
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError

log = logging.getLogger(__name__)

PAGE = 2_000
"""Entries of each stream that are asked for at once."""

AT_REST_SECONDS = 30.0
"""How often a process reads on though nobody asks it anything."""

_BEGINNING = b"0-0"


class Memory(Protocol):
    """Where a process keeps what it has read. Called in a thread, one call after the other."""

    def add(self, event_type: str, events: Sequence[Event[Any]]) -> None:
        """Takes what came next in a stream. The same event may come again."""

    def clear(self, event_type: str) -> None:
        """Forgets all that came from a stream: some of it was taken out, and what is left comes anew.

        Until `complete` is called, what is remembered is a part, and nothing must be answered from it.
        """

    def complete(self, event_type: str) -> None:
        """All that is left has come."""


class Whole:
    """Some streams, and what this process has read of them."""

    def __init__(self, client: Redis, models: Mapping[str, type[Consumed]], memory: Memory) -> None:
        """Say what is read.

        Args:
            client: where the streams are.
            models: how the events of each stream are read, by event type.
            memory: where they go.
        """
        self.streams = {event_type: keys.stream(event_type) for event_type in models}
        self.memory = memory
        self._read_on = client.register_script(READ_ON)
        self._adapters: Mapping[str, TypeAdapter[Event[Any]]] = {
            event_type: TypeAdapter(Event[model])  # type: ignore[valid-type]
            for event_type, model in models.items()
        }
        self._last = dict.fromkeys(models, _BEGINNING)
        self._count = dict.fromkeys(models, 0)
        self._turn = asyncio.Lock()

    async def catch_up(self) -> None:
        """Reads to the end: what was in the streams when this was called is in the memory when it returns.

        Where fewer entries are left than were read, some were taken out, and that stream is read anew: so what was
        expunged is forgotten too.

        Raises:
            InfrastructureError: Redis is out of reach. What was read until then stays read.
        """
        async with self._turn:
            behind = list(self.streams)
            while behind:
                behind = await self._read(behind)

    async def keep_up(self) -> None:
        """Catches up now and then, until it is cancelled: a process at rest forgets what was expunged, too."""
        while True:
            await asyncio.sleep(AT_REST_SECONDS)
            try:
                await self.catch_up()
            except InfrastructureError as outage:
                log.warning("what was expunged meanwhile is forgotten later: %s", outage.sentence)

    async def again(self) -> None:
        """Forgets everything, and reads it anew. Raises as `catch_up` does."""
        async with self._turn:
            for event_type in self.streams:
                await self._begin_anew(event_type)
        await self.catch_up()

    def take(self, event_type: str, entries: Sequence[Mapping[bytes, bytes]]) -> None:
        """Takes entries as they stand in a stream."""
        events = [event for entry in entries if (event := self._event(event_type, entry)) is not None]
        self.memory.add(event_type, events)

    async def _read(self, behind: Sequence[str]) -> list[str]:
        """One page of each of these streams; tells of which there is more."""
        arguments: list[int | bytes] = [PAGE, *(self._last[event_type] for event_type in behind)]
        names = [self.streams[event_type] for event_type in behind]
        pages: Any = await patiently(lambda: self._read_on(keys=names, args=arguments))
        still: list[str] = []
        for event_type, (length, entries) in zip(behind, pages, strict=True):
            if entries:
                await asyncio.to_thread(self.take, event_type, [_fields(flat) for _, flat in entries])
                self._last[event_type] = entries[-1][0]
                self._count[event_type] += len(entries)
            if len(entries) == PAGE:
                still.append(event_type)
            elif length < self._count[event_type]:
                await self._begin_anew(event_type)
                still.append(event_type)
            else:
                self.memory.complete(event_type)
        return still

    async def _begin_anew(self, event_type: str) -> None:
        await asyncio.to_thread(self.memory.clear, event_type)
        self._last[event_type], self._count[event_type] = _BEGINNING, 0

    def _event(self, event_type: str, fields: Mapping[bytes, bytes]) -> Event[Any] | None:
        try:
            event = self._adapters[event_type].validate_json(fields.get(b"event", b""))
        except ValidationError:
            log.warning("an entry of '%s' that cannot be read is passed over", event_type)
            return None
        return event if event.type == event_type else None


def _fields(flat: Sequence[bytes]) -> Mapping[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
