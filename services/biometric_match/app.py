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
from services.biometric_match.examiner import Examiner, Shelf
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.operators import Guard
from services.biometric_match.routes import routes
from services.biometric_match.run import Searches, searches_of
from services.biometric_match.script import Script, Scripted
from services.biometric_match.settings import MatcherSettings
from services.biometric_match.shards import Drawer, Scattered
from services.chassis.delivery.stage import Group
from services.chassis.service import Service

PUBLISHES = (
    IdentificationReturned,
    ArrestEnrolled,
    ImmigrationSearched,
    EncounterEnrolled,
    ImmigrationStatusReturned,
)


def build(settings: MatcherSettings | None = None) -> Service:
    """The biometric matcher, ready to be served."""
    summary = "The federal searches: IAFIS, IDENT, and the LESC status answer"
    chosen = settings or MatcherSettings()
    service = Service("biometric_match", summary, chosen, PUBLISHES)
    wiring = service.group("biometric_match", party="FBI", prepare=searches_of)
    script = Script(service.redis)
    examiner = Scripted(_examiner(service, wiring.group, chosen).examine, script)
    wiring.batch(
        "fingerprints.submitted.v1",
        FingerprintsSubmitted,
        examiner.examine,
        on_fingerprints_submitted,
        hold=examiner.hold,
    )
    service.api.include_router(routes(script, Guard(chosen.audit_url), wiring.group.run))
    return service


def _examiner(service: Service, group: Group[Searches], settings: MatcherSettings) -> Examiner:
    """Who searches: this process alone, or all that share the galleries out."""
    enrolments = Enrolments()
    whole = service.whole(READ, enrolments)
    shelf = Shelf(threads=settings.search_threads)
    if settings.shards == 1:
        return Examiner(enrolments, whole, shelf)

    drawer = Drawer(group, shelf)
    front = service.scatter(service.name, settings.shards, settings.shard_patience_seconds, drawer.answer)
    return Examiner(enrolments, whole, shelf, Scattered(front).search)
