"""How far prints go: the agency decides by all that it knows, the federal side by what it was sent."""

from datetime import date
from typing import Any

import pytest

from services.biometric_match.events import AgencySeen, Charge as SubmittedCharge, DocumentSeen, RunOpened
from services.biometric_match.relay import EVERYTHING, Relay, relay_of
from services.booking.domain import Place, how_far
from services.booking.events import BookingRequest, Papers
from services.booking.handlers import on_booking
from services.chassis.policy.other import with_other
from tests.unit.builders import BOOKED_AT, HERON_41, ORI, a_booking_request, a_charge, policy, the_place
from tests.unit.policy_files import POLICIES, the_vocabulary

CITE = "counterfactual-cite-or-book"
KEEP = "counterfactual-print-felonies-only"
MENINO = "proposal-menino-2011-sharing"
OPT_OUT = "proposal-latimes-opt-out-2011"
AS_IT_WAS = "us-sharing-2008"


def place(sharing: str, **facts: str | int | bool) -> Place:
    usual = the_place(**facts)
    return Place(usual.agencies, usual.holidays, usual.day_zone, policy(sharing))


def booked(sharing: str, **charge: Any) -> Any:
    """What comes of a booking on this charge."""
    usual = {"ncic": "2303", "literal": "SHOPLIFTING", "offense_class": "misdemeanor"}
    request = BookingRequest.model_validate(a_booking_request(charge={**usual, **charge}))
    return on_booking(request, HERON_41, BOOKED_AT, date(2010, 2, 10), place(sharing))


def federal(offense_class: str = "misdemeanor", ncic: str = "2303") -> SubmittedCharge:
    return SubmittedCharge(ncic=ncic, literal="A CHARGE", offense_class=offense_class)


# The agency


@pytest.mark.parametrize(
    ("sharing", "handled", "said"),
    [
        pytest.param(CITE, "cited", ["booking.recorded.v1"], id="cited"),
        pytest.param(KEEP, "kept", ["booking.recorded.v1"], id="kept"),
        pytest.param(MENINO, "submitted", ["booking.recorded.v1", "fingerprints.submitted.v1"], id="submitted"),
        pytest.param(AS_IT_WAS, "submitted", ["booking.recorded.v1", "fingerprints.submitted.v1"], id="shared"),
    ],
)
def test_prints_are_submitted_only_where_the_policy_lets_them_go(sharing: str, handled: str, said: list[str]) -> None:
    outcome = booked(sharing)

    assert [emit.data.event_type for emit in outcome.emits] == said
    assert outcome.emits[0].data.handled == outcome.case.handled == handled


def test_nobody_waits_for_what_was_never_submitted() -> None:
    assert booked(CITE).case.wake_at is None


def test_what_was_submitted_does_not_say_how_it_was_decided() -> None:
    shared, held_back = booked(AS_IT_WAS).emits[1].data, booked(MENINO).emits[1].data

    assert shared == held_back


def test_the_agency_decides_by_what_only_it_knows() -> None:
    assert booked(CITE).case.handled == "cited"
    assert booked(CITE, domestic_violence=True).case.handled == "submitted"


def test_the_agency_decides_by_the_gravest_charge() -> None:
    assert how_far(a_charge("misdemeanor"), Papers(), ORI, place(KEEP)) == "kept"
    assert how_far(a_charge("felony"), Papers(), ORI, place(KEEP)) == "submitted"


def test_without_a_sharing_policy_everything_is_submitted() -> None:
    assert how_far(a_charge("infraction"), Papers(), ORI, the_place()) == "submitted"


# The federal side


def test_as_it_was_everything_is_relayed() -> None:
    assert EVERYTHING.takes(ORI, federal())
    assert Relay(policy(AS_IT_WAS)).takes(ORI, federal())


def test_a_partition_relays_the_serious_side_only() -> None:
    relay = Relay(policy(MENINO))

    assert relay.takes(ORI, federal("serious_felony", "1299"))
    assert not relay.takes(ORI, federal("felony", "2299"))
    assert not relay.takes(ORI, federal("misdemeanor"))


def test_a_place_is_relayed_by_what_the_run_says_of_it() -> None:
    relay = Relay(policy(OPT_OUT), {ORI: {"place_opted_in": True}})

    assert relay.takes(ORI, federal())
    assert not relay.takes("ZZ0099900", federal())


@pytest.mark.parametrize("sharing", [CITE, KEEP])
def test_what_an_agency_has_submitted_all_the_same_is_relayed(sharing: str) -> None:
    assert Relay(policy(sharing)).takes(ORI, federal())


def test_the_relay_of_a_run_is_the_one_that_it_was_opened_with() -> None:
    def text(name: str) -> DocumentSeen:
        return DocumentSeen(id=name, text=(POLICIES / f"{name}.yaml").read_text(encoding="utf-8"))

    usual = {"disclosures": (), "seed": 1, "opened_on": date(2011, 3, 1)}
    agencies = {ORI: AgencySeen(facts={"place_opted_in": True})}
    pinned = RunOpened(**usual, agencies=agencies, vocabulary=text("vocabulary"), sharing=text(OPT_OUT))

    assert relay_of(pinned).takes(ORI, federal())
    assert not relay_of(pinned).takes("ZZ0099900", federal())
    assert relay_of(RunOpened(**usual)) is EVERYTHING


# Codes that nobody has heard of


def test_an_offence_that_the_list_does_not_have_is_some_other_offence() -> None:
    facts = {"charge_offence": "7777", "charge": "felony", "charge_filed": True}

    assert with_other(facts, the_vocabulary()) == {**facts, "charge_offence": "other"}
    assert Relay(policy(MENINO)).takes(ORI, federal("serious_felony", "7777"))
    assert how_far(a_charge("felony"), Papers(), ORI, place(KEEP)) == "submitted"


def test_a_value_stays_a_mistake_where_there_is_no_other() -> None:
    assert with_other({"charge": "felny"}, the_vocabulary()) == {"charge": "felny"}
