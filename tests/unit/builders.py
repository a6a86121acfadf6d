"""Cases and events for the unit tests: Heron-41, booked in Boston in the week before Presidents' Day 2010."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import settings

from services.booking import events as booking
from services.booking.domain import BookingCase, Place
from services.booking.identifiers import subject_of, tcn_of
from services.chassis.envelope import CaseId, Consumed, Disclosure, Event, event_id
from services.chassis.policy import Policy
from services.detainer import events as detainer
from services.detainer.cooperation import Practice
from services.detainer.triage import Regime
from tests.unit.policy_files import the_policy, the_vocabulary

Read = TypeVar("Read", bound=Consumed)

RUN = "heron-run-7"
ORI = "ZZ0010000"
OFFICE = "ZZ-BOS-ERO"
BOSTON = ZoneInfo("America/New_York")
OPENED_ON = date(2010, 2, 8)
PRESIDENTS_DAY = date(2010, 2, 15)

fifty_times = settings(max_examples=50)
"""For property tests: a machine that is busy with something else is no failure, and all of them take seconds."""

LEVERS = ("ask_status", "notify", "hold", "transfer", "access")


def boston(text: str) -> datetime:
    """A time of day in Boston, as `2010-02-12 17:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=BOSTON).astimezone(UTC)


BOOKED_AT = boston("2010-02-10 09:00")
LODGED_AT = boston("2010-02-10 13:30")
FRIDAY_5PM = boston("2010-02-12 17:00")


def case_id(oca: str = "B-41", run: str = RUN, ori: str = ORI) -> CaseId:
    return CaseId(run, tcn_of(run, ori, oca), subject_of(ori, oca))


HERON_41 = case_id()


def an_event(
    data: Read, at: datetime = BOOKED_AT, about: CaseId = HERON_41, ordinal: int = 0, source: str = "LEA"
) -> Event[Read]:
    """`data` as it is read from a stream."""
    kind = f"{type(data).__name__}.v1"
    return Event[type(data)](  # type: ignore[misc]
        specversion="1.0",
        id=event_id(about.runid, kind, about.tcn, ordinal),
        source=source,
        type=kind,
        subject=about.subject,
        time=at,
        runid=about.runid,
        tcn=about.tcn,
        data=data,
    )


def disclosed(sender: str, recipient: str, *categories: str) -> Disclosure:
    return Disclosure(
        sender=sender,
        recipient=recipient,
        categories=categories or ("biometric",),
        basis="8 CFR 287.7",
        purpose="a test",
    )


# Booking


def a_charge(offense_class: str = "felony", **changes: Any) -> booking.Charge:
    return booking.Charge(ncic="2299", literal="BURGLARY OF A BOATHOUSE", offense_class=offense_class, **changes)


def a_plan(release_at: datetime = FRIDAY_5PM, **stages: datetime) -> booking.CustodyPlan:
    return booking.CustodyPlan(release_at=release_at, **stages)


def a_booking(**changes: Any) -> BookingCase:
    usual = {
        "ori": ORI,
        "oca": "B-41",
        "label": "Heron-41",
        "booked_at": BOOKED_AT,
        "charge": a_charge(),
        "plan": a_plan(),
    }
    return BookingCase.model_validate({**usual, **changes})


def the_place(**facts: str | int | bool) -> Place:
    agency = booking.Agency(name="Harbor Jail", place="US-MA-BOSTON", office=OFFICE, time_zone=BOSTON.key, facts=facts)
    return Place({ORI: agency}, frozenset({PRESIDENTS_DAY}), BOSTON)


def a_conviction(offense_class: str = "felony", convicted_on: date = date(2005, 6, 1), **changes: Any) -> Any:
    return booking.ConvictionSeen(
        **{"ncic": "2299", "offense_class": offense_class, "convicted_on": convicted_on, **changes}
    )


def a_rap_sheet(*convictions: booking.ConvictionSeen, at: datetime = LODGED_AT) -> Event[Any]:
    data = booking.IdentificationReturned(srf="I", ucn="ZZ0000041", convictions=convictions, disclosures=())
    return an_event(data, at, source="FBI")


def a_detainer(at: datetime = LODGED_AT) -> Event[Any]:
    return an_event(booking.DetainerDecided(action="lodged", form="I-247", disclosures=()), at, source="ICE")


def a_claim(at: datetime, ordinal: int = 0) -> Event[Any]:
    return an_event(booking.CustodyClaimed(at=at, disclosures=()), LODGED_AT, ordinal=ordinal, source="ICE")


def a_booking_request(**changes: Any) -> dict[str, Any]:
    """A booking as the jail's system sends it."""
    usual = {
        "ori": ORI,
        "oca": "B-41",
        "label": "Heron-41",
        "booked_at": "2010-02-10T09:00:00-05:00",
        "sex": "X",
        "birth_year": 1979,
        "place_of_birth": "BZ",
        "charge": {"ncic": "2299", "literal": "BURGLARY OF A BOATHOUSE", "offense_class": "felony"},
        "prints": {"codes": ["00ff00ff00ff00ff"] * 10, "qualities": [80] * 10},
    }
    return {**usual, **changes}


# Detainer


@cache
def policy(identity: str) -> Policy:
    return the_policy(identity, the_vocabulary())


def a_past_crime(ncic: str = "2303", max_years: float = 0.5, **changes: Any) -> detainer.ConvictionSeen:
    return detainer.ConvictionSeen(ncic=ncic, max_years=max_years, convicted_on=date(2005, 6, 1), **changes)


def a_status(
    removable: str = "yes", charge: str = "2303", convictions: tuple[detainer.ConvictionSeen, ...] = (), **changes: Any
) -> detainer.ImmigrationStatusReturned:
    """The IAR; without more, of somebody removable who is charged with shoplifting and was never convicted."""
    usual = {"status": "overstay", "final_order": False, "prior_removal": False, "disclosures": ()}
    seen = detainer.ChargeSeen(ncic=charge, offense_class="misdemeanor")
    return detainer.ImmigrationStatusReturned.model_validate(
        {**usual, "removable": removable, "charge": seen, "convictions": convictions, **changes}
    )


def a_regime(
    priorities: str = "ice-r1-levels-2008",
    *then: tuple[date, str],
    seed: int = 41,
    capacity: float | None = None,
    told_rate: float | Mapping[str, float] = 1.0,
    untold_rate: float = 0.0,
    within_hours: float = 40.0,
    feedback: bool = False,
) -> Regime:
    """What ICE decides by: one policy, and those that follow it from a day on; with one rate for all priorities."""
    outcomes = {"removed": (3.0, (20, 60)), "relief": (1.0, (100, 400))}
    rates = {"otherwise": told_rate} if isinstance(told_rate, float | int) else told_rate
    return Regime(
        seed=seed,
        opened_on=OPENED_ON,
        time_zone=BOSTON,
        policies=[(OPENED_ON, policy(priorities)), *((since, policy(later)) for since, later in then)],
        ranks=policy(priorities).question.answers,
        offices={ORI: OFFICE, "ZZ0020000": "ZZ-HAR-ERO"},
        capacity_per_day={OFFICE: capacity, "ZZ-HAR-ERO": capacity},
        pickup=detainer.PickupSeen(told_rate=rates, untold_rate=untold_rate, within_hours=within_hours),
        outcomes={
            outcome: detainer.OutcomeShareSeen(weight=weight, days=days) for outcome, (weight, days) in outcomes.items()
        },
        feedback=feedback,
    )


def a_practice(
    policy_id: str = "us-full-cooperation", *, seed: int = 41, discretion: float = 1.0, silence: bool = False
) -> Practice:
    """An agency's practice, with one rate and one default for all levers."""
    return Practice(seed, policy(policy_id), dict.fromkeys(LEVERS, discretion), dict.fromkeys(LEVERS, silence))


def a_stage(stage: str = "charged", sequence: int = 1, **changes: Any) -> detainer.CustodyChanged:
    """A stage of custody as the agency's detainer desk reads it."""
    usual = {
        "ori": ORI,
        "facts": {"charge": "felony"},
        "release_expected_at": FRIDAY_5PM,
        "disclosures": (),
    }
    return detainer.CustodyChanged.model_validate({**usual, "stage": stage, "sequence": sequence, **changes})


def midnight_after(moment: datetime, zone: ZoneInfo = BOSTON) -> datetime:
    """When the day that holds `moment` ends."""
    day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)
