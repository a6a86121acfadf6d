"""What booking has at hand during a run, from its `run.opened`: agencies, days that do not count, what is submitted."""

from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from services.booking.domain import Place
from services.booking.events import RunOpenedSeen
from services.chassis.envelope import Event
from services.chassis.policy import Policy, load_policy, load_vocabulary

_OPENED: TypeAdapter[Event[RunOpenedSeen]] = TypeAdapter(Event[RunOpenedSeen])


def place_of(run_opened: bytes) -> Place:
    """The place of a run.

    Raises:
        ValidationError: the event does not fit.
        PolicyError: the sharing policy cannot be used.
    """
    data = _OPENED.validate_json(run_opened).data
    return Place(data.agencies, frozenset(data.holidays), ZoneInfo(data.time_zone), _sharing(data))


def _sharing(data: RunOpenedSeen) -> Policy | None:
    if data.sharing is None:
        return None
    return load_policy(data.sharing.text, data.sharing.id, load_vocabulary(data.vocabulary.text, data.vocabulary.id))
