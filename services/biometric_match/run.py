"""What the matcher has at hand during a run, from its `run.opened`: the galleries, made from the seed."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from services.biometric_match.events import RunOpened
from services.biometric_match.matcher import ExhaustiveMatcher, Matcher
from services.chassis.envelope import Event

_OPENED: TypeAdapter[Event[RunOpened]] = TypeAdapter(Event[RunOpened])


@dataclass(frozen=True, slots=True)
class Searches:
    """A run with its galleries."""

    run: RunOpened
    matcher: Matcher


def searches_of(run_opened: bytes) -> Searches:
    """The galleries of a run.

    Raises:
        ValidationError: the event does not fit.
    """
    run = _OPENED.validate_json(run_opened).data
    return Searches(run, ExhaustiveMatcher(run.seed, run.galleries.rows, run.galleries.overlap))
