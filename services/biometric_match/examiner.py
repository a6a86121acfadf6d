"""The searches of a batch of submissions, which the matcher makes before it answers."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

from services.biometric_match.enrolled import Enrolments, ReadAnewError
from services.biometric_match.events import FingerprintsSubmitted
from services.biometric_match.gallery import Files, Gallery, GalleryKind, columns, fingers_searched
from services.biometric_match.matcher import CANDIDATES, Found, Searched, found
from services.biometric_match.prints import Bits, Prints
from services.biometric_match.run import Searches
from services.biometric_match.search import Top, merged
from services.chassis.delivery.whole import Whole
from services.chassis.draws import Words
from services.chassis.envelope import Event
from services.chassis.scatter.shard import WHOLE, Shard

Submission = Event[FingerprintsSubmitted]

KEPT_BYTES = 256 * 2**20
"""How much of the galleries of other runs than the present one stays in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """What a gallery is searched for: codes and which of them are compared, both `[probe, finger]`."""

    gallery: GalleryKind
    codes: Words
    compared: Bits

    @classmethod
    def of(cls, searches: Searches, gallery: GalleryKind, prints: Sequence[Prints]) -> "Probes":
        """The fingers of these prints that the run's gallery is searched on."""
        codes, present = columns(prints)
        return cls(gallery, codes, fingers_searched(present, searches.run.galleries.fingers(gallery)))


Elsewhere = Callable[[str, Sequence[Probes], int], Awaitable[Sequence[Top]]]
"""A search in other processes: of which run, for what, and how many candidates; the best rows for each `Probes`."""


class Shelf:
    """The galleries that this process holds: made when somebody first searches them, and given up when others are."""

    def __init__(self, kept_bytes: int = KEPT_BYTES, threads: int | None = None) -> None:
        self._kept_bytes = kept_bytes
        self._threads = threads
        self._galleries: OrderedDict[tuple[Files, GalleryKind, Shard], Gallery] = OrderedDict()
        self._lock = Lock()

    def top(self, files: Files, probes: Probes, count: int, shard: Shard = WHOLE) -> Top:
        """The best rows for each probe, of those of a run's gallery that are in this shard."""
        gallery = self.gallery(files, probes.gallery, shard)
        return gallery.top(probes.codes, probes.compared, count, threads=self._threads)

    def gallery(self, files: Files, kind: GalleryKind, shard: Shard = WHOLE) -> Gallery:
        """A gallery of a run, or a shard of it."""
        with self._lock:
            place = (files, kind, shard)
            if place not in self._galleries:
                self._make_room(files)
                rows = shard.rows(files.rows)
                self._galleries[place] = Gallery.generate(files, kind, rows.start, rows.stop)
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
    """Searches both galleries, here or elsewhere, for all submissions of a batch at once.

    What bookings have added to them is searched here in any case: every process of the matcher knows all of it.

    What is not relayed is not searched in IDENT.
    """

    def __init__(
        self,
        enrolments: Enrolments | None = None,
        whole: Whole | None = None,
        shelf: Shelf | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """
        Args:
            enrolments: what is known of enrolments.
            whole: reads them from their streams, right before each search; without it, nobody else searches.
            shelf: the galleries that are here.
            elsewhere: searches galleries that are not.
        """
        self.enrolments = enrolments or Enrolments()
        self.whole = whole
        self.shelf = shelf or Shelf()
        self.elsewhere = elsewhere

    async def examine(self, events: Sequence[Submission], searches: Searches) -> Searched:
        """What the galleries have for submissions of one run, in their order.

        Raises:
            InfrastructureError: Redis is out of reach, so nobody knows who was enrolled.
        """
        batch = await asyncio.to_thread(_Batch, events, searches)
        on_file: Sequence[Top]
        if self.elsewhere is None:
            on_file = await asyncio.to_thread(self._on_file, batch, searches)
        else:
            on_file = await self.elsewhere(events[0].runid, batch.probes, CANDIDATES)
        while True:
            await self._catch_up(events[0].runid)
            try:
                return await asyncio.to_thread(batch.searched, on_file, self.enrolments)
            except ReadAnewError:
                # Another batch of this process has begun to read anew, as after an expunction: first that has to end.
                continue

    def examine_here(self, events: Sequence[Submission], searches: Searches) -> Searched:
        """The same by what is known of enrolments now, in this thread."""
        batch = _Batch(events, searches)
        return batch.searched(self._on_file(batch, searches), self.enrolments)

    async def _catch_up(self, runid: str) -> None:
        if self.whole is None:
            return
        await self.whole.catch_up()
        if await asyncio.to_thread(self.enrolments.lacks, runid):
            await self.whole.again()

    def _on_file(self, batch: "_Batch", searches: Searches) -> list[Top]:
        return [self.shelf.top(searches.files, probes, CANDIDATES) for probes in batch.probes]


class _Batch:
    """What is searched where for some submissions, and what comes of it."""

    def __init__(self, events: Sequence[Submission], searches: Searches) -> None:
        self._relayed = [searches.relay.takes(event.data.ori, event.data.charge) for event in events]
        self._rows = searches.files.rows
        sent = [event for event, goes_on in zip(events, self._relayed, strict=True) if goes_on]
        searched: tuple[tuple[GalleryKind, Sequence[Submission]], ...] = (("iafis", events), ("ident", sent))
        self._submissions = [some for _, some in searched if some]
        self._days = [[searches.day(event.time) for event in some] for some in self._submissions]
        self.probes = [
            Probes.of(searches, gallery, [event.data.prints.decoded() for event in some])
            for gallery, some in searched
            if some
        ]

    def searched(self, on_file: Iterable[Top], enrolments: Enrolments) -> Searched:
        """The candidates, from the best rows on file for each of the `probes`, and what was enrolled since."""
        lists: dict[GalleryKind, list[Found]] = {"iafis": [], "ident": []}
        for probes, some, days, best in zip(self.probes, self._submissions, self._days, on_file, strict=True):
            codes, compared = probes.codes, probes.compared
            enrolled, called = enrolments.top(some[0].runid, probes.gallery, codes, compared, days, self._rows)
            lists[probes.gallery] = found(merged([best, enrolled], CANDIDATES), compared, called)
        in_ident = iter(lists["ident"])
        return Searched(lists["iafis"], [next(in_ident) if goes_on else None for goes_on in self._relayed])
