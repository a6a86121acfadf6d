"""A scenario through the services' handlers in this machine's memory: no streams, the same events.

Worker processes search, book and answer shards of the bookings; here it is settled, in order, who is known by an
enrolment of an earlier day, and here the days pass for those who matched.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from sandbox.in_process.days import Days, opened
from sandbox.in_process.flow import Disclosures, Flow
from sandbox.in_process.pool import worked
from sandbox.in_process.routes import prepared
from sandbox.in_process.searches import MATCH, NO_ROW, Integers, Rows, Search, enrolling_of
from sandbox.in_process.shards import Order, Shard
from sandbox.population import NOWHERE
from sandbox.scenario import Scenario
from sandbox.sharing import handled_of
from services.booking.events import DayClosed, DayEnded, RunOpened, RunSettings

SHARD = 4096
"""Bookings in a shard: less than a second of work, so that all cores are busy until the end."""

LARGE_SHARD, MANY_SHARDS = 16_384, 8
"""Bookings in a shard that goes on to the end of its cases, and from how many such shards on they are that large: the
days after the last booking pass anew in every shard."""

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    booked: int
    total: int
    open_day: date


@dataclass(frozen=True, slots=True, eq=False)
class InProcessResult:
    """What a run left behind: columns with an entry for every booking, in the order of time, and who told whom what."""

    iafis_row: Rows
    """The row of IAFIS that a booking was identified as; `NO_ROW` for none."""

    ident_row: Rows
    """The row of IDENT that it matched; `NO_ROW` for none."""

    iafis_known: Integers
    """The number of the earlier booking whose prints, on IAFIS's file since, it was identified by; -1 for none."""

    searched: NDArray[np.uint8]
    """What IDENT answered, as places in `SEARCHED`; `NOT_ASKED` where it was not."""

    handled: NDArray[np.uint8]
    """What the agency did, as places in `results.HANDLED`."""

    disclosures: Disclosures
    said: Mapping[str, int]
    """How many events there are of each type, those included that nobody listened to and that were not made."""

    last_day: date
    """The last day that was closed."""

    @property
    def identified(self) -> NDArray[np.bool_]:
        """Whether IAFIS answered with somebody."""
        known: NDArray[np.bool_] = (self.iafis_row != NO_ROW) | (self.iafis_known != NOWHERE)
        return known


def run_in_process(
    scenario: Scenario,
    settings: RunSettings,
    runid: str,
    seed: int,
    count: int,
    *,
    workers: int = 2,
    search: Search = "exhaustive",
    on_event: Callable[[bytes], None] | None = None,
    on_case: Callable[[int, list[Event]], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> InProcessResult:
    """Runs a scenario without streams. The set of events is that of a run of this name through the services.

    Args:
        scenario: whose people are booked.
        settings: what the run is pinned to (`sandbox.scenario.resolve`).
        runid: the run's name, from which all ids derive.
        seed: of people and of all chance.
        count: how many bookings sample the period.
        workers: processes that book and search beside this one; with 0 all is done in this one.
        search: who is compared with a submission: everybody on file, or only the person's own rows.
        on_event: is handed every event as it is on the wire. Without it, those of people who match nobody are not made.
        on_case: is handed the number and all events of each matched booking, once its last event has happened.
        on_progress: is told where the run is, now and then.

    Raises:
        InteropError: whatever a handler refuses; `worker-lost`, when a worker was ended from outside.
    """
    run = _Run(runid, settings, on_event, on_case)
    # Only an office that has not room for everybody makes one case depend on another.
    apart = on_event is None and all(limit is None for limit in settings.capacity_per_day.values())
    size = LARGE_SHARD if apart and count >= MANY_SHARDS * LARGE_SHARD else SHARD
    orders = [
        Order(
            opened=run.opened,
            runid=runid,
            scenario=scenario,
            seed=seed,
            count=count,
            first=first,
            end=min(first + size, count),
            search=search,
            everything=on_event is not None,
            apart=apart,
        )
        for first in range(0, count, size)
    ]
    shards: list[Shard] = []
    with closing(worked(orders, enrolling_of(run.opened, search), workers)) as made:
        for order, shard in zip(orders, made, strict=True):
            run.take(shard)
            shards.append(replace(shard, brought=(), finished=()))
            if on_progress is not None:
                on_progress(Progress(order.end, count, run.days.open_day))
    run.finish()
    disclosures: Disclosures = Counter()
    for counted in (run.flow.disclosures, *(shard.disclosures for shard in shards)):
        for (sender, recipient, categories), times in counted.items():
            disclosures[sender, recipient, tuple(sorted(categories))] += times
    rounds = _most([run.days.rounds, *(shard.rounds for shard in shards)])
    said = Counter({RunOpened.event_type: 1, DayEnded.event_type: rounds.total(), DayClosed.event_type: len(rounds)})
    for heard in (run.flow.said, *(shard.said for shard in shards)):
        said.update(heard)
    return InProcessResult(
        iafis_row=_joined([shard.iafis_row for shard in shards], np.int32),
        ident_row=_joined([shard.ident_row for shard in shards], np.int32),
        iafis_known=_joined([shard.iafis_known for shard in shards], np.int64),
        searched=_joined([shard.searched for shard in shards], np.uint8),
        handled=handled_of(_joined([shard.reach for shard in shards], np.uint8)),
        disclosures=disclosures,
        said=said,
        last_day=max(rounds),
    )


class _Run:
    """The part of a run that this process sees to: the days, and the cases that they move."""

    def __init__(
        self,
        runid: str,
        settings: RunSettings,
        on_event: Callable[[bytes], None] | None,
        on_case: Callable[[int, list[Event]], None] | None,
    ) -> None:
        self.hear = on_event or _ignore
        self.on_case = on_case
        self.opened = opened(runid, settings)
        self.flow = Flow(prepared(self.opened), on_event)
        self.days = Days(runid, settings.opened_on, ZoneInfo(settings.time_zone), self.flow, self.hear)
        self.hear(self.opened)

    def take(self, shard: Shard) -> None:
        """The bookings of a shard, each on its day."""
        for number, events in shard.finished:
            self._tell(number, events)
        for brought in shard.brought:
            self._close_days_before(brought.day)
            for body in brought.events:
                self.hear(body)
            if shard.searched[brought.place] == MATCH:
                self.flow.take_over(brought.file())
        self._close_days_before(shard.last_day)

    def finish(self) -> None:
        """Nobody is booked any more."""
        for _ in self.days.close_the_rest():
            self._tell_finished()

    def _close_days_before(self, day: date) -> None:
        for _ in self.days.close_before(day):
            self._tell_finished()

    def _tell_finished(self) -> None:
        for file in self.flow.close_files():
            self._tell(file.number, file.events)

    def _tell(self, number: int, events: Sequence[bytes]) -> None:
        if self.on_case is not None:
            self.on_case(number, [from_json(body) for body in events])


def _most(told: Sequence[Counter[date]]) -> Counter[date]:
    """How many rounds each day takes when all are under one clock: as many as the slowest needs."""
    most: Counter[date] = Counter()
    for rounds in told:
        most |= rounds
    for rounds in told:
        most.update(dict.fromkeys(rounds, 0))
    return most


def _joined(columns: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *columns])


def _ignore(_: bytes) -> None:
    """Nobody listens."""
