"""`interop run`: a scenario through the services and their streams, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from redis import Redis

from sandbox import report, streams
from sandbox.drive import Driver, OnProgress, wait_for_audit
from sandbox.house import House
from sandbox.population import bookings
from sandbox.scenario import load_scenario, resolve
from services.audit.domain import Reconciliation, Row, reconcile, rows_of
from services.audit.events import WATCHED
from services.chassis.delivery import keys
from services.chassis.envelope import Consumed, Event

_EVENT: TypeAdapter[Event[Consumed]] = TypeAdapter(Event[Consumed])


@dataclass(frozen=True, slots=True)
class Request:
    """What to run."""

    scenario: str
    bookings: int
    seed: int
    policy: str | None = None
    regime: str | None = None
    runid: str | None = None


def run_scenario(house: House, request: Request, on_progress: OnProgress) -> dict[str, Any]:
    """Runs a scenario and tells what came of it, in the form that `interop run --json` prints.

    Raises:
        InteropError: a scenario or policy that is unknown or has mistakes, and whatever goes wrong on the way.
    """
    scenario = load_scenario(request.scenario)
    settings = resolve(scenario, seed=request.seed, policy=request.policy, regime=request.regime)
    runid = request.runid or name_of(scenario.scenario, request.seed)
    people = bookings(scenario, request.seed, request.bookings)
    Driver(house.urls["booking"], runid, on_progress).run(settings, people, request.bookings)
    wait_for_audit(house.redis)
    events = list(streams.all_events(house.redis, runid))
    entries = Counter(keys.stream(event["type"]) for event in events)
    return {
        "scenario": scenario.scenario,
        "seed": request.seed,
        "runid": runid,
        "via": "streams",
        "bookings": request.bookings,
        "policy": settings.detainer.id,
        "regime": ", ".join(document.id for document in settings.ice_priority),
        "totals": report.totals(events),
        "entries": dict(sorted(entries.items())),
        "disclosures": report.disclosures(events),
        "dead_letters": sum(house.redis.xlen(name) for name in streams.dead_letter_streams(house.redis)),
        "reconciled": reconcile_ledger(house.redis, house.ledger()).reconciled,
        "notice": report.NOTICE,
    }


def name_of(scenario: str, seed: int) -> str:
    """A name for a run that nobody named."""
    return f"{scenario}-{seed}-{datetime.now(UTC):%Y%m%dt%H%M%S}"


def reconcile_ledger(redis: Redis, ledger: Iterable[Row]) -> Reconciliation:
    """Compares every entry of every stream with every row of the ledger."""
    rows = {row.name: row for row in ledger}
    carried = (row for event_type in WATCHED for row in _carried(redis, event_type))
    return reconcile(carried, rows)


def _carried(redis: Redis, event_type: str) -> Iterable[Row]:
    for _, fields in streams.entries(redis, keys.stream(event_type)):
        try:
            yield from rows_of(_EVENT.validate_json(fields.get(b"event", b"")))
        except ValidationError:
            continue  # what cannot be read as an event lies among audit's dead letters


def summary(outcome: Reconciliation) -> Mapping[str, Any]:
    """A reconciliation in the form that `interop audit reconcile --json` prints."""
    return {
        "reconciled": outcome.reconciled,
        "disclosures": outcome.disclosures,
        "missing": [_named(row) for row in outcome.missing],
        "extra": [_named(row) for row in outcome.extra],
        "different": [_named(streamed) for streamed, _ in outcome.different],
    }


def _named(row: Row) -> dict[str, Any]:
    return {
        "event": row.event_id,
        "hop": row.hop,
        "type": row.event_type,
        "run": row.runid,
        "subject": row.subject,
        "from": row.sender,
        "to": row.recipient,
    }
