"""Who reads what in the benchmark, and whether everybody is done."""

from collections.abc import Mapping
from typing import Any

from redis import Redis

from services.audit.events import WATCHED
from services.booking.house import READERS
from services.chassis.delivery import keys
from services.chassis.delivery.scripts import UNSETTLED

CONTROL = frozenset({"run.opened.v1", "day.ended.v1", "day.closed.v1"})
SUBMITTED = "fingerprints.submitted.v1"

GROUPS: Mapping[str, tuple[str, ...]] = {
    event_type: (*READERS.get(event_type, ()), "audit") for event_type in WATCHED if event_type not in CONTROL
}
"""Who reads the events of cases, audit included. Control events are not waited for: nothing follows from them here."""


def make_groups(redis: Redis) -> None:
    """All groups of the house, reading from the beginning, before anything is published."""
    everybody = {event_type: {*READERS.get(event_type, ()), "audit"} for event_type in WATCHED}
    pipeline = redis.pipeline(transaction=False)
    for event_type, groups in everybody.items():
        for group in groups:
            pipeline.xgroup_create(keys.stream(event_type), group, id="0", mkstream=True)
    pipeline.execute(raise_on_error=False)


class Settled:
    """Whether every group, audit included, has done everything that the streams of the cases hold."""

    def __init__(self, redis: Redis) -> None:
        self._unsettled = redis.register_script(UNSETTLED)
        self._keys = [keys.stream(event_type) for event_type in GROUPS]
        self._arguments: list[Any] = [part for groups in GROUPS.values() for part in (len(groups), *groups)]

    def owing(self) -> list[str]:
        """Who still owes something."""
        answer: list[bytes] = self._unsettled(keys=self._keys, args=self._arguments)
        return [row.decode() for row in answer]
