"""The whole way of an event into the log, seal and all, beside the services that produce such events."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sandbox.bench.audit.material import EVENT, EVENTS_A_MS, FIRST_MS
from sandbox.bench.audit.reading import Desk
from sandbox.bench.pipeline.measure import rounds_of_services
from sandbox.bench.pipeline.result import Order
from services.audit.ledger import FULL_BATCH, Ledger
from services.audit.vault import VAULT_FILE, Vault
from services.chassis.delivery.stages import Arrival
from services.chassis.envelope import Consumed

KEEPS = 3
"""How often each round's events are kept: that takes a fraction of what the services take."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Produced:
    """A round of the services: every event, as it stood in its stream, and how long all of them took together."""

    events: Sequence[str]
    seconds: float


Services = Callable[[Tell], Iterator[Produced]]


@dataclass(slots=True)
class Pace:
    """Events a second, round by round."""

    batch: int = FULL_BATCH
    events: int = 0
    keep: list[float] = field(default_factory=list)
    pipeline: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """Seconds of processor time an event, to keep it: what a busy machine distorts least."""

    @property
    def ratio(self) -> float:
        """How many events are kept in the time in which the services produce one."""
        return median(self.keep) / median(self.pipeline)

    def as_json(self) -> dict[str, Any]:
        """The medians, their ratio, and every round."""
        return {
            "batch": self.batch,
            "events": self.events,
            "keep_per_s": round(median(self.keep), 1),
            "pipeline_per_s": round(median(self.pipeline), 1),
            "ratio": round(self.ratio, 3),
            "keep_processor_us_per_event": round(median(self.processor) * 1e6, 1),
            "rounds": {
                "keep": [round(each, 1) for each in self.keep],
                "pipeline": [round(each, 1) for each in self.pipeline],
            },
        }


def the_services(bookings: int, rounds: int) -> Services:
    """The services of `interop bench pipeline`, on a Redis of their own."""
    order = Order(bookings, rounds, in_ident=1.0, latency_seconds=0)

    def produced(tell: Tell) -> Iterator[Produced]:
        for load, took in rounds_of_services(order, tell):
            yield Produced(list(load.events.elements()), took.seconds)

    return produced


def measure_keeping(folder: Path, desk: Desk, services: Services, tell: Tell) -> Pace:
    """After each round of the services, the same events into a log and a vault of their own."""
    pace = Pace()
    for number, produced in enumerate(services(tell)):
        tell("the same events into the ledger")
        arrivals = [_arrival(*each) for each in enumerate(produced.events)]
        pace.events = len(arrivals)
        pace.pipeline.append(len(arrivals) / produced.seconds)
        for again in range(KEEPS):
            _keep(folder / f"keep-{number}-{again}", desk, arrivals, pace)
    return pace


def _keep(folder: Path, desk: Desk, arrivals: Sequence[Arrival[Consumed]], pace: Pace) -> None:
    with closing(Ledger(desk.open_log(folder), Vault(folder / VAULT_FILE), linger=0)) as ledger:
        began, spent = time.perf_counter(), time.process_time()
        for first in range(0, len(arrivals), pace.batch):
            ledger.keep(arrivals[first : first + pace.batch])
        pace.keep.append(len(arrivals) / (time.perf_counter() - began))
        pace.processor.append((time.process_time() - spent) / len(arrivals))


def _arrival(number: int, event: str) -> Arrival[Consumed]:
    ms, seq = divmod(number, EVENTS_A_MS)
    return Arrival(f"{FIRST_MS + ms}-{seq}", EVENT.validate_json(event))
