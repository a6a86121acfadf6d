"""What the bookings of a run have added to its galleries: prints that were searched there, and matched nobody.

They are events, which every process of the matcher reads whole (`services.chassis.delivery.whole`), and stand here as
columns, in the order of the arrests whatever the order of arrival. They count from the next day on: a day opens only
when every submission of the day before is answered, and the answer and the enrolment are one commit, so whoever reads
the streams to the end has all enrolments of earlier days.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.events import (
    ArrestEnrolled,
    ArrestEnrolledSeen,
    EncounterEnrolled,
    EncounterEnrolledSeen,
    EnrolmentSeen,
)
from services.biometric_match.gallery import GalleryKind
from services.biometric_match.matcher import CANDIDATES
from services.biometric_match.prints import TEN, Bits
from services.biometric_match.search import NO_ROW, Top, merged, top
from services.chassis.draws import Words
from services.chassis.envelope import Consumed, Event

Places = NDArray[np.int64]

KEPT_BYTES = 256 * 2**20
"""How much of the enrolments of other runs than the present one stays in memory."""

PRINT_BYTES = TEN * 8 + 80
"""What an enrolled record takes: its codes, and what it is called."""

READ: Mapping[str, type[Consumed]] = {
    ArrestEnrolled.event_type: ArrestEnrolledSeen,
    EncounterEnrolled.event_type: EncounterEnrolledSeen,
}
"""The streams that every process of the matcher reads whole, and how."""

_GALLERIES: Mapping[str, GalleryKind] = {
    ArrestEnrolled.event_type: "iafis",
    EncounterEnrolled.event_type: "ident",
}


@dataclass(frozen=True, slots=True)
class Arrest:
    """Prints of an arrest, to be put on file: `when` and `reference` say where they stand among the others."""

    day: date
    when: datetime
    reference: str
    """The booking's, `<ori>/<oca>`."""

    called: str
    """The number that the record has."""

    codes: Sequence[int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Some records, in order: `codes` is `[finger, record]`, `first` where they begin among all that are enrolled."""

    codes: Words
    first: int

    def __len__(self) -> int:
        return len(self.codes[0])


class Enrolled:
    """What was enrolled in one gallery in one run, in the order of arrest."""

    def __init__(self) -> None:
        self._sheets: list[Sheet] = []
        self._called: list[str] = []
        self._days: list[date] = []
        """The days that are on the sheets, ascending."""

        self._ends: list[int] = []
        """How many records there are up to the end of each of these days."""

        self._waiting: dict[date, dict[str, Arrest]] = {}
        """What is on no sheet yet, by day and reference."""

    def __len__(self) -> int:
        return len(self._called) + sum(map(len, self._waiting.values()))

    def add(self, arrest: Arrest) -> bool:
        """Enrols somebody, once. Tells whether there is a place for the record: not, once its day is on a sheet."""
        if self._days and arrest.day <= self._days[-1]:
            return False
        self._waiting.setdefault(arrest.day, {})[arrest.reference] = arrest
        return True

    def top(self, probes: Words, compared: Bits, count: int, before: date, *, first_row: int = 0) -> Top:
        """The best records of arrests before a day; see `search.top`. Rows are numbered from `first_row` on."""
        return _top(self.sheets(before), probes, compared, count, first_row)

    def called(self, place: int) -> str:
        """The number of the record that stands there, counted from 0."""
        return self._called[place]

    def sheets(self, before: date) -> Sequence[Sheet]:
        """All records of arrests before a day. What is on a sheet never changes."""
        return list(self._before(before))

    def _before(self, day: date) -> Iterator[Sheet]:
        for waiting in sorted(waiting for waiting in self._waiting if waiting < day):
            self._write(waiting, self._waiting.pop(waiting).values())
        upto = bisect_left(self._days, day)
        end = self._ends[upto - 1] if upto else 0
        for sheet in self._sheets:
            if sheet.first < end:
                yield Sheet(sheet.codes[:, : end - sheet.first], sheet.first)

    def _write(self, day: date, arrests: Iterable[Arrest]) -> None:
        ordered = sorted(arrests, key=lambda arrest: (arrest.when, arrest.reference))
        first = len(self._called)
        self._called += [arrest.called for arrest in ordered]
        self._days.append(day)
        self._ends.append(first + len(ordered))

        # A finger that is missing holds a word like any other: a stranger's bits are as far from it as from any.
        codes = np.array([[code or 0 for code in arrest.codes] for arrest in ordered], np.uint64)
        sheet = Sheet(np.ascontiguousarray(codes.reshape(-1, TEN).T), first)
        # Few sheets, each more than twice as long as the next: so records are copied seldom.
        while self._sheets and len(self._sheets[-1]) <= 2 * len(sheet):
            sheet = _joined(self._sheets.pop(), sheet)
        self._sheets.append(sheet)


def _top(sheets: Sequence[Sheet], probes: Words, compared: Bits, count: int, first_row: int) -> Top:
    parts = [top(each.codes, probes, compared, count, first_row=first_row + each.first) for each in sheets]
    return merged(parts, count) if parts else Top.nothing(len(probes), count)


def _joined(first: Sheet, then: Sheet) -> Sheet:
    return Sheet(np.concatenate([first.codes, then.codes], axis=1), first.first)


class ReadAnewError(Exception):
    """What is known of enrolments is a part of them at this moment, and nobody is answered from it."""


class Enrolments:
    """The enrolments that this process knows, of all runs: what a `Whole` reads goes here.

    Of what is too much, the runs are given up that were read and searched longest ago, but never the present one.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._runs: OrderedDict[str, dict[GalleryKind, Enrolled]] = OrderedDict()
        self._lacking: set[tuple[str, GalleryKind]] = set()
        """Of which runs' galleries something was read that is not here."""

        self._incomplete: set[GalleryKind] = set()
        """The galleries of which the enrolments are being read anew."""

        self._present = ""
        """The run that was searched last."""

        self._lock = Lock()

    def add(self, event_type: str, events: Sequence[Event[Any]]) -> None:
        """Takes enrolments, once each; see `whole.Memory`."""
        kind = _GALLERIES[event_type]
        with self._lock:
            for event in events:
                if (event.runid, kind) not in self._lacking:
                    self._add(kind, event)
            self._make_room()

    def clear(self, event_type: str) -> None:
        """Forgets the enrolments of one gallery in all runs; see `whole.Memory`."""
        kind = _GALLERIES[event_type]
        with self._lock:
            self._incomplete.add(kind)
            for galleries in self._runs.values():
                galleries.pop(kind, None)
            self._lacking = {(runid, lacking) for runid, lacking in self._lacking if lacking != kind}

    def complete(self, event_type: str) -> None:
        """All enrolments of one gallery are here; see `whole.Memory`."""
        with self._lock:
            self._incomplete.discard(_GALLERIES[event_type])

    def lacks(self, runid: str) -> bool:
        """Whether a run that is about to be searched has to be read anew. From now on it is the present one."""
        with self._lock:
            self._present = runid
            return self._is_lacking(runid)

    def top(
        self, runid: str, kind: GalleryKind, probes: Words, compared: Bits, days: Sequence[date], first_row: int
    ) -> tuple[Top, dict[int, str]]:
        """The best records for probes of these days among the enrolments of earlier days, and what they are called.

        Args:
            runid: the run.
            kind: the gallery.
            probes: `[probe, finger]`.
            compared: which of their fingers are compared.
            days: the day of each.
            first_row: how many rows the gallery had when the run opened: those of enrolments follow.

        Raises:
            ReadAnewError: the run was given up, or is being read anew; it is to be caught up with and searched again.
        """
        with self._lock:
            if kind in self._incomplete or self._is_lacking(runid):
                raise ReadAnewError(f"the enrolments of run '{runid}' are to be read again")
            enrolled = self._runs.get(runid, {}).get(kind) or Enrolled()
            sheets = {day: enrolled.sheets(day) for day in set(days)}
        rows, scores = np.full((2, len(probes), CANDIDATES), NO_ROW, np.int64)
        for day, some in sheets.items():
            asked = np.array([each == day for each in days])
            best = _top(some, probes[asked], compared[asked], CANDIDATES, first_row)
            rows[asked], scores[asked] = best.rows, best.scores
        found = set(rows[rows != NO_ROW].tolist())
        return Top(rows, scores), {row: enrolled.called(row - first_row) for row in found}

    def _add(self, kind: GalleryKind, event: Event[EnrolmentSeen]) -> None:
        enrolled = self._runs.setdefault(event.runid, {}).setdefault(kind, Enrolled())
        self._runs.move_to_end(event.runid)
        seen = event.data
        arrest = Arrest(seen.day, event.time, event.subject, seen.called, seen.prints.decoded().codes)
        if not enrolled.add(arrest):
            # It comes after its day was searched: sent again by hand, or late by days. Places are given out anew.
            del self._runs[event.runid][kind]
            self._lacking.add((event.runid, kind))

    def _is_lacking(self, runid: str) -> bool:
        return any((runid, kind) in self._lacking for kind in _GALLERIES.values())

    def _make_room(self) -> None:
        others = [runid for runid in self._runs if runid != self._present]
        held = sum(self._bytes(runid) for runid in others)
        for runid in others:
            if held <= self._kept_bytes:
                return
            held -= self._bytes(runid)
            self._lacking |= {(runid, kind) for kind in self._runs.pop(runid)}

    def _bytes(self, runid: str) -> int:
        return sum(map(len, self._runs[runid].values())) * PRINT_BYTES
