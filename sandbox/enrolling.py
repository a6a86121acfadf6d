"""Who of a scenario's people is enrolled by a booking, and who is known by an enrolment: what runs without streams ask.

Whoever is searched in a gallery and matches nobody is enrolled there; from the next day on, searches find them. So
bookings have to be taken in the order of time, where the searches of the galleries themselves know nothing of order.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.days import days_of
from sandbox.population import NOBODY, NOWHERE, People
from services.biometric_match.enrolled import Arrest, Enrolled
from services.biometric_match.events import Galleries
from services.biometric_match.gallery import GalleryKind, fingers_searched
from services.biometric_match.matcher import FEWEST_FINGERS
from services.biometric_match.prints import TEN, captures
from services.biometric_match.scores import POINTS, threshold
from services.biometric_match.search import NO_ROW
from services.chassis.draws import Words

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

KINDS: tuple[GalleryKind, ...] = ("iafis", "ident")

OUT_OF_REACH = 2**15
"""A score that no probe has: too few fingers match nobody."""


def thresholds(galleries: Galleries) -> Integers:
    """The lowest score that is a match in a run's galleries, by the number of fingers."""
    few = [OUT_OF_REACH] * FEWEST_FINGERS
    return np.array([*few, *(threshold(n, galleries.rows, galleries.fpir) for n in range(FEWEST_FINGERS, TEN + 1))])


def keeps(galleries: Galleries, kind: GalleryKind) -> bool:
    """Whether a gallery keeps the prints of arrests that matched nobody."""
    return kind == "iafis" or galleries.retain_no_match


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """By which enrolment each of some people is known in a gallery."""

    number: Integers
    """The number of the booking that enrolled the record; `NOWHERE` for whoever is not known so."""

    score: Integers


class Enrolling(ABC):
    """The enrolments of a run so far. `settle` takes its bookings in, part by part and in the order of time."""

    def __init__(self, galleries: Galleries, seed: int, time_zone: str) -> None:
        self.galleries = galleries
        self.seed = seed
        self.zone = ZoneInfo(time_zone)
        self.thresholds = thresholds(galleries)

    def settle(self, booked: People, unmatched: Mapping[GalleryKind, Flags]) -> dict[GalleryKind, Known]:
        """Enrols some people, or knows them again.

        Args:
            booked: who is booked next, in the order of time.
            unmatched: who of them was searched in each gallery, and matched nobody there.
        """
        days = days_of(booked.booked_at, self.zone).astype(np.int64)
        known: dict[GalleryKind, Known] = {}
        for kind in KINDS:
            nobody = Known(np.full(len(booked), NOWHERE, np.int64), np.zeros(len(booked), np.int64))
            places = np.flatnonzero(unmatched[kind] & keeps(self.galleries, kind))
            if len(places):
                self._settle(kind, booked, days, places, nobody)
            known[kind] = nobody
        return known

    @abstractmethod
    def _settle(self, kind: GalleryKind, booked: People, days: Integers, places: Integers, known: Known) -> None:
        """Writes into `known` who of those at `places` is known again, and enrols the others."""


class ByScores(Enrolling):
    """As the services do it: every probe is compared with everybody who is enrolled."""

    def __init__(self, galleries: Galleries, seed: int, time_zone: str) -> None:
        super().__init__(galleries, seed, time_zone)
        self._enrolled = {kind: Enrolled() for kind in KINDS}

    def _settle(self, kind: GalleryKind, booked: People, days: Integers, places: Integers, known: Known) -> None:
        enrolled, taken = self._enrolled[kind], booked.prints(places)
        codes, present = np.ascontiguousarray(taken.codes.T), np.ascontiguousarray(taken.present.T)
        compared = fingers_searched(present, self.galleries.fingers(kind))
        enough = self.thresholds[compared.sum(axis=1)]
        subjects = booked.subjects(places)
        for number in np.unique(days[places]).tolist():
            of_day = np.flatnonzero(days[places] == number)
            day = np.datetime64(number, "D").astype(object)
            best = enrolled.top(codes[of_day], compared[of_day], 1, day)
            rows, scores = best.rows[:, 0], best.scores[:, 0]
            again = (rows != NO_ROW) & (scores >= enough[of_day])
            known.number[places[of_day[again]]] = [int(enrolled.called(row)) for row in rows[again].tolist()]
            known.score[places[of_day[again]]] = scores[again]
            for column in of_day[~again].tolist():
                place = places[column]
                when = datetime.fromtimestamp(int(booked.booked_at[place]), UTC)
                kept = tuple(np.where(present[column], codes[column], 0).tolist())
                enrolled.add(Arrest(day, when, subjects[column], str(booked.numbers[place]), kept))


class ByPerson(Enrolling):
    """Compares people with their own enrolments only, by the prints of both bookings, as `MateMatcher` does with rows.

    That a stranger's enrolment is returned in their place is left out. It happens as seldom as with a row, and grows
    with the enrolments: a run that searches exhaustively has it.
    """

    def __init__(self, galleries: Galleries, seed: int, time_zone: str) -> None:
        super().__init__(galleries, seed, time_zone)
        people = 2 * galleries.rows - galleries.overlap
        self._first = {kind: np.full(people, NOWHERE, np.int64) for kind in KINDS}
        """The booking that enrolled each person first, by person, and the day of it."""

        self._first_day = {kind: np.zeros(people, np.int32) for kind in KINDS}
        self._further: dict[GalleryKind, dict[int, list[tuple[int, int]]]] = {kind: {} for kind in KINDS}
        """Further enrolments of a person who was not known again: the day and the number of each booking."""

    def _settle(self, kind: GalleryKind, booked: People, days: Integers, places: Integers, known: Known) -> None:
        # Whoever is on no file is booked once.
        often = places[booked.person[places] < NOBODY]
        for turn in _turns(booked.person[often]):
            self._take_turn(kind, booked, days, often[turn], known)

    def _take_turn(self, kind: GalleryKind, booked: People, days: Integers, places: Integers, known: Known) -> None:
        """One booking each of different people."""
        persons, first = booked.person[places], self._first[kind]
        new = first[persons] == NOWHERE
        first[persons[new]] = booked.numbers[places[new]]
        self._first_day[kind][persons[new]] = days[places[new]]

        met = places[~new]
        if not len(met):
            return
        earlier = first[booked.person[met]]
        visible = self._first_day[kind][booked.person[met]] < days[met]
        probes, compared = self._probes(kind, booked, met)
        scores = np.where(visible, self._scores(booked.person[met], earlier, probes, compared), 0)
        for column, person in enumerate(booked.person[met].tolist()):
            if person in self._further[kind]:
                self._compare_further(kind, person, int(days[met[column]]), column, probes, compared, earlier, scores)
        again = scores >= self.thresholds[compared.sum(axis=0)]
        known.number[met[again]] = earlier[again]
        known.score[met[again]] = scores[again]
        for place in met[~again].tolist():
            enrolments = self._further[kind].setdefault(int(booked.person[place]), [])
            enrolments.append((int(days[place]), int(booked.numbers[place])))

    def _compare_further(
        self,
        kind: GalleryKind,
        person: int,
        day: int,
        column: int,
        probes: Words,
        compared: Flags,
        earlier: Integers,
        scores: Integers,
    ) -> None:
        numbers = np.array([number for enrolled_on, number in self._further[kind][person] if enrolled_on < day], int)
        if not len(numbers):
            return
        persons = np.full(len(numbers), person)
        alone = np.repeat(probes[:, [column]], len(numbers), 1), np.repeat(compared[:, [column]], len(numbers), 1)
        found = self._scores(persons, numbers, *alone)
        best = int(found.argmax())
        if found[best] > scores[column]:
            earlier[column], scores[column] = numbers[best], found[best]

    def _probes(self, kind: GalleryKind, booked: People, places: Integers) -> tuple[Words, Flags]:
        taken = booked.prints(places)
        return taken.codes, fingers_searched(taken.present.T, self.galleries.fingers(kind)).T

    def _scores(self, persons: Integers, numbers: Integers, probes: Words, compared: Flags) -> Integers:
        """What probes score against other prints of the same people, those of bookings with these numbers."""
        on_file = captures(self.seed, persons, numbers, self.galleries.model)
        different = np.bitwise_count(np.where(on_file.present, on_file.codes, np.uint64(0)) ^ probes)
        points = np.where(compared, POINTS - np.minimum(different, np.uint8(POINTS)), 0)
        scores: Integers = np.add.reduce(points, axis=0, dtype=np.int64)
        return scores


def _turns(persons: Integers) -> list[Integers]:
    """The places of people so that each is in a turn once at most, and their bookings stay in order."""
    order = np.argsort(persons, kind="stable")
    ordered = persons[order]
    is_new = np.ones(len(ordered), np.bool_)
    is_new[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_new)
    turn = np.arange(len(ordered)) - np.repeat(starts, np.diff([*starts, len(ordered)]))
    by_turn = np.argsort(turn, kind="stable")
    return [np.sort(order[part]) for part in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1])] if len(turn) else []
