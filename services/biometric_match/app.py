"""The wiring of the biometric matcher: one stream in, three answers out. Its rules are in domain.py."""

from services.biometric_match.events import (
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
)
from services.biometric_match.examiner import Examiner, Shelf
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.run import searches_of
from services.biometric_match.settings import MatcherSettings
from services.biometric_match.shards import Drawer, Scattered
from services.chassis.service import Service

PUBLISHES = (IdentificationReturned, ImmigrationSearched, ImmigrationStatusReturned)


def build(settings: MatcherSettings | None = None) -> Service:
    """The biometric matcher, ready to be served."""
    summary = "The federal searches: IAFIS, IDENT, and the LESC status answer"
    chosen = settings or MatcherSettings()
    service = Service("biometric_match", summary, chosen, PUBLISHES)
    wiring = service.group("biometric_match", party="FBI", prepare=searches_of)
    shelf = Shelf(threads=chosen.search_threads)
    if chosen.shards == 1:
        examiner = Examiner(shelf)
    else:
        drawer = Drawer(wiring.group, shelf)
        front = service.scatter("biometric_match", chosen.shards, chosen.shard_patience_seconds, drawer.answer)
        examiner = Examiner(shelf, Scattered(front).search)
    wiring.batch("fingerprints.submitted.v1", FingerprintsSubmitted, examiner.examine, on_fingerprints_submitted)
    return service
