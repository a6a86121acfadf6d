"""The way in: publishes from outside the flow, once however often the same thing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.scripts import ADMIT
from services.chassis.delivery.store import patiently
from services.chassis.errors import InteropError

Admission = Literal["admitted", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be published once.

    `guards` are (name, digest) pairs. The first names the thing itself: known with the same digest, it is a
    duplicate; any guard known with another digest is a conflict. `appends` are (stream, body) pairs, and
    `case` is (key, subject, body) of the case to begin with.
    """

    guards: Sequence[tuple[str, str]]
    appends: Sequence[tuple[str, bytes]]
    case: tuple[str, str, bytes] | None = None


class Gate:
    """Admits items into a run."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self._admit = client.register_script(ADMIT)

    async def known(self, runid: str, guards: Sequence[str]) -> list[str | None]:
        """The digests under which `guards` were admitted; None for one that was not."""
        rows = await patiently(lambda: cast(Any, self.client.hmget(keys.admitted(runid), list(guards))))
        return [None if row is None else row.decode() for row in rows]

    async def admit(self, runid: str, items: Sequence[Item], *, lease: str = "") -> list[Admission]:
        """Publishes `items`, each at most once, and tells what became of each.

        Args:
            runid: the run that they belong to.
            items: what to publish; all or nothing of each.
            lease: the token of the clock's lease; without one, no lease is needed.

        Raises:
            InteropError: `clock-lost`, when another process keeps the clock by now.
            InfrastructureError: Redis does not answer.
        """
        if not items:
            return []
        index: dict[str, int] = {keys.admitted(runid): 1, keys.clock_lease(runid): 2}
        arguments: list[Any] = [lease]
        for item in items:
            flat = _flatten(item, index)
            arguments += [len(flat), *flat]
        results = await patiently(lambda: self._admit(keys=list(index), args=arguments))
        if not results:
            raise InteropError(
                "clock-lost", "another booking process keeps this run's clock now; send the rest again", status=503
            )
        return [cast(Admission, result.decode()) for result in results]


def _flatten(item: Item, index: dict[str, int]) -> list[Any]:
    flat: list[Any] = [len(item.guards)]
    for name, digest in item.guards:
        flat += [name, digest]
    if item.case is None:
        flat += [0, "", ""]
    else:
        key, subject, body = item.case
        flat += [index.setdefault(key, len(index) + 1), subject, body]
    flat.append(len(item.appends))
    for stream, body in item.appends:
        flat += [index.setdefault(stream, len(index) + 1), body]
    return flat
