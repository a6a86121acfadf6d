"""What custody has at hand during a run, from its `run.opened`: the agencies and the days that do not count."""

from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from services.booking.domain import Place
from services.booking.events import RunOpenedSeen
from services.chassis.envelope import Event

_OPENED: TypeAdapter[Event[RunOpenedSeen]] = TypeAdapter(Event[RunOpenedSeen])


def place_of(run_opened: bytes) -> Place:
    """The place of a run.

    Raises:
        ValidationError: the event does not fit.
    """
    data = _OPENED.validate_json(run_opened).data
    return Place(data.agencies, frozenset(data.holidays), ZoneInfo(data.time_zone))
