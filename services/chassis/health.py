"""Alive is not ready: ready means that Redis answers, every subscriber runs, and every backlog moves."""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.chassis.delivery.stage import Stage
from services.chassis.delivery.store import OUTAGES


@dataclass(slots=True)
class _Mark:
    position: tuple[Any, ...] = ()
    since: float = field(default_factory=time.monotonic)


class Health:
    """Watches the backlogs of a service's stages. Lag is reported, and only a lag without progress fails."""

    def __init__(self, client: Redis, stages: Sequence[Stage[Any]], stall_seconds: float) -> None:
        self.client = client
        self.stages = stages
        self.stall_seconds = stall_seconds
        self.running: Callable[[], bool] = lambda: False
        self.more: dict[str, Callable[[], dict[str, Any]]] = {}
        """What a service tells of itself besides, by name; it does not make it ready or not."""
        self.worries: list[Callable[[], Awaitable[list[str]]]] = []
        """What else may keep a service from being ready: each tells its problems, as sentences."""
        self._marks: defaultdict[str, _Mark] = defaultdict(_Mark)

    async def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether the service is ready, and what it looked at."""
        problems: list[str] = []
        backlogs: dict[str, dict[str, Any]] = {}
        try:
            await cast(Any, self.client.ping())
            for stage in self.stages:
                backlogs[stage.name] = await self._backlog(stage)
            for worry in self.worries:
                problems += await worry()
        except OUTAGES as outage:
            problems.append(f"Redis does not answer: {outage}")
        except ResponseError as error:
            problems.append(f"a consumer group is missing: {error}")
        if not self.running():
            problems.append("a subscriber does not run")
        problems += [f"{name}: a backlog without progress" for name, row in backlogs.items() if row["stalled"]]
        more = {name: tell() for name, tell in self.more.items()}
        return not problems, {"ready": not problems, "problems": problems, "backlogs": backlogs, **more}

    async def _backlog(self, stage: Stage[Any]) -> dict[str, Any]:
        stream = await self.client.xinfo_stream(stage.stream)
        groups = await self.client.xinfo_groups(stage.stream)
        group = next((row for row in groups if row["name"].decode() == stage.group.name), None)
        if group is None:
            raise ResponseError(f"{stage.group.name} on {stage.stream}")
        last, delivered, pending = stream["last-generated-id"], group["last-delivered-id"], group["pending"]
        mark = self._marks[stage.name]
        position = (delivered, pending)
        owes = pending > 0 or delivered != last
        if not owes or position != mark.position:
            mark.position, mark.since = position, time.monotonic()
        stalled = owes and time.monotonic() - mark.since > self.stall_seconds
        return {"pending": pending, "lag": group.get("lag"), "stalled": stalled}
