"""What ICE's field office and the agency's detainer desk do when an event arrives. Pure; they share no state.

The functions of `ero` act for ICE, `on_custody_stage` acts for the agency.
"""

from collections.abc import Sequence
from datetime import date, datetime

from services.chassis.effects import Case, DueCase, Emit, NotYetError, Outcome
from services.chassis.envelope import CaseId, Disclosure, Event
from services.chassis.policy import Decision
from services.detainer import cooperation, triage
from services.detainer.cooperation import Practice
from services.detainer.events import (
    CLAIM,
    FEEDBACK,
    HOLD_BEGINS,
    I_247,
    NOTICE,
    Basis,
    CooperationDecided,
    CooperationSeen,
    CustodyChanged,
    CustodyClaimed,
    DayClosed,
    DetainerDecided,
    Ground,
    ImmigrationStatusReturned,
    OutcomeRecorded,
    SetAside,
)
from services.detainer.triage import NO_ACTION, EroCase, Regime, Waiting

EroOutcome = Outcome[EroCase]


def on_status(event: Event[ImmigrationStatusReturned], _: EroCase | None, regime: Regime) -> EroOutcome:
    """The IAR came: nothing, a detainer at once, or a place on the office's day list."""
    decision = triage.judge(event.data, event.time, regime)
    ori = event.subject.partition("/")[0]
    case = EroCase(ori=ori, status_at=event.time, data=event.data, priority=decision.answer)
    if decision.answer == NO_ACTION:
        return Outcome(case, [_decided(case, decision, "no_priority", event.time)])
    if regime.is_limited(regime.offices[ori]):
        return Outcome(case.model_copy(update={"state": "waiting", "wake_at": event.time}))
    return _lodge(case, decision, event.time)


def on_day_closed(
    event: Event[DayClosed], due: Sequence[DueCase[EroCase]], regime: Regime
) -> list[tuple[CaseId, EroOutcome]]:
    """Each office takes the first of its day list; officers set out for whom nobody announced; cases end."""
    closed_at = event.data.ends_at
    taken = _taken(due, event.data.day, regime)
    return [(waiting.id, _when_due(waiting, waiting.id.subject in taken, closed_at, regime)) for waiting in due]


def on_cooperation(event: Event[CooperationSeen], case: EroCase | None, regime: Regime) -> EroOutcome:
    """The agency told ICE of a release: does ICE come?"""
    case = _known(case)
    told = case.model_copy(update={"told": True})
    release_expected_at = event.data.release_expected_at
    if case.claimed or release_expected_at is None:
        return Outcome(told)
    if not triage.comes_when_told(regime, event.subject, case.priority):
        return Outcome(told)
    holds = event.data.exercised.get("hold", False)
    at = triage.arrival(regime, event.subject, release_expected_at, holds=holds)
    return _come(told, max(at, event.time), event.time, told=True)


def on_transfer(event: Event[CustodyChanged], case: EroCase | None, regime: Regime) -> EroOutcome:
    """The person is in ICE's custody; the case ends some time later."""
    outcome, ends_at = triage.ending(regime, event.subject, event.time)
    update = {"transferred_at": event.time, "outcome": outcome, "wake_at": ends_at}
    return Outcome(_known(case).model_copy(update=update))


def on_custody_stage(event: Event[CustodyChanged], _: Case | None, practice: Practice) -> Outcome[Case]:
    """A stage of custody at which the agency decides (again) what it does about the detainer."""
    data = event.data
    if data.facts is None:
        return Outcome()
    decision = cooperation.answer(data.facts, practice)
    exercised = cooperation.exercise(decision, practice, event.subject)
    told = cooperation.tells_ice(data, exercised)
    decided = CooperationDecided.model_validate(
        {
            "ori": data.ori,
            "as_of": data.stage,
            "sequence": data.sequence,
            "answers": dict(decision.answers),
            "exercised": exercised,
            "max_hold_hours": decision.max_hold_hours,
            "hold_clock": decision.clock or "excluding_weekends_and_holidays",
            "told": told,
            "release_expected_at": data.release_expected_at if told else None,
            "custody_location": data.ori if told else None,
            "basis": _basis(decision),
            "disclosures": _told(data) if told else (),
        }
    )
    return Outcome(emits=[Emit(decided, event.time, ordinal=data.sequence)])


def _told(data: CustodyChanged) -> tuple[Disclosure, ...]:
    """On what basis ICE is told: notice before the release, or because a hold begins at it."""
    return HOLD_BEGINS if data.stage == "releasable" else NOTICE


def _taken(due: Sequence[DueCase[EroCase]], day: date, regime: Regime) -> set[str]:
    lists: dict[str, list[Waiting]] = {}
    for waiting in due:
        case = waiting.case
        if case.state == "waiting" and case.status_at is not None:
            entry = Waiting(case.priority, case.status_at, waiting.id.subject)
            lists.setdefault(regime.offices[case.ori], []).append(entry)
    taken: set[str] = set()
    for office, entries in lists.items():
        taken |= triage.take(entries, regime.capacity(office, day), regime.ranks)
    return taken


def _when_due(waiting: DueCase[EroCase], taken: bool, closed_at: datetime, regime: Regime) -> EroOutcome:
    case = waiting.case
    if case.state == "waiting":
        decision = triage.judge(_data(case), _came_at(case), regime)
        if taken:
            return _lodge(case, decision, closed_at)
        done = case.model_copy(update={"state": "no_action", "wake_at": None})
        return Outcome(done, [_decided(done, decision, "no_capacity", closed_at)])
    if case.transferred_at is not None:
        return _end(case, regime)
    quiet = case.model_copy(update={"wake_at": None})
    if case.told or not triage.comes_untold(regime, waiting.id.subject):
        return Outcome(quiet)
    return _come(quiet, closed_at + triage.MORNING, closed_at, told=False)


def _lodge(case: EroCase, decision: Decision, at: datetime) -> EroOutcome:
    # Woken at the next close, when it shows whether the agency has told ICE of the release.
    lodged = case.model_copy(update={"state": "lodged", "wake_at": at})
    return Outcome(lodged, [_decided(lodged, decision, "priority", at)])


def _decided(case: EroCase, decision: Decision, reason: str, at: datetime) -> Emit:
    lodged = case.state == "lodged"
    decided = DetainerDecided.model_validate(
        {
            "ori": case.ori,
            "action": "lodged" if lodged else "no_action",
            "reason": reason,
            "priority": case.priority,
            "levels": triage.levels_of(_data(case)),
            "grounds": triage.grounds_of(_data(case)),
            "form": "I-247" if lodged else None,
            "basis": _basis(decision),
            "disclosures": I_247 if lodged else (),
        }
    )
    return Emit(decided, at)


def _come(case: EroCase, at: datetime, decided_at: datetime, *, told: bool) -> EroOutcome:
    claimed = CustodyClaimed(at=at, told=told, disclosures=CLAIM)
    return Outcome(case.model_copy(update={"claimed": True}), [Emit(claimed, decided_at)])


def _end(case: EroCase, regime: Regime) -> EroOutcome:
    data = _data(case)
    recorded = OutcomeRecorded(
        outcome=case.outcome or "",
        levels=triage.levels_of(data),
        grounds=triage.grounds_of(data),
        feedback=regime.feedback,
        disclosures=FEEDBACK if regime.feedback else (),
    )
    ended_at = case.wake_at
    if ended_at is None:
        raise NotYetError("a case that ends has a time")
    return Outcome(case.model_copy(update={"wake_at": None}), [Emit(recorded, ended_at)])


def _basis(decision: Decision) -> Basis:
    return Basis(
        policy=decision.policy,
        sha256=decision.sha256,
        because=tuple(
            Ground(clause=row.clause, text=row.text, source=row.citation, levers=row.levers) for row in decision.because
        ),
        set_aside=tuple(SetAside(clause=row.clause, by=row.by) for row in decision.set_aside),
        assumed=tuple(decision.assumed),
    )


def _data(case: EroCase) -> ImmigrationStatusReturned:
    if case.data is None:
        raise NotYetError("the status of this case has not arrived")
    return case.data


def _came_at(case: EroCase) -> datetime:
    if case.status_at is None:
        raise NotYetError("the status of this case has not arrived")
    return case.status_at


def _known(case: EroCase | None) -> EroCase:
    if case is None:
        raise NotYetError("no detainer was decided for this booking")
    return case
