"""What the matcher has at hand during a run, from its `run.opened`: what galleries are made from, and the relay."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from services.biometric_match.events import RunOpened
from services.biometric_match.gallery import Files
from services.biometric_match.relay import Relay, relay_of
from services.chassis.envelope import Event

_OPENED: TypeAdapter[Event[RunOpened]] = TypeAdapter(Event[RunOpened])


@dataclass(frozen=True, slots=True)
class Searches:
    """A run, what its galleries are made from, and what of it is relayed to DHS."""

    run: RunOpened
    files: Files
    relay: Relay

    def day(self, moment: datetime) -> date:
        """The day of the run on which a moment lies."""
        return moment.astimezone(ZoneInfo(self.run.time_zone)).date()


def searches_of(run_opened: bytes) -> Searches:
    """What searches in a run need.

    Raises:
        ValidationError: the event does not fit.
        PolicyError: the sharing policy cannot be used.
    """
    run = _OPENED.validate_json(run_opened).data
    return Searches(run, run.galleries.files(run.seed), relay_of(run))
