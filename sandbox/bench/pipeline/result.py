"""What was ordered, what was measured, and the figures that follow."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sandbox.bench.pipeline.latency import Latency

SOUND_STAGE = 1_200.0
"""Events per second of a stage that does nothing, below which the idiomatic baseline is taken for broken. By its own
processor time: on a machine that does other things too, the clock tells more of those than of the stage."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure."""

    bookings: int
    rounds: int
    in_ident: float
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: how long everything took, and the processor time of each process where it can be read."""

    seconds: float
    processor: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that was measured."""

    order: Order
    events: int
    intake: Round
    rounds: dict[str, list[Round]]
    latency: Latency
    stage: tuple[int, Round]
    server: str

    def seconds(self, variant: str) -> float:
        """The median of a variant's rounds."""
        return median(row.seconds for row in self.rounds[variant])

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        spent = {name: self._processor(rows) for name, rows in self.rounds.items()}
        ours, plain, bare = (self.seconds(name) for name in ("interop", "idiomatic", "redis_py"))
        return {
            "bookings_per_s": round(self.order.bookings / ours, 1),
            "events_per_s": round(self.events / ours, 1),
            "ratio_to_idiomatic": round(plain / ours, 2),
            "ratio_to_redis_py": round(bare / ours, 2),
            "idiomatic_events_per_s": round(self.events / plain, 1),
            "redis_py_events_per_s": round(self.events / bare, 1),
            "idiomatic_stage": self._stage(),
            "latency_ms": self.latency.as_json(),
            "through_intake": {
                "bookings_per_s": round(self.order.bookings / self.intake.seconds, 1),
                "events_per_s": round(self.events / self.intake.seconds, 1),
            },
            "bookings": self.order.bookings,
            "events": self.events,
            "in_ident": self.order.in_ident,
            "rounds": {name: [round(row.seconds, 3) for row in rows] for name, rows in self.rounds.items()},
            "processor_ms_per_booking": spent,
            "processor_ratio_to_idiomatic": _ratio(spent["idiomatic"], spent["interop"]),
            "processor_ratio_to_redis_py": _ratio(spent["redis_py"], spent["interop"]),
            "server": self.server,
            "processors": os.cpu_count(),
        }

    def _stage(self) -> dict[str, float | bool | None]:
        """Whether the idiomatic baseline is sound: by its processor time, where it can be read, else by the clock."""
        events, took = self.stage
        spent = took.processor.get("trivial")
        by_clock = events / took.seconds
        by_processor = events / spent if spent else None
        return {
            "events_per_s": round(by_clock, 1),
            "events_per_processor_s": None if by_processor is None else round(by_processor, 1),
            "sound": (by_processor or by_clock) >= SOUND_STAGE,
        }

    def _processor(self, rows: Sequence[Round]) -> dict[str, float]:
        """Milliseconds of processor time a booking, by process: the median over the rounds."""
        names = rows[0].processor
        return {
            name: round(1000 * median(row.processor[name] for row in rows) / self.order.bookings, 3) for name in names
        }


def _ratio(theirs: Mapping[str, float], ours: Mapping[str, float]) -> float | None:
    """How much more processor time they take, all processes together: what a busy machine cannot distort."""
    return round(sum(theirs.values()) / sum(ours.values()), 2) if ours and sum(ours.values()) else None
