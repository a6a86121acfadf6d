"""How far the prints of many bookings go, as columns: the services' own rules, asked once for each case that can occur.

The agency decides first, by all that it knows; of what it submits, the federal side decides by what it was sent.
"""

from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox.population import People
from sandbox.results import HANDLED
from sandbox.scenario import ChargeShare, Scenario
from services.biometric_match import events as federal
from services.biometric_match.relay import Relay
from services.booking.domain import Place, how_far
from services.booking.events import AgencySeen, Charge, Papers, RunSettings
from services.chassis.policy import load_policy, load_vocabulary

Reach = NDArray[np.uint8]

CITED, KEPT, HELD_BACK = (HANDLED.index(word) for word in ("cited", "kept", "submitted"))
SHARED = len(HANDLED)
"""How far prints went: not taken, not sent, sent to the FBI alone, relayed to DHS."""


class Sharing:
    """The sharing policy of a run, for the people of its scenario."""

    def __init__(self, scenario: Scenario, place: Place, relay: Relay) -> None:
        self._reach = np.array(
            [
                [
                    [_reach(charge, Papers(lawful_status_proof=proof), ori, place, relay) for proof in (False, True)]
                    for charge in scenario.charges
                ]
                for ori in scenario.agencies
            ],
            np.uint8,
        )

    def of(self, people: People) -> Reach:
        """How far the prints of each of these people go."""
        reach: Reach = self._reach[people.agency, people.charge, people.lawful_status_proof.astype(np.uint8)]
        return reach


def sharing_of(scenario: Scenario, settings: RunSettings) -> Sharing:
    """The sharing policy that a run is pinned to.

    Raises:
        PolicyError: the policy's text cannot be used.
    """
    vocabulary = load_vocabulary(settings.vocabulary.text, settings.vocabulary.id)
    policy = load_policy(settings.sharing.text, settings.sharing.id, vocabulary)
    agencies = {ori: AgencySeen(time_zone=row.time_zone, facts=row.facts) for ori, row in settings.agencies.items()}
    place = Place(agencies, frozenset(settings.holidays), ZoneInfo(settings.time_zone), policy)
    return Sharing(scenario, place, Relay(policy, {ori: agency.facts for ori, agency in agencies.items()}))


def handled_of(reach: Reach) -> NDArray[np.uint8]:
    """What the agency's own record says of it, as places in `results.HANDLED`: it does not know what is relayed."""
    return np.minimum(reach, np.uint8(HELD_BACK))


def _reach(arrested_for: ChargeShare, papers: Papers, ori: str, place: Place, relay: Relay) -> int:
    charge = Charge.model_validate({name: getattr(arrested_for, name) for name in Charge.model_fields})
    handled = HANDLED.index(how_far(charge, papers, ori, place))
    if handled == HELD_BACK and relay.takes(ori, federal.Charge.model_validate(charge.model_dump())):
        return SHARED
    return handled
