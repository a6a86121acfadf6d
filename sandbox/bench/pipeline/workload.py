"""The load of the pipeline benchmark: the bookings of one day, and what the real intake made of them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter
from redis import Redis

from sandbox import streams
from sandbox.bench.pipeline.groups import GROUPS, SUBMITTED
from sandbox.population import bookings
from sandbox.scenario import Scenario, in_days, load_scenario, resolve
from services.audit.domain import Row
from services.booking.domain import BookingCase
from services.booking.events import RunSettings
from services.chassis.delivery import keys

SCENARIO = "boston-2008-2010"
DAY = date(2010, 3, 1)
SEED = 2010
RUNID = "bench"

RECORDED = "booking.recorded.v1"

REMOVABLE = {"visa_overstay": 1.0, "entered_without_inspection": 1.0, "prior_removal": 1.0}

Fields = Mapping[bytes, bytes]
Unwrap = Callable[[Fields], bytes]
"""Finds the event's JSON in the fields of an entry; each variant has its wire format."""


def plain(fields: Fields) -> bytes:
    """The house's own wire format: one field, plain JSON."""
    return fields[b"event"]


def one_day(in_ident: float) -> Scenario:
    """The scenario with one day, without a capacity; of the people, `in_ident` are known to IDENT, all removable."""
    scenario = in_days(load_scenario(SCENARIO), DAY, DAY)
    records = scenario.records.model_copy(update={"status_weights": REMOVABLE, "unknown_share": 0.0})
    return scenario.model_copy(
        update={
            "capacity_per_day": dict.fromkeys(scenario.capacity_per_day),
            "people": scenario.people.model_copy(update={"in_ident": in_ident}),
            "records": records,
            "pickup": scenario.pickup.model_copy(update={"told_rate": {"otherwise": 1.0}}),
        }
    )


def settings_of(scenario: Scenario) -> RunSettings:
    """What the benchmark's run is pinned to."""
    return resolve(scenario, seed=SEED)


def people_of(scenario: Scenario, count: int) -> list[bytes]:
    """The bookings, each as a line of NDJSON."""
    people = bookings(scenario, SEED, count)
    return [json.dumps(person, separators=(",", ":")).encode() for person in people]


@dataclass(frozen=True, slots=True)
class FirstCase:
    """A case as the intake begins it."""

    tcn: str
    subject: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """What every variant is fed with, and the events and the ledger that every variant must end with."""

    settings: RunSettings
    run_opened: bytes
    cases: Sequence[FirstCase]
    entries: Sequence[tuple[str, bytes]]
    """The intake's events, in the order in which it published them, each as (type, JSON)."""

    events: Counter[str]
    ledger: Counter[Row]

    @classmethod
    def recorded(cls, redis: Redis, settings: RunSettings, ledger: Counter[Row]) -> "Load":
        """The load, as streams and ledger hold it after a run through the real intake."""
        (run_opened,) = (fields[b"event"] for _, fields in streams.entries(redis, keys.stream("run.opened.v1")))
        recorded = [fields[b"event"] for _, fields in streams.entries(redis, keys.stream(RECORDED))]
        submitted = [fields[b"event"] for _, fields in streams.entries(redis, keys.stream(SUBMITTED))]
        pairs = zip(recorded, submitted, strict=True)
        return cls(
            settings=settings,
            run_opened=run_opened,
            cases=[_first_case(body) for body in recorded],
            entries=[entry for pair in pairs for entry in zip((RECORDED, SUBMITTED), pair, strict=True)],
            events=all_events(redis, plain),
            ledger=ledger,
        )


def _first_case(recorded: bytes) -> FirstCase:
    event = json.loads(recorded)
    case = _CASE.validate_python({**event["data"], "plan": event["data"]["custody"], "custody": "in_custody"})
    return FirstCase(event["tcn"], event["subject"], case.model_dump_json(exclude_defaults=True).encode())


_CASE = TypeAdapter(BookingCase)


def all_events(redis: Redis, unwrap: Unwrap) -> Counter[str]:
    """What the streams hold of the cases: each event whole, with how often it stands there.

    But for its cause: where two events complete a pair, that is the one which happened to come last.
    """
    counted: Counter[str] = Counter()
    for event_type in GROUPS:
        for _, fields in streams.entries(redis, keys.stream(event_type)):
            event = json.loads(unwrap(fields))
            event.pop("causationid", None)
            counted[json.dumps(event, sort_keys=True)] += 1
    return counted
