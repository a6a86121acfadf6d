"""The wiring of the biometric matcher: one stream in, three answers out. Its rules are in domain.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from services.biometric_match.events import (
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
    RunOpened,
)
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.matcher import ExhaustiveMatcher, Matcher
from services.chassis.effects import Case, Outcome
from services.chassis.envelope import Event
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings

PUBLISHES = (IdentificationReturned, ImmigrationSearched, ImmigrationStatusReturned)


@dataclass(frozen=True, slots=True)
class Searches:
    """A run with its galleries."""

    run: RunOpened
    matcher: Matcher


def build(settings: ServiceSettings | None = None) -> Service:
    """The biometric matcher, ready to be served."""
    summary = "The federal searches: IAFIS, IDENT, and the LESC status answer"
    service = Service("biometric_match", summary, settings or ServiceSettings(), PUBLISHES)
    wiring = service.group("biometric_match", party="FBI", prepare=prepare_searches)
    wiring.batch("fingerprints.submitted.v1", FingerprintsSubmitted, _search)
    return service


def prepare_searches(body: bytes) -> Searches:
    """The galleries of a run, made from its seed."""
    run = TypeAdapter(Event[RunOpened]).validate_json(body).data
    return Searches(run, ExhaustiveMatcher(run.seed, run.galleries.rows, run.galleries.overlap))


def _search(events: Sequence[Event[FingerprintsSubmitted]], searches: Searches) -> list[Outcome[Case]]:
    return on_fingerprints_submitted(events, searches.run, searches.matcher)
