"""The wiring of the detainer service: two groups, one for each party that it acts for. Rules are in triage.py (ICE)
and cooperation.py (the agency); an event of the one reaches the other only if it was disclosed.
"""

from services.chassis.policy import PolicyFolder
from services.chassis.service import Service
from services.detainer import handlers
from services.detainer.events import (
    CooperationDecided,
    CooperationSeen,
    CustodyChanged,
    CustodyClaimed,
    DayClosed,
    DetainerDecided,
    ImmigrationStatusReturned,
    OutcomeRecorded,
)
from services.detainer.policies import BESIDE_THE_CODE, DetainerSettings, routes
from services.detainer.run import practice_of, regime_of
from services.detainer.triage import EroCase

PUBLISHES = (DetainerDecided, CooperationDecided, CustodyClaimed, OutcomeRecorded)


def build(settings: DetainerSettings | None = None) -> Service:
    """The detainer service, ready to be served."""
    summary = "ICE lodges detainers under a priority regime; the agency answers them under its policy"
    settings = settings or DetainerSettings()
    service = Service("detainer", summary, settings, PUBLISHES)

    ero = service.group("detainer.ero", party="ICE", prepare=regime_of)
    ero.each("immigration.status.returned.v1", ImmigrationStatusReturned, handlers.on_status, EroCase)
    ero.each("cooperation.decided.v1", CooperationSeen, handlers.on_cooperation, EroCase)
    ero.each("custody.changed.v1", CustodyChanged, handlers.on_transfer, EroCase)
    ero.due("day.closed.v1", DayClosed, handlers.on_day_closed, before=lambda event: event.data.ends_at, case=EroCase)

    agency = service.group("detainer.agency", party="LEA", prepare=practice_of)
    agency.each("custody.changed.v1", CustodyChanged, handlers.on_custody_stage)
    service.api.include_router(routes(PolicyFolder(settings.policies or BESIDE_THE_CODE)))
    return service
