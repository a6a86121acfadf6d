"""The old filter by pattern class: how much of a file it spares, and whom it hides."""

import numpy as np
import pytest

from services.biometric_match.binning import HABIT, SHARES, PatternModel, on_file, passes, read_again
from services.biometric_match.prints import TEN

PEOPLE = np.arange(20_000)
EVERY_FINGER = np.ones(TEN, np.bool_)
INDEX_FINGERS = np.isin(np.arange(TEN), [1, 6])
MODEL = PatternModel()


def test_each_class_is_as_common_as_was_published() -> None:
    classes = on_file(7, PEOPLE, MODEL)

    counted = np.bincount(classes.ravel(), minlength=len(SHARES)) / classes.size
    assert counted == pytest.approx(list(SHARES.values()), abs=0.01)


def test_the_classes_of_a_person_do_not_depend_on_who_else_is_asked_about() -> None:
    assert (on_file(7, PEOPLE[[41, 3]], MODEL) == on_file(7, PEOPLE, MODEL)[:, [41, 3]]).all()


def test_ten_fingers_leave_the_two_per_cent_that_the_inspector_general_wrote_of() -> None:
    assert PatternModel(HABIT, 0.0).penetration(TEN) == pytest.approx(0.02, rel=0.001)


def test_fingers_that_do_not_resemble_each_other_would_leave_a_few_in_a_million() -> None:
    assert PatternModel(0.0, 0.0).penetration(TEN) == pytest.approx(5e-6, rel=0.02)


def test_one_error_in_a_hundred_fingers_hides_a_tenth_of_all_people_on_ten_fingers() -> None:
    assert PatternModel(error_share=0.01).lost(TEN) == pytest.approx(0.0956, abs=1e-4)


@pytest.mark.parametrize(("fingers", "present"), [(2, INDEX_FINGERS), (TEN, EVERY_FINGER)])
def test_what_is_counted_is_what_is_worked_out(fingers: int, present: np.ndarray) -> None:
    filed = on_file(7, PEOPLE, MODEL)
    read = read_again(7, PEOPLE, filed, MODEL)

    lost = np.mean([not passes(read[:, [who]].ravel(), present, filed[:, [who]])[0] for who in range(4_000)])
    through = np.mean([passes(read[:, who], present, filed[:, 10_000:]).mean() for who in range(1_000)])

    assert lost == pytest.approx(MODEL.lost(fingers), abs=0.015)
    assert through == pytest.approx(MODEL.penetration(fingers), rel=0.15)


def test_a_finger_that_is_not_there_hides_nobody() -> None:
    filed = on_file(7, PEOPLE[:1], MODEL)
    misread = (filed[:, 0] + 1) % len(SHARES)

    assert not passes(misread, EVERY_FINGER, filed)[0]
    assert passes(misread, np.zeros(TEN, np.bool_), filed)[0]


def test_a_wrong_reading_is_always_another_class() -> None:
    filed = on_file(7, PEOPLE, MODEL)

    assert (read_again(7, PEOPLE, filed, PatternModel(error_share=1.0)) != filed).all()
