"""The print model and the search: the same bits always, the best row exactly, error rates that follow from theory."""

import math
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from services.biometric_match.gallery import Contamination, Files, Gallery, Roster
from services.biometric_match.matcher import Candidate, ExhaustiveMatcher, Unsearchable
from services.biometric_match.mates import MateMatcher, row_scores
from services.biometric_match.prints import (
    PRESET_2012,
    RELATIVES_AMONG,
    Prints,
    capture,
    captures,
    family,
    first_impressions,
    first_records,
    latents,
)
from services.biometric_match.scores import false_match_rates, fingers_agreeing, score_db, threshold

SEED = 1952
ROWS = 10_000
OVERLAP = 4_000
FILES = Files(SEED, ROWS, OVERLAP)


@pytest.fixture(scope="module")
def matcher() -> ExhaustiveMatcher:
    return ExhaustiveMatcher(FILES)


@cache
def booked(seed: int, people: int):
    """That many people enrolled in a gallery and then booked once, as columns."""
    numbers = np.arange(people, dtype=np.uint64)
    return first_impressions(seed, numbers), captures(seed, numbers, "booked on a Friday night")


def points(enrolled, taken):
    """Each finger's points, `[finger, person]`, for people against their own mates."""
    differing = np.bitwise_count(enrolled.codes ^ taken.codes).astype(np.int64)
    return np.where(taken.present, np.maximum(0, 22 - differing), 0)


def score_in_plain_python(probe: Prints, row: list[int]) -> int:
    return sum(
        max(0, 22 - (code ^ on_file).bit_count())
        for code, on_file in zip(probe.codes, row, strict=True)
        if code is not None
    )


def best_of(matcher, kind, probes) -> list[Candidate]:
    """The first on each list of candidates."""
    return [found[0] for found in matcher.search(kind, probes)]


class TestBits:
    def test_a_capture_has_the_bits_that_it_had_when_this_was_written(self):
        assert capture(7, 41, "ZZ0010000/B-1").hex_codes()[:3] == (
            "2cbd5bfe1beea6ba",
            "05512144bc512c99",
            "6d0e874b383111e9",
        )

    @pytest.mark.parametrize("kind", ["iafis", "ident"])
    def test_a_part_has_the_bits_of_the_whole_gallery(self, matcher, kind):
        whole = matcher.galleries[kind].codes

        part = Gallery.generate(FILES, kind, 3_900, 4_300)

        assert (part.first_row, part.rows) == (3_900, 400)
        assert np.array_equal(part.codes, whole[:, 3_900:4_300])
        assert np.array_equal(FILES.codes(kind, np.arange(3_900, 4_300)[::-1]), whole[:, 3_900:4_300][:, ::-1])

    def test_a_larger_gallery_begins_with_the_smaller_one(self, matcher):
        small = Gallery.generate(Files(SEED, 4_100, 0), "iafis")

        assert np.array_equal(small.codes, matcher.galleries["iafis"].codes[:, :4_100])

    def test_threads_make_no_difference_to_the_bits(self, monkeypatch):
        alone = Gallery.generate(FILES, "ident", 3_000, 5_000)

        monkeypatch.setattr("services.biometric_match.gallery._MADE_AT_ONCE", 97)
        monkeypatch.setattr("services.biometric_match.gallery._MADE_BY_ONE", 100)

        assert np.array_equal(Gallery.generate(FILES, "ident", 3_000, 5_000, threads=3).codes, alone.codes)

    def test_who_somebody_is_does_not_depend_on_how_well_they_are_captured(self):
        hurried = captures(SEED, [41], "ZZ0010000/HERON-41", replace(PRESET_2012, mean=75), on_file=PRESET_2012)

        differing = np.bitwise_count(hurried.codes ^ latents(SEED, [41], PRESET_2012))

        assert differing.max() < 12

    def test_a_capture_does_not_depend_on_who_else_is_captured(self):
        people = [12, 99_999, 3]
        bookings = ["ZZ0010000/HERON-41", "ZZ0010000/WREN-7", "ZZ0020000/OTTER-3"]

        together = captures(SEED, people, bookings)

        alone = [capture(SEED, person, booking) for person, booking in zip(people, bookings, strict=True)]
        assert [together.prints(column) for column in range(3)] == alone

    def test_encounters_can_be_numbers_which_depend_on_nobody_else_either(self):
        people, bookings = np.array([12, 99_999, 3, 12]), np.array([41, 7, 41, 42])

        together = captures(SEED, people, bookings)

        for column in range(4):
            alone = captures(SEED, people[[column]], bookings[[column]])
            assert together.prints(column) == alone.prints(0)
        assert together.prints(0) != together.prints(3)
        assert together.prints(0) != capture(SEED, 12, "41")

    def test_numbered_encounters_are_as_independent_as_named_ones(self):
        numbers, one_person = np.arange(20_000), np.zeros(20_000, np.int64)
        first, second = (captures(SEED, one_person, numbers + shift).codes ^ latents(SEED, [0]) for shift in (0, 1))

        flipped_twice = np.bitwise_count(first & second).mean()

        by_chance = np.bitwise_count(first).mean(axis=1) / 64 * np.bitwise_count(second).mean(axis=1)
        assert flipped_twice == pytest.approx(by_chance.mean(), rel=0.05)

    def test_blocks_make_no_difference_to_the_bits(self, monkeypatch):
        whole = captures(SEED, range(300), "ZZ0010000/LYNX-9")

        monkeypatch.setattr("services.biometric_match.prints._MADE_AT_ONCE", 7)
        in_blocks = captures(SEED, range(300), "ZZ0010000/LYNX-9")

        assert np.array_equal(in_blocks.codes, whole.codes)
        assert np.array_equal(in_blocks.qualities, whole.qualities)
        assert np.array_equal(in_blocks.present, whole.present)

    def test_every_encounter_takes_the_finger_anew(self):
        first = capture(SEED, 12, "ZZ0010000/HERON-41")
        second = capture(SEED, 12, "ZZ0010000/HERON-42")

        assert first != second

    def test_another_seed_is_another_world(self):
        assert latents(1, [0])[0] != latents(2, [0])[0]

    def test_the_bits_of_a_finger_are_fair(self):
        words = latents(SEED, np.arange(20_000, dtype=np.uint64))

        ones = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
        deviations = (ones - 20_000 * 32) / math.sqrt(20_000 * 16)
        assert np.abs(deviations).max() < 4

    def test_several_encounters_need_as_many_people(self):
        with pytest.raises(ValueError, match="2 encounters for 3 persons"):
            captures(SEED, [1, 2, 3], ["a", "b"])
        with pytest.raises(ValueError, match="1 encounters for 3 persons"):
            captures(SEED, [1, 2, 3], np.array([41]))


class TestPeople:
    def test_the_last_people_of_iafis_are_the_first_of_ident(self):
        iafis, ident = Roster("iafis", 10, 4), Roster("ident", 10, 4)

        assert [iafis.person(row) for row in (0, 6, 9)] == [0, 6, 9]
        assert [ident.person(row) for row in (0, 3, 9)] == [6, 9, 15]

    def test_a_person_is_found_in_the_rosters_that_have_them(self):
        iafis, ident = Roster("iafis", 10, 4), Roster("ident", 10, 4)

        rows = {person: (iafis.row_of(person), ident.row_of(person)) for person in (5, 6, 9, 10, 15, 16)}

        assert rows == {5: (5, None), 6: (6, 0), 9: (9, 3), 10: (None, 4), 15: (None, 9), 16: (None, None)}

    def test_a_row_beyond_the_gallery_is_nobody(self):
        with pytest.raises(IndexError, match="ident has 10 rows, and no row 10"):
            Roster("ident", 10, 4).person(10)

    def test_no_more_people_can_overlap_than_there_are(self):
        with pytest.raises(ValueError, match="11 people cannot be in two galleries of 10 rows"):
            Roster("iafis", 10, 11)

    def test_a_person_in_both_galleries_has_the_same_fingers_taken_twice(self, matcher):
        row = FILES.roster("iafis").row_of(FILES.roster("ident").person(17))
        in_iafis, in_ident = matcher.galleries["iafis"].codes[:, row], matcher.galleries["ident"].codes[:, 17]

        differing = np.bitwise_count(in_iafis ^ in_ident)

        assert 0 < differing.mean() < 12


class TestSearch:
    def test_a_person_in_both_galleries_is_found_in_both(self, matcher):
        person = ROWS - OVERLAP + 123
        probe = capture(SEED, person, "ZZ0010000/HERON-41")

        in_iafis, in_ident = (best_of(matcher, kind, [probe])[0] for kind in ("iafis", "ident"))

        assert (in_iafis.row, in_ident.row) == (person, 123)
        assert min(in_iafis.score, in_ident.score) > threshold(10, ROWS)

    def test_a_person_on_one_file_only_is_found_there_only(self, matcher):
        probe = capture(SEED, 77, "ZZ0010000/WREN-7")

        in_iafis, in_ident = (best_of(matcher, kind, [probe])[0] for kind in ("iafis", "ident"))

        assert in_iafis.row == 77
        assert in_iafis.score > threshold(10, ROWS) > in_ident.score

    def test_strangers_match_nobody(self, matcher):
        first_stranger = 2 * ROWS - OVERLAP
        strangers = captures(SEED, range(first_stranger, first_stranger + 100), "ZZ0010000/OTTER-3")
        probes = [strangers.prints(column) for column in range(100)]

        scores = [found.score for kind in ("iafis", "ident") for found in best_of(matcher, kind, probes)]

        assert max(scores) < threshold(10, ROWS)

    def test_a_list_has_the_best_rows_in_their_order(self):
        small = ExhaustiveMatcher(Files(SEED, rows=300, overlap=100))
        probes = [capture(SEED, person, "ZZ0010000/LYNX-9") for person in range(200, 600, 20)]

        for kind in ("iafis", "ident"):
            on_file = small.galleries[kind].codes.T.tolist()
            for probe, found in zip(probes, small.search(kind, probes), strict=True):
                scores = [score_in_plain_python(probe, row) for row in on_file]
                ranked = sorted(range(300), key=lambda row: (-scores[row], row))[:10]
                assert [(each.row, each.score) for each in found] == [(row, scores[row]) for row in ranked]

    def test_a_gallery_of_three_has_three_candidates(self):
        few = ExhaustiveMatcher(Files(SEED, rows=3, overlap=0))

        (found,) = few.search("iafis", [capture(SEED, 2, "ZZ0010000/LYNX-9")])

        assert found[0].row == 2
        assert len(found) == 3

    def test_ident_can_be_searched_on_both_index_fingers_alone(self):
        two_fingers = ExhaustiveMatcher(FILES, ident_fingers=2)
        whole = capture(SEED, ROWS, "ZZ0010000/HERON-41")
        bandaged = Prints((None, None, *whole.codes[2:]), (None, None, *whole.qualities[2:]))

        (in_ident, refused), (in_iafis, _) = (
            two_fingers.search(kind, [whole, bandaged]) for kind in ("ident", "iafis")
        )

        assert (in_ident[0].row, in_ident[0].fingers, in_iafis[0].fingers) == (OVERLAP, 2, 10)
        assert refused == Unsearchable("too_few_fingers")

    def test_missing_fingers_are_left_out(self, matcher):
        whole = capture(SEED, 42, "ZZ0010000/HERON-41")
        bandaged = Prints((None, *whole.codes[1:9], None), (None, *whole.qualities[1:9], None))

        (found,) = best_of(matcher, "iafis", [bandaged])

        row = matcher.galleries["iafis"].codes[:, 42].tolist()
        assert found == Candidate(row=42, score=score_in_plain_python(bandaged, row), fingers=8)

    def test_one_finger_is_not_searched_and_two_are(self, matcher):
        whole = capture(SEED, 42, "ZZ0010000/HERON-41")
        none = Prints((None,) * 10, (None,) * 10)
        one = Prints((*whole.codes[:1], *[None] * 9), (*whole.qualities[:1], *[None] * 9))
        two = Prints((*whole.codes[:2], *[None] * 8), (*whole.qualities[:2], *[None] * 8))

        found = matcher.search("iafis", [none, two, one])

        refused = Unsearchable("too_few_fingers")
        assert (found[0], found[2]) == (refused, refused)
        assert (found[1][0].row, found[1][0].fingers) == (42, 2)

    def test_no_probes_find_nothing(self, matcher):
        assert matcher.search("ident", []) == []


class TestMateMatcher:
    """The answers of the search without the search."""

    @pytest.mark.parametrize("kind", ["iafis", "ident"])
    def test_it_answers_as_the_search_does(self, matcher, kind):
        hurried = replace(PRESET_2012, mean=32, missing_share=0.3)
        people = np.arange(0, 2 * ROWS, 7)
        taken = captures(SEED, people, people, hurried, on_file=PRESET_2012)
        probes = [taken.prints(column) for column in range(len(people))]

        found = MateMatcher(FILES, 1e-5, people).search(kind, probes)

        missed = 0
        for person, (answer,), searched in zip(people, found, best_of(matcher, kind, probes), strict=True):
            if searched.score >= threshold(searched.fingers, ROWS):
                assert answer == searched
            else:
                assert answer.fingers == searched.fingers
                assert answer.score < threshold(answer.fingers, ROWS)
                missed += Roster(kind, ROWS, OVERLAP).row_of(int(person)) is not None
        assert missed > 20

    def test_what_cannot_be_searched_is_refused_alike(self, matcher):
        whole = capture(SEED, 42, "ZZ0010000/HERON-41")
        probes = [
            Prints((*whole.codes[:n], *[None] * (10 - n)), (*whole.qualities[:n], *[None] * (10 - n)))
            for n in range(11)
        ]

        found = MateMatcher(FILES, 1e-5, [42] * 11).search("iafis", probes)

        searched = matcher.search("iafis", probes)
        assert found == [each if isinstance(each, Unsearchable) else each[:1] for each in searched]

    def test_no_probes_find_nothing(self):
        assert MateMatcher(FILES, 1e-5, []).search("ident", []) == []

    def test_every_probe_is_somebodys(self):
        with pytest.raises(ValueError, match="1 probes of 2 persons"):
            MateMatcher(FILES, 1e-5, [1, 2]).search("iafis", [capture(SEED, 1, "ZZ0010000/HERON-41")])

    def test_strangers_are_matched_as_often_as_theory_and_the_search_say(self):
        rows, fpir = 500, 0.2
        strangers = np.arange(2 * rows, 2 * rows + 20_000)
        taken = captures(SEED, strangers, strangers, replace(PRESET_2012, missing_share=0))
        enough = threshold(10, rows, fpir)
        expected = 1 - (1 - false_match_rates(10)[enough]) ** rows

        files = Files(SEED, rows, 0)
        drawn_rows, drawn_scores, _ = MateMatcher(files, fpir, strangers).best("ident", taken.codes.T, taken.present.T)
        searched = Gallery.generate(files, "ident").top(taken.codes.T, taken.present.T, 1)

        sigma = math.sqrt(expected * (1 - expected) / len(strangers))
        drawn = drawn_scores >= enough
        assert expected > 0.05
        assert drawn.mean() == pytest.approx(expected, abs=4 * sigma)
        assert (searched.scores[:, 0] >= enough).mean() == pytest.approx(expected, abs=4 * sigma)
        assert set(drawn_scores[drawn].tolist()) == {enough}
        tenths = np.bincount(drawn_rows[drawn] // 50, minlength=10) / drawn.sum()
        assert tenths == pytest.approx([0.1] * 10, abs=4 * math.sqrt(0.09 / drawn.sum()))

    def test_the_two_galleries_draw_apart(self):
        strangers = np.arange(1_000, 21_000)
        taken = captures(SEED, strangers, strangers)
        mates = MateMatcher(Files(SEED, 500, 0), 0.2, strangers)

        iafis, ident = (mates.best(kind, taken.codes.T, taken.present.T)[1] > 0 for kind in ("iafis", "ident"))

        by_chance = iafis.mean() * ident.mean()
        assert (iafis & ident).mean() == pytest.approx(by_chance, abs=4 * math.sqrt(by_chance / len(strangers)))

    def test_a_missed_mate_is_mistaken_for_others_only(self):
        people = np.tile(np.arange(20), 2_000)
        noise = captures(SEED, people + 10**6, np.arange(len(people)))
        codes, present = noise.codes.T, noise.present.T

        files = Files(SEED, 20, 0)
        mates = MateMatcher(files, 0.3, people)
        rows, scores, _ = mates.best("iafis", codes, present)

        enough = mates.thresholds[present.sum(axis=1)]
        missed = row_scores(files, "iafis", people, codes, present) < enough
        mistaken = missed & (scores >= enough)
        assert mistaken.mean() > 0.05
        assert not (mistaken & (rows == people)).any()
        assert len(set(zip(people[mistaken].tolist(), rows[mistaken].tolist(), strict=True))) == 20 * 19

    def test_a_false_match_does_not_depend_on_who_else_is_searched(self):
        strangers = np.arange(1_000, 4_000)
        taken = captures(SEED, strangers, strangers)
        some = np.array([2_999, 0, 41, 7, 1_952])

        files = Files(SEED, 500, 0)
        whole = MateMatcher(files, 0.2, strangers).best("iafis", taken.codes.T, taken.present.T)
        part = MateMatcher(files, 0.2, strangers[some]).best("iafis", taken.codes.T[some], taken.present.T[some])

        assert np.array_equal(part[:2], np.array(whole[:2])[:, some])

    def test_mates_score_as_their_row_does(self, matcher):
        rows = np.array([5, 17, 9_999, 17])
        people = rows + ROWS - OVERLAP
        taken = captures(SEED, people, np.arange(4), replace(PRESET_2012, missing_share=0.3))

        scores = row_scores(FILES, "ident", rows, taken.codes.T, taken.present.T)

        on_file = matcher.galleries["ident"].codes
        assert scores.tolist() == [
            score_in_plain_python(taken.prints(column), on_file[:, row].tolist()) for column, row in enumerate(rows)
        ]


class TestKin:
    """Records that are no stranger's though they are not the person's own."""

    CARDS = Files(SEED, 2_000, 0, contamination=Contamination(share=0.2, fingers=5))
    FAMILIES = Files(SEED, 2_000, 0, replace(PRESET_2012, related_share=0.5, alike_share=0.7))

    def test_a_mixed_up_card_has_the_left_hand_of_somebody_else(self):
        clean, mixed_up = (Gallery.generate(files, "iafis").codes for files in (Files(SEED, 2_000, 0), self.CARDS))

        differs = (clean != mixed_up).any(axis=0)

        assert differs.mean() == pytest.approx(0.2, abs=0.04)
        assert np.array_equal(clean[:5], mixed_up[:5])
        rows = np.flatnonzero(differs)
        donors = self.CARDS.donors("iafis", rows)
        assert np.array_equal(mixed_up[5:, rows], first_records(SEED, donors)[5:])

    def test_relatives_have_more_bits_in_common_than_strangers(self):
        people = np.arange(RELATIVES_AMONG, RELATIVES_AMONG + 2_000)
        model = self.FAMILIES.model
        relatives = family(SEED, people, model)
        related = relatives >= 0

        differing = np.bitwise_count(first_records(SEED, people, model) ^ first_records(SEED, relatives, model))

        assert related.mean() == pytest.approx(0.5, abs=0.05)
        assert differing[:, related].mean() == pytest.approx(64 * (1 - 0.7) / 2, rel=0.02)

    def test_nobody_is_alike_unless_a_run_asks_for_it(self):
        assert np.array_equal(first_records(SEED, range(5_000, 5_100)), first_records(SEED, range(5_000, 5_100)))
        assert Files(SEED, 10, 0).contamination.share == PRESET_2012.related_share == 0

    @pytest.mark.parametrize(("files", "least"), [(CARDS, 20), (FAMILIES, 20)], ids=["mixed-up cards", "relatives"])
    def test_who_knows_the_people_finds_the_records_that_the_search_finds(self, files, least):
        people = np.arange(0, 6_000, 3)
        taken = captures(SEED, people, people, files.model)
        codes, present = taken.codes.T, taken.present.T
        searched = Gallery.generate(files, "ident").top(codes, present, 1)
        mates = MateMatcher(files, 1e-5, people)

        rows, scores, _ = mates.best("ident", codes, present)

        sure = searched.scores[:, 0] >= mates.thresholds[present.sum(axis=1)] + 15
        others = sure & (searched.rows[:, 0] != people - files.roster("ident").first_person)
        assert others.sum() >= least
        assert np.array_equal(rows[sure], searched.rows[sure, 0])
        assert np.array_equal(scores[sure], searched.scores[sure, 0])


class TestErrorRates:
    @pytest.mark.parametrize("fingers", [1, 2, 4, 10])
    def test_the_tail_between_strangers_is_the_closed_form(self, matcher, fingers):
        on_file = matcher.galleries["iafis"].codes[:fingers]
        probes = latents(SEED, range(50_000, 53_000))[:fingers].T
        histogram = np.zeros(fingers * 22 + 1, np.int64)

        for probe in probes:
            lost = np.minimum(np.bitwise_count(on_file ^ probe.reshape(fingers, 1)), 22)
            scores = fingers * 22 - np.add.reduce(lost, axis=0, dtype=np.uint8)
            histogram += np.bincount(scores, minlength=len(histogram))

        reached = np.cumsum(histogram[::-1])[::-1]
        expected = false_match_rates(fingers) * len(probes) * ROWS
        telling = (expected >= 20) & (false_match_rates(fingers) < 0.1)
        deviations = (reached - expected)[telling] / np.sqrt(expected[telling])
        assert telling.sum() >= 4
        assert np.abs(deviations).max() < 4

    def test_the_tail_is_exact(self):
        one = [Fraction(math.comb(64, 22 - score), 2**64) for score in range(23)]
        one[0] = 1 - sum(one[1:])
        two = [sum(one[i] * one[j] for i in range(23) for j in range(23) if i + j >= score) for score in range(45)]

        assert false_match_rates(2) == pytest.approx([float(rate) for rate in two], rel=1e-12, abs=0)

    def test_the_threshold_is_the_lowest_score_that_is_rare_enough(self):
        by_size = [threshold(10, rows, 1e-3) for rows in (10**4, 10**5, 10**6, 10**7, 10**8)]

        assert by_size == [14, 16, 18, 19, 21]
        assert (
            false_match_rates(10)[threshold(10, ROWS)] <= 1e-5 / ROWS < false_match_rates(10)[threshold(10, ROWS) - 1]
        )

    def test_the_default_lets_one_stranger_in_a_hundred_thousand_through(self):
        assert threshold(10, 10_000) == threshold(10, 10_000, 1e-5) == 18

    def test_no_score_is_enough_for_the_impossible(self):
        assert threshold(1, 10**9, 1e-18) == 23

    def test_decibels_say_how_rare_a_score_is(self):
        assert (score_db(10, 0), score_db(10, 18), score_db(10, 200)) == (0.0, 95.0, 200.0)

    def test_a_finger_agrees_up_to_seventeen_differing_bits(self):
        on_file = np.array([0, 0, 0], np.uint64)
        taken = np.array([0, 2**17 - 1, 2**18 - 1], np.uint64)

        assert fingers_agreeing(taken, on_file) == 2
        assert 1 / false_match_rates(1)[22 - 17] == pytest.approx(9_000, rel=0.05)

    def test_ten_fingers_miss_about_one_mate_in_a_thousand(self):
        enrolled, taken = booked(SEED, 150_000)

        missed = (points(enrolled, taken).sum(axis=0) < threshold(10, ROWS)).mean()

        assert 0.0006 < missed < 0.0013

    def test_two_index_fingers_miss_three_times_as_many_as_ten(self):
        enrolled, taken = booked(SEED, 150_000)

        missed = (points(enrolled, taken)[[1, 6]].sum(axis=0) < threshold(2, 1_600_000, 1e-3)).mean()

        assert missed == pytest.approx(0.00267, rel=0.2)  # FpVTE 2012, as matcher.md 3.5 quotes it

    def test_bits_flip_as_often_as_the_qualities_say(self):
        enrolled, taken = booked(SEED, 150_000)
        rate = 0.012 + 0.488 * np.exp(-np.arange(101) / 19)
        either_flips = rate[:, None] * (1 - rate) + rate * (1 - rate[:, None])
        ways = np.array([math.comb(64, h) for h in range(11)])
        h = np.arange(11)
        at_most_ten = (ways * either_flips[..., None] ** h * (1 - either_flips[..., None]) ** (64 - h)).sum(axis=-1)

        observed = (np.bitwise_count(enrolled.codes ^ taken.codes) > 10).mean()
        expected = 1 - at_most_ten[enrolled.qualities, taken.qualities].mean()

        # Swapped hands are strangers' fingers, and nearly always differ in more than ten bits.
        expected = expected * (1 - PRESET_2012.gross_share) + PRESET_2012.gross_share
        assert observed == pytest.approx(expected, rel=0.01)

    def test_hands_are_swapped_and_fingers_missing_as_often_as_the_preset_says(self):
        enrolled, taken = booked(SEED, 150_000)
        lefts_as_rights = np.bitwise_count(np.roll(enrolled.codes, 5, axis=0) ^ taken.codes).mean(axis=0) < 24

        assert lefts_as_rights.mean() == pytest.approx(PRESET_2012.gross_share, rel=0.3)
        assert 1 - taken.present.mean() == pytest.approx(PRESET_2012.missing_share, rel=0.03)
        assert enrolled.present.all()
