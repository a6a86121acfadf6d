"""The wiring of the biometric matcher: one stream in, three answers out, and two that it reads whole, its enrolments.

Its rules are in domain.py.
"""

from services.biometric_match.enrolled import READ, Enrolments
from services.biometric_match.events import (
    ArrestEnrolled,
    EncounterEnrolled,
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
)
from services.biometric_match.examiner import Examiner
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.run import searches_of
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings

PUBLISHES = (
    IdentificationReturned,
    ArrestEnrolled,
    ImmigrationSearched,
    EncounterEnrolled,
    ImmigrationStatusReturned,
)


def build(settings: ServiceSettings | None = None) -> Service:
    """The biometric matcher, ready to be served."""
    summary = "The federal searches: IAFIS, IDENT, and the LESC status answer"
    service = Service("biometric_match", summary, settings or ServiceSettings(), PUBLISHES)
    wiring = service.group("biometric_match", party="FBI", prepare=searches_of)
    enrolments = Enrolments()
    examiner = Examiner(enrolments, service.whole(READ, enrolments))
    wiring.batch("fingerprints.submitted.v1", FingerprintsSubmitted, examiner.examine, on_fingerprints_submitted)
    return service
