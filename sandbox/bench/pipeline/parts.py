"""What both baselines share with the services: how a run is prepared, which case is whose, how an effect is named.

The services do the first in their wiring, which the sandbox does not import.
"""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from redis.asyncio import Redis

from services.audit.ledger import Ledger
from services.biometric_match.events import RunOpened as RunOfMatcher
from services.biometric_match.matcher import ExhaustiveMatcher
from services.booking.domain import Place
from services.booking.events import RunOpenedSeen
from services.chassis.delivery import keys
from services.chassis.envelope import Event
from services.chassis.policy import load_policy, load_vocabulary
from services.chassis.settings import ServiceSettings
from services.detainer.cooperation import Practice
from services.detainer.events import RunOpened as RunOfDetainer
from services.detainer.triage import Regime

CONSUMER = "worker-1"
READY = "ready"
"""What a baseline's process prints when all its subscribers run."""


@dataclass(frozen=True, slots=True)
class Searches:
    """A run with its galleries."""

    run: RunOfMatcher
    matcher: ExhaustiveMatcher


def searches_of(run_opened: bytes) -> Searches:
    """The galleries of the run."""
    run = TypeAdapter(Event[RunOfMatcher]).validate_json(run_opened).data
    return Searches(run, ExhaustiveMatcher(run.seed, run.galleries.rows, run.galleries.overlap))


def place_of(run_opened: bytes) -> Place:
    """What custody needs of the run."""
    data = TypeAdapter(Event[RunOpenedSeen]).validate_json(run_opened).data
    return Place(data.agencies, frozenset(data.holidays), ZoneInfo(data.time_zone))


def regime_of(run_opened: bytes) -> Regime:
    """What ICE decides by."""
    run = TypeAdapter(Event[RunOfDetainer]).validate_json(run_opened).data
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    return Regime(
        seed=run.seed,
        policy=load_policy(run.ice_priority.text, run.ice_priority.id, vocabulary),
        offices={ori: agency.office for ori, agency in run.agencies.items()},
        capacity_per_day=run.capacity_per_day,
        pickup=run.pickup,
        outcomes=run.outcomes,
        feedback=run.feedback,
    )


def practice_of(run_opened: bytes) -> Practice:
    """What the agency decides by."""
    run = TypeAdapter(Event[RunOfDetainer]).validate_json(run_opened).data
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    return Practice(
        seed=run.seed,
        policy=load_policy(run.detainer.text, run.detainer.id, vocabulary),
        discretion=run.discretion,
        silence=run.silence,
    )


async def run_opened_in(redis: Redis) -> bytes:
    """The event that opened the run: the only one in its stream."""
    entries: Any = await redis.xrange(keys.stream("run.opened.v1"))
    ((_, fields),) = entries
    return bytes(fields[b"event"])


def ledger_of(settings: ServiceSettings) -> Ledger:
    """The same SQLite ledger as audit's."""
    return Ledger(settings.state_dir / "ledger.sqlite")


def case_key(group: str, tcn: str | None) -> str:
    """Where a baseline keeps a case: one key, one JSON value."""
    return f"{{0}}:{group}:{tcn}"
