"""The one place that writes: loads what a group remembers, and commits acknowledgement, state and outputs as one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError as RedisConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError as RedisTimeoutError,
)

from services.chassis.delivery.scripts import COMMIT, LOAD
from services.chassis.errors import InfrastructureError

OUTAGES = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, OSError)
"""What says that Redis is out of reach, as opposed to an input that is at fault."""

Result = Literal["done", "lost", "duplicate", "stale"]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Stored:
    """A case as it stands in Redis; version 0 means that there is none yet."""

    version: int
    subject: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A case to write, provided that its version is still `expected`. `wake_at` is in seconds since the epoch."""

    key: str
    expected: int
    subject: str
    body: bytes
    due_key: str | None = None
    member: str = ""
    wake_at: float | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """An entry to add to a stream."""

    key: str
    fields: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that happens with one input entry if, and only if, its acknowledgement counts."""

    entry: bytes
    event_id: str = ""
    seen_key: str | None = None
    writes: Sequence[StateWrite] = field(default_factory=tuple)
    appends: Sequence[Append] = field(default_factory=tuple)


class Store:
    """Reads and commits for one consumer group."""

    def __init__(self, client: Redis, group: str) -> None:
        self.client = client
        self.group = group
        self._load = client.register_script(LOAD)
        self._commit = client.register_script(COMMIT)

    async def load(self, keys: Sequence[str]) -> list[Stored]:
        """What is remembered under `keys`, in their order."""
        if not keys:
            return []
        rows = await patiently(lambda: self._load(keys=keys))
        return [Stored(int(version or 0), (subject or b"").decode(), body) for version, subject, body in rows]

    async def commit(self, stream: str, plans: Sequence[Plan]) -> list[Result]:
        """Commits `plans`, each whole or not at all, and tells what became of each.

        Safe to repeat after a lost reply: an entry is acknowledged once, and only then is anything written.
        """
        keys: dict[str, int] = {stream: 1}
        arguments: list[Any] = [self.group]
        for plan in plans:
            flat = _flatten(plan, keys)
            arguments += [plan.entry, len(flat), *flat]
        results = await patiently(lambda: self._commit(keys=list(keys), args=arguments))
        return [cast(Result, result.decode()) for result in results]


def _flatten(plan: Plan, keys: dict[str, int]) -> list[Any]:
    def index(key: str | None) -> int:
        return 0 if key is None else keys.setdefault(key, len(keys) + 1)

    flat: list[Any] = [index(plan.seen_key), plan.event_id, len(plan.writes)]
    for write in plan.writes:
        wake_at = "" if write.wake_at is None else repr(write.wake_at)
        flat += [index(write.key), write.expected, write.subject, write.body]
        flat += [index(write.due_key), write.member, wake_at]
    flat.append(len(plan.appends))
    for append in plan.appends:
        values = [part for pair in append.fields.items() for part in pair]
        flat += [index(append.key), len(values), *values]
    return flat


async def patiently(call: Callable[[], Awaitable[Answer]], *, tries: int = 6) -> Answer:
    """`call` again, with growing pauses, while Redis is out of reach (about three seconds in all).

    Raises:
        InfrastructureError: Redis did not come back.
    """
    for attempt in range(tries):
        try:
            return await call()
        except OUTAGES as outage:
            if attempt == tries - 1:
                raise InfrastructureError(f"Redis does not answer ({outage}); what is pending waits for it") from outage
            await asyncio.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")
