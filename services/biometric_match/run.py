"""What the matcher has at hand during a run, from its `run.opened`: galleries, made from the seed, and the relay."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from services.biometric_match.events import RunOpened
from services.biometric_match.matcher import ExhaustiveMatcher, Matcher
from services.biometric_match.relay import Relay, relay_of
from services.chassis.envelope import Event

_OPENED: TypeAdapter[Event[RunOpened]] = TypeAdapter(Event[RunOpened])


@dataclass(frozen=True, slots=True)
class Searches:
    """A run with its galleries, and what of it is relayed to DHS."""

    run: RunOpened
    matcher: Matcher
    relay: Relay


def searches_of(run_opened: bytes) -> Searches:
    """The galleries and the relay of a run.

    Raises:
        ValidationError: the event does not fit.
        PolicyError: the sharing policy cannot be used.
    """
    run = _OPENED.validate_json(run_opened).data
    return Searches(run, ExhaustiveMatcher(run.seed, run.galleries.rows, run.galleries.overlap), relay_of(run))
