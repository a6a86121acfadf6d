"""The wiring of the detainer service: two groups, one for each party that it acts for. Rules are in triage.py (ICE)
and cooperation.py (the agency); an event of the one reaches the other only if it was disclosed.
"""

from pydantic import TypeAdapter

from services.chassis.envelope import Event
from services.chassis.policy import load_policy, load_vocabulary
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings
from services.detainer import handlers
from services.detainer.cooperation import Practice
from services.detainer.events import (
    CooperationDecided,
    CooperationSeen,
    CustodyChanged,
    CustodyClaimed,
    DayClosed,
    DetainerDecided,
    ImmigrationStatusReturned,
    OutcomeRecorded,
    RunOpened,
)
from services.detainer.triage import EroCase, Regime

PUBLISHES = (DetainerDecided, CooperationDecided, CustodyClaimed, OutcomeRecorded)


def build(settings: ServiceSettings | None = None) -> Service:
    """The detainer service, ready to be served."""
    summary = "ICE lodges detainers under a priority regime; the agency answers them under its policy"
    service = Service("detainer", summary, settings or ServiceSettings(), PUBLISHES)

    ero = service.group("detainer.ero", party="ICE", prepare=prepare_regime)
    ero.each("immigration.status.returned.v1", ImmigrationStatusReturned, handlers.on_status, EroCase)
    ero.each("cooperation.decided.v1", CooperationSeen, handlers.on_cooperation, EroCase)
    ero.each("custody.changed.v1", CustodyChanged, handlers.on_transfer, EroCase)
    ero.due("day.closed.v1", DayClosed, handlers.on_day_closed, before=lambda event: event.data.ends_at, case=EroCase)

    agency = service.group("detainer.agency", party="LEA", prepare=prepare_practice)
    agency.each("custody.changed.v1", CustodyChanged, handlers.on_custody_stage)
    return service


def prepare_regime(body: bytes) -> Regime:
    """What ICE decides by, from a run's `run.opened`."""
    run = TypeAdapter(Event[RunOpened]).validate_json(body).data
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    return Regime(
        seed=run.seed,
        policy=load_policy(run.ice_priority.text, run.ice_priority.id, vocabulary),
        offices={ori: agency.office for ori, agency in run.agencies.items()},
        capacity_per_day=run.capacity_per_day,
        pickup=run.pickup,
        outcomes=run.outcomes,
        feedback=run.feedback,
    )


def prepare_practice(body: bytes) -> Practice:
    """What the agency decides by, from a run's `run.opened`."""
    run = TypeAdapter(Event[RunOpened]).validate_json(body).data
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    return Practice(
        seed=run.seed,
        policy=load_policy(run.detainer.text, run.detainer.id, vocabulary),
        discretion=run.discretion,
        silence=run.silence,
    )
