"""The wiring of the biometric matcher: one stream in, three answers out. Its rules are in domain.py."""

from services.biometric_match.events import (
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
)
from services.biometric_match.examiner import Examiner
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.operators import Guard
from services.biometric_match.routes import routes
from services.biometric_match.run import searches_of
from services.biometric_match.script import Script, Scripted
from services.biometric_match.settings import MatcherSettings
from services.chassis.service import Service

PUBLISHES = (IdentificationReturned, ImmigrationSearched, ImmigrationStatusReturned)


def build(settings: MatcherSettings | None = None) -> Service:
    """The biometric matcher, ready to be served."""
    summary = "The federal searches: IAFIS, IDENT, and the LESC status answer"
    chosen = settings or MatcherSettings()
    service = Service("biometric_match", summary, chosen, PUBLISHES)
    wiring = service.group("biometric_match", party="FBI", prepare=searches_of)
    script = Script(service.redis)
    examiner = Scripted(Examiner().examine, script, service.pace.linger)
    wiring.batch("fingerprints.submitted.v1", FingerprintsSubmitted, examiner.examine, on_fingerprints_submitted)
    service.api.include_router(routes(script, Guard(chosen.audit_url), wiring.group.run))
    return service
