"""The searches of a batch of submissions, which the matcher makes before it answers."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from services.biometric_match.enrolled import Enrolments
from services.biometric_match.events import FingerprintsSubmitted
from services.biometric_match.gallery import Files, Gallery, GalleryKind, columns, fingers_searched
from services.biometric_match.matcher import CANDIDATES, Found, Searched, found
from services.biometric_match.run import Searches
from services.biometric_match.search import merged
from services.chassis.delivery.whole import Whole
from services.chassis.envelope import Event

Submission = Event[FingerprintsSubmitted]

KEPT_BYTES = 256 * 2**20
"""How much of the galleries of other runs than the present one stays in memory."""


class Shelf:
    """The galleries that this process holds: made when somebody first searches them, and given up when others are."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._galleries: OrderedDict[tuple[Files, GalleryKind], Gallery] = OrderedDict()
        self._lock = Lock()

    def gallery(self, files: Files, kind: GalleryKind) -> Gallery:
        """A gallery of a run."""
        with self._lock:
            place = (files, kind)
            if place not in self._galleries:
                self._make_room(files)
                self._galleries[place] = Gallery.generate(files, kind)
            self._galleries.move_to_end(place)
            return self._galleries[place]

    def _make_room(self, files: Files) -> None:
        """Gives up the galleries of other runs that were not searched for the longest, as far as there are too many."""
        others = [place for place in self._galleries if place[0] != files]
        held = sum(self._galleries[place].codes.nbytes for place in others)
        for place in others:
            if held <= self._kept_bytes:
                return
            held -= self._galleries.pop(place).codes.nbytes


class Examiner:
    """Searches both galleries for all submissions of a batch at once, with what bookings have added to them.

    What is not relayed is not searched in IDENT.
    """

    def __init__(self, enrolments: Enrolments | None = None, whole: Whole | None = None) -> None:
        """
        Args:
            enrolments: what is known of enrolments.
            whole: reads them from their streams, right before each search; without it, nobody else searches.
        """
        self.shelf = Shelf()
        self.enrolments = enrolments or Enrolments()
        self.whole = whole

    async def examine(self, events: Sequence[Submission], searches: Searches) -> Searched:
        """What the galleries have for submissions of one run, in their order.

        Raises:
            InfrastructureError: Redis is out of reach, so nobody knows who was enrolled.
        """
        if self.whole is not None:
            await self.whole.catch_up()
            if self.enrolments.lacks(events[0].runid):
                await self.whole.again()
        return await asyncio.to_thread(self.examine_here, events, searches)

    def examine_here(self, events: Sequence[Submission], searches: Searches) -> Searched:
        """The same by what is known of enrolments now, in this thread."""
        relayed = [searches.relay.takes(event.data.ori, event.data.charge) for event in events]
        in_iafis = self._search(searches, "iafis", events)
        sent = [event for event, goes_on in zip(events, relayed, strict=True) if goes_on]
        in_ident = iter(self._search(searches, "ident", sent))
        return Searched(in_iafis, [next(in_ident) if goes_on else None for goes_on in relayed])

    def _search(self, searches: Searches, kind: GalleryKind, events: Sequence[Submission]) -> list[Found]:
        if not events:
            return []
        codes, present = columns([event.data.prints.decoded() for event in events])
        compared = fingers_searched(present, searches.run.galleries.fingers(kind))
        on_file = self.shelf.gallery(searches.files, kind).top(codes, compared, CANDIDATES)
        days = [searches.day(event.time) for event in events]
        enrolled, called = self.enrolments.top(events[0].runid, kind, codes, compared, days, searches.files.rows)
        return found(merged([on_file, enrolled], CANDIDATES), compared, called)
