"""What bookings add to the galleries: in the order of arrest, from the next day on, given up when it is too much."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from services.biometric_match.domain import Match, match
from services.biometric_match.enrolled import PRINT_BYTES, READ, Arrest, Enrolled, Enrolments, ReadAnewError
from services.biometric_match.events import Galleries
from services.biometric_match.matcher import Candidate
from services.biometric_match.prints import TEN, captures
from services.biometric_match.records import (
    RecordMixes,
    criminal_records,
    enrolled_fin,
    enrolled_ucn,
    immigration_records,
)
from services.biometric_match.search import NO_ROW
from services.chassis.envelope import Consumed, Event

SEED = 1952
MONDAY, TUESDAY, WEDNESDAY = (date(2011, 3, 7) + timedelta(days) for days in range(3))
EVERY_FINGER = np.ones((1, TEN), np.bool_)


def codes(person: int) -> tuple[int, ...]:
    """The prints that a person gives each time: whoever comes again matches without a doubt."""
    return tuple(captures(SEED, [person], "any day").codes[:, 0].tolist())


def arrest(person: int, day: date = MONDAY, hour: int = 9, reference: str | None = None) -> Arrest:
    named = reference or f"ZZ0010000/WREN-{person}"
    return Arrest(day, datetime(day.year, day.month, day.day, hour, tzinfo=UTC), named, f"UCN-{person}", codes(person))


def probe(person: int) -> np.ndarray:
    return np.array([codes(person)], np.uint64)


def best(enrolled: Enrolled, person: int, before: date) -> str | None:
    """What the record is called that comes nearest; None if there is none."""
    row = int(enrolled.top(probe(person), EVERY_FINGER, 1, before).rows[0, 0])
    return None if row == NO_ROW else enrolled.called(row)


class TestWhenTheyCount:
    def test_an_arrest_is_found_on_the_next_day_and_not_on_its_own(self) -> None:
        enrolled = Enrolled()
        enrolled.add(arrest(1))

        assert best(enrolled, 1, MONDAY) is None
        assert best(enrolled, 1, TUESDAY) == "UCN-1"

    def test_a_search_of_an_earlier_day_that_comes_late_sees_what_it_would_have_seen(self) -> None:
        enrolled = Enrolled()
        for person, day in ((1, MONDAY), (2, TUESDAY)):
            enrolled.add(arrest(person, day))
        assert best(enrolled, 2, WEDNESDAY) == "UCN-2"

        assert best(enrolled, 2, TUESDAY) == "UCN-1", "the only record of a day before Tuesday"

    def test_the_order_of_arrival_makes_no_difference(self) -> None:
        arrests = [
            arrest(1, MONDAY, 9),
            arrest(2, MONDAY, 8),
            arrest(3, MONDAY, 8, "ZZ0010000/AUK-1"),
            arrest(4, TUESDAY, 7),
        ]

        def found(order: Sequence[Arrest]) -> list[list[int]]:
            enrolled = Enrolled()
            for each in order:
                enrolled.add(each)
            return enrolled.top(probe(1), EVERY_FINGER, 4, WEDNESDAY).rows.tolist()

        orders = [found(order) for order in itertools.permutations(arrests)]
        assert orders == [orders[0]] * len(orders)

    def test_of_equal_scores_the_earlier_arrest_comes_first_and_of_one_moment_the_lower_reference(self) -> None:
        enrolled = Enrolled()
        for hour, reference in ((9, "C"), (8, "B"), (8, "A")):
            enrolled.add(replace(arrest(1, MONDAY, hour, reference), called=reference))

        rows = enrolled.top(probe(1), EVERY_FINGER, 3, TUESDAY).rows[0].tolist()

        assert [enrolled.called(row) for row in rows] == ["A", "B", "C"]

    def test_an_event_that_comes_twice_enrols_once(self) -> None:
        enrolled = Enrolled()
        enrolled.add(arrest(1))
        enrolled.add(arrest(1))

        assert len(enrolled) == 1

    def test_what_comes_after_its_day_was_searched_has_no_place(self) -> None:
        enrolled = Enrolled()
        enrolled.add(arrest(1))
        best(enrolled, 1, TUESDAY)

        assert not enrolled.add(arrest(2, MONDAY))
        assert enrolled.add(arrest(2, TUESDAY))


class TestAFileOutranksAnEncounter:
    GALLERIES = Galleries(rows=1_000)

    def test_a_record_that_was_there_before_counts_first_whatever_it_scores_beyond_the_threshold(self) -> None:
        found = (Candidate(1_007, 180, 10, "FIN0000000041"), Candidate(17, 60, 10))

        assert match(found, self.GALLERIES) == Match(17, pytest.approx(199, abs=2))

    def test_an_encounter_counts_where_no_file_scores_enough(self) -> None:
        found = (Candidate(1_007, 180, 10, "FIN0000000041"), Candidate(17, 3, 10))

        told = match(found, self.GALLERIES)

        assert told is not None
        assert (told.row, told.enrolled_as) == (1_007, "FIN0000000041")


class TestNumbers:
    def test_a_record_that_was_enrolled_has_the_number_of_nobody_who_was_on_file(self) -> None:
        rows, mixes = np.arange(10_000), RecordMixes()
        fins = {record.fin for record in map(immigration_records(SEED, rows, mixes).record, range(len(rows)))}
        ucns = set(criminal_records(SEED, rows, mixes).ucn.tolist())
        subjects = [f"ZZ0010000/B-{number:07d}" for number in range(3_000)]

        assert fins.isdisjoint(enrolled_fin(SEED, subject, len(rows)) for subject in subjects)
        assert ucns.isdisjoint(int(enrolled_ucn(SEED, subject, len(rows))[2:], 36) for subject in subjects)

    def test_a_number_depends_on_the_booking_alone(self) -> None:
        assert enrolled_fin(SEED, "ZZ0010000/WREN-7", 1_000) == enrolled_fin(SEED, "ZZ0010000/WREN-7", 1_000)
        assert len({enrolled_ucn(SEED, f"ZZ0010000/WREN-{number}", 1_000) for number in range(500)}) == 500

    def test_in_a_gallery_that_leaves_no_number_over_there_is_one_all_the_same(self) -> None:
        assert enrolled_fin(SEED, "ZZ0010000/WREN-7", 10**7).startswith("FIN000")


class TestWhatAProcessKnows:
    @staticmethod
    def event(person: int, run: str = "boston", day: date = MONDAY) -> Event[Consumed]:
        (kind, model), _ = READ.items()
        written = [f"{code:016x}" for code in codes(person)]
        return Event[model].model_validate(  # type: ignore[valid-type]
            {
                "specversion": "1.0",
                "id": f"{run}-{person}",
                "source": "FBI",
                "type": kind,
                "subject": f"ZZ0010000/WREN-{person}",
                "time": f"{day}T09:00:00Z",
                "runid": run,
                "tcn": f"ZZ{person}",
                "data": {
                    "disclosures": [],
                    "day": day.isoformat(),
                    "ucn": f"ZZ{person:07d}",
                    "prints": {"codes": written, "qualities": [60] * TEN},
                },
            }
        )

    @staticmethod
    def known(enrolments: Enrolments, run: str, person: int) -> list[str]:
        _, called = enrolments.top(run, "iafis", probe(person), EVERY_FINGER, [TUESDAY], 1_000)
        return list(called.values())

    def test_runs_know_nothing_of_each_other(self) -> None:
        enrolments = Enrolments()
        enrolments.add("arrest.enrolled.v1", [self.event(1, "boston"), self.event(2, "chicago")])

        assert self.known(enrolments, "chicago", 2) == ["ZZ0000002"]

    def test_galleries_know_nothing_of_each_other(self) -> None:
        enrolments = Enrolments()
        enrolments.add("arrest.enrolled.v1", [self.event(1)])

        top, called = enrolments.top("boston", "ident", probe(1), EVERY_FINGER, [TUESDAY], 1_000)

        assert (set(top.rows[0].tolist()), called) == ({NO_ROW}, {})

    def test_too_much_of_other_runs_is_given_up_and_told_when_one_of_them_is_searched(self) -> None:
        enrolments = Enrolments(kept_bytes=2 * PRINT_BYTES)
        assert not enrolments.lacks("boston")
        enrolments.add("arrest.enrolled.v1", [self.event(1), self.event(2), self.event(3)])
        enrolments.add("arrest.enrolled.v1", [self.event(each, f"run-{each}") for each in range(4)])

        assert not enrolments.lacks("boston"), "the present run is never given up"
        assert [run for run in ("run-0", "run-1", "run-2", "run-3") if enrolments.lacks(run)] == ["run-0", "run-1"]
        with pytest.raises(ReadAnewError, match="run-0"):
            self.known(enrolments, "run-0", 0)

    def test_what_is_read_anew_is_whole_again(self) -> None:
        enrolments = Enrolments(kept_bytes=0)
        events = [self.event(1), self.event(2, "chicago")]
        enrolments.add("arrest.enrolled.v1", events)
        assert enrolments.lacks("boston")

        enrolments.clear("arrest.enrolled.v1")
        enrolments.add("arrest.enrolled.v1", events)
        enrolments.complete("arrest.enrolled.v1")

        assert not enrolments.lacks("boston")
        assert self.known(enrolments, "boston", 1) == ["ZZ0000001"]

    def test_nobody_is_answered_from_a_part_while_another_batch_has_it_read_anew(self) -> None:
        enrolments = Enrolments()
        enrolments.add("arrest.enrolled.v1", [self.event(1), self.event(2)])
        enrolments.clear("arrest.enrolled.v1")
        enrolments.add("arrest.enrolled.v1", [self.event(2)])

        with pytest.raises(ReadAnewError, match="boston"):
            self.known(enrolments, "boston", 1)

    def test_what_comes_late_has_the_run_read_anew_so_that_everybody_numbers_alike(self) -> None:
        enrolments = Enrolments()
        enrolments.add("arrest.enrolled.v1", [self.event(1)])
        self.known(enrolments, "boston", 1)

        enrolments.add("arrest.enrolled.v1", [self.event(2)])

        assert enrolments.lacks("boston")
