"""What booking does when somebody is booked or an event arrives: pure functions to the case and its events.

Two events may have to be there before custody can go on (the detainer and the rap sheet); whichever completes the
pair yields the same effect.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from services.booking.domain import (
    DECISION_STAGES,
    BookingCase,
    Place,
    Step,
    answer,
    claim,
    how_far,
    is_too_late,
    move,
    policy_facts,
    put_on_file,
)
from services.booking.events import (
    HAND_OVER,
    SUBMISSION,
    BookingRecorded,
    BookingRequest,
    CooperationDecided,
    CustodyChanged,
    CustodyClaimed,
    CustodyPlan,
    DayEndedSeen,
    DetainerDecided,
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationStatusReturned,
    OutcomeRecorded,
    SubmittedCharge,
)
from services.chassis.effects import DueCase, Emit, NotYetError, Outcome
from services.chassis.envelope import CaseId, Event, event_id

BookingOutcome = Outcome[BookingCase]

DEFAULT_STAY = timedelta(hours=36)
"""How long a person booked by hand stays, when the booking does not say."""


def on_booking(
    request: BookingRequest, booked: CaseId, booked_at: datetime, arrested_on: date, place: Place
) -> BookingOutcome:
    """A person is booked: the local record, and because of it the submission, which holds no local facts.

    Under a sharing policy that has the person cited, or keeps the prints, there is no submission and no answer to it.

    Args:
        request: the booking as the jail's system sent it.
        booked: the case that it begins.
        booked_at: when; also for a booking that did not say.
        arrested_on: the day of the run that holds that moment.
        place: the run's agencies, and its sharing policy.
    """
    plan = request.custody or CustodyPlan(release_at=booked_at + DEFAULT_STAY)
    charge = request.charge
    handled = how_far(charge, request.papers, request.ori, place)
    recorded = BookingRecorded(
        ori=request.ori,
        oca=request.oca,
        label=request.label,
        booked_at=booked_at,
        local=request.local,
        charge=charge,
        papers=request.papers,
        custody=plan,
        handled=handled,
        disclosures=(),
    )
    case = BookingCase(
        ori=request.ori,
        oca=request.oca,
        label=request.label,
        booked_at=booked_at,
        charge=charge,
        papers=request.papers,
        plan=plan,
        handled=handled,
    )
    if handled != "submitted":
        return Outcome(case, [Emit(recorded, booked_at)])
    cause = event_id(booked.runid, recorded.event_type, booked.tcn, 0)
    return Outcome(case, [Emit(recorded, booked_at), Emit(_submission(request, arrested_on), booked_at, cause=cause)])


def _submission(request: BookingRequest, arrested_on: date) -> FingerprintsSubmitted:
    charge = request.charge
    return FingerprintsSubmitted(
        ori=request.ori,
        oca=request.oca,
        label=request.label,
        sex=request.sex,
        birth_year=request.birth_year,
        place_of_birth=request.place_of_birth,
        arrested_on=arrested_on,
        charge=SubmittedCharge(ncic=charge.ncic, literal=charge.literal, offense_class=charge.offense_class),
        prints=request.prints,
        a_number=request.a_number,
        sid=request.sid,
        disclosures=SUBMISSION,
    )


def on_identification(event: Event[IdentificationReturned], case: BookingCase | None, place: Place) -> BookingOutcome:
    """The rap sheet is back; if a detainer waits for it, it goes on file now."""
    case = _known(case).model_copy(update={"identification": event.data})
    return _file_when_complete(case, place)


def on_second_response(event: Event[ImmigrationStatusReturned], case: BookingCase | None, _: Place) -> BookingOutcome:
    """The state bureau relays what the Law Enforcement Support Center said."""
    return Outcome(_known(case).model_copy(update={"second_response": event.data.status}))


def on_detainer(event: Event[DetainerDecided], case: BookingCase | None, place: Place) -> BookingOutcome:
    """A detainer came in. One that comes after the release changes nothing but the record."""
    update = {"detainer_at": event.time, "detainer_form": event.data.form}
    return _file_when_complete(_known(case).model_copy(update=update), place)


def on_cooperation(event: Event[CooperationDecided], case: BookingCase | None, _: Place) -> BookingOutcome:
    """The agency decided what it does about the detainer at a stage."""
    return Outcome(answer(_known(case), event.data))


def on_claim(event: Event[CustodyClaimed], case: BookingCase | None, _: Place) -> BookingOutcome:
    """ICE comes. When the person is gone by then, it came in vain."""
    return Outcome(claim(_known(case), event.data.at))


def on_outcome(event: Event[OutcomeRecorded], case: BookingCase | None, _: Place) -> BookingOutcome:
    """The agency is told what became of the person (only where the feedback lever is on)."""
    return Outcome(_known(case).model_copy(update={"outcome": event.data.outcome}))


def on_day_ended(
    _: Event[DayEndedSeen], due: Sequence[DueCase[BookingCase]], place: Place
) -> list[tuple[CaseId, BookingOutcome]]:
    """Every case that is due moves by one stage."""
    outcomes: list[tuple[CaseId, BookingOutcome]] = []
    for waiting in due:
        moved, steps = move(waiting.case, place)
        first = waiting.case.sequence
        emits = [_custody_changed(moved, step, first + number, place) for number, step in enumerate(steps)]
        outcomes.append((waiting.id, Outcome(moved, emits)))
    return outcomes


def _file_when_complete(case: BookingCase, place: Place) -> BookingOutcome:
    lodged_at = case.detainer_at
    if lodged_at is None or case.identification is None or case.on_file or is_too_late(case, lodged_at):
        return Outcome(case)
    filed, step = put_on_file(case, lodged_at)
    return Outcome(filed, [_custody_changed(filed, step, 0, place)])


def _custody_changed(case: BookingCase, step: Step, sequence: int, place: Place) -> Emit:
    deciding = step.stage in DECISION_STAGES
    data = CustodyChanged(
        ori=case.ori,
        stage=step.stage,
        sequence=sequence,
        facts=policy_facts(case, step.at, place) if deciding else None,
        release_expected_at=case.plan.release_at if deciding else None,
        hold_hours=_hours_held(case, step.at) if step.stage in ("transferred", "hold_expired") else None,
        disclosures=HAND_OVER if step.stage == "transferred" else (),
    )
    return Emit(data, step.at, ordinal=sequence)


def _hours_held(case: BookingCase, until: datetime) -> float:
    if case.hold_started_at is None:
        return 0.0
    return round((until - case.hold_started_at).total_seconds() / 3600, 2)


def _known(case: BookingCase | None) -> BookingCase:
    if case is None:
        raise NotYetError("no such booking in this run")
    return case
