"""Where a booking stands by its events: whether it has ended, and what it waits for. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]
Latest = Mapping[str, Mapping[str, Any]]
"""The data of the latest event of each type."""

State = tuple[bool, str, str | None]
"""Whether it has ended, where it is, and the time that it waits for."""


def state_of(ordered: Sequence[Event]) -> State:
    """Where a booking stands that these are the events of, in the order in which they happened."""
    last: dict[str, Mapping[str, Any]] = {event["type"]: event["data"] for event in ordered}
    for rule in (_not_submitted, _unsearched, _unmatched, _undecided, _not_lodged, _in_custody):
        found = rule(last)
        if found is not None:
            return found
    lodged_at = next(event["time"] for event in ordered if event["type"] == "detainer.decided.v1")
    if (_release(last) or lodged_at) <= lodged_at:
        return True, "The request came after the person had walked out, so nothing follows.", None
    return False, "The request to hold is with the jail, which waits for the FBI's answer.", None


def _not_submitted(last: Latest) -> State | None:
    booked = last.get("booking.recorded.v1")
    if booked is None:
        return False, "Nothing of this booking is to be seen in the streams yet.", None
    if booked["handled"] != "submitted":
        return True, "No prints went anywhere, so nothing follows.", None
    return None


def _unsearched(last: Latest) -> State | None:
    if "identification.returned.v1" not in last:
        return False, "The FBI's answer is under way.", None
    return None


def _unmatched(last: Latest) -> State | None:
    searched = last.get("immigration.searched.v1")
    if searched is None:
        # The FBI answers and relays in one step: without a search beside its answer there will be none.
        return True, "DHS was not asked, so nothing follows.", None
    if searched["result"] != "match":
        return (
            True,
            "Nothing follows: the person leaves when the criminal case lets them go. ICE never hears of it.",
            None,
        )
    return None


def _undecided(last: Latest) -> State | None:
    if "immigration.status.returned.v1" not in last:
        return False, "The support center is looking the person up.", None
    if "detainer.decided.v1" not in last:
        return False, "ICE's field office decides; with a limit on its capacity, when the day closes.", None
    return None


def _not_lodged(last: Latest) -> State | None:
    if last["detainer.decided.v1"]["action"] == "lodged":
        return None
    return True, "Nothing follows: ICE does nothing, and the person leaves when the criminal case lets them go.", None


def _in_custody(last: Latest) -> State | None:
    custody = last.get("custody.changed.v1")
    if custody is None:
        return None
    if custody["stage"] == "released":
        return True, "The person has walked out.", None
    if custody["stage"] == "transferred":
        if "outcome.recorded.v1" in last:
            return True, "The case has ended.", None
        return False, "The person is with ICE; how the case ends shows weeks later.", None
    if custody["stage"] in ("hold_started", "hold_expired"):
        claimed = last.get("custody.claimed.v1")
        return False, "The jail holds the person for ICE.", claimed["at"] if claimed else None
    return False, "The person is in jail until the criminal case lets them go.", _release(last)


def _release(last: Latest) -> str | None:
    at: str | None = last["booking.recorded.v1"]["custody"]["release_at"]
    return at
