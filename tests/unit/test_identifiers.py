"""No real data gets in: what intake refuses, and with which words; and how a booking is named."""

from string import ascii_uppercase, digits

import pytest
from hypothesis import assume, given, strategies as st
from pydantic import ValidationError

from services.booking.events import BookingRequest
from services.booking.identifiers import subject_of, tcn_of
from tests.unit.builders import a_booking_request, fifty_times


def refusal_of(**changes: object) -> str:
    """The words with which a booking is refused that has nothing wrong with it but `changes`."""
    with pytest.raises(ValidationError) as caught:
        BookingRequest.model_validate(a_booking_request(**changes))
    (mistake,) = caught.value.errors()
    return mistake["msg"].removeprefix("Value error, ")


def charged_with(literal: str) -> dict[str, str]:
    return {"ncic": "2299", "literal": literal, "offense_class": "felony"}


def test_a_booking_with_sandbox_identifiers_is_taken_in() -> None:
    request = BookingRequest.model_validate(a_booking_request(a_number="A000123456", sid="ZZ0012345"))

    assert (request.ori, request.label, request.a_number, request.sid) == (
        "ZZ0010000",
        "Heron-41",
        "A000123456",
        "ZZ0012345",
    )


@pytest.mark.parametrize(
    "ori",
    [
        pytest.param("MA0130100", id="of a real state"),
        pytest.param("VTICE0900", id="of the Law Enforcement Support Center"),
        pytest.param("zz0010000", id="in small letters"),
        pytest.param("ZZ001000", id="of eight characters"),
        pytest.param("ZZ00100000", id="of ten characters"),
        pytest.param("ZZ0010000\n", id="with a line end"),
    ],
)
def test_an_ori_that_is_none_of_the_sandbox_is_refused(ori: str) -> None:
    assert refusal_of(ori=ori) == (
        f"'{ori}' is not a sandbox ORI: it must begin with ZZ (no real agency does), 9 characters in all"
    )


@fifty_times
@given(ori=st.text(ascii_uppercase + digits, min_size=9, max_size=9))
def test_no_ori_of_any_state_passes(ori: str) -> None:
    assume(not ori.startswith("ZZ"))
    assert "not a sandbox ORI" in refusal_of(ori=ori)


@fifty_times
@given(number=st.integers(1_000_000, 999_999_999).map("A{:09d}".format))
def test_no_a_number_that_could_be_somebodys_passes(number: str) -> None:
    assert refusal_of(a_number=number).startswith("this could be a real A-number")


@pytest.mark.parametrize("number", ["A000-123-456", "000123456", "A00012345", "A000123456 "])
def test_an_a_number_in_another_form_is_refused(number: str) -> None:
    assert refusal_of(a_number=number).startswith("this could be a real A-number")


@pytest.mark.parametrize("sid", ["MA1234567", "1234567", "ZZ12345", "ZZ123456789", "zz123456"])
def test_a_sid_that_a_state_could_have_given_is_refused(sid: str) -> None:
    assert refusal_of(sid=sid).startswith("this could be a real SID")


@pytest.mark.parametrize("label", ["Maria Gonzalez", "Gonzalez, Maria", "Heron", "heron-41", "Heron-41 Jr", "H-41"])
def test_people_have_labels_and_never_names(label: str) -> None:
    assert refusal_of(label=label) == "people have labels like 'Heron-41' here, never names"


IDENTIFYING = [
    pytest.param("SSN 123-45-6789 ON FILE", id="a social security number"),
    pytest.param("123456789", id="nine digits and nothing else"),
    pytest.param("SUBJECT IS A012345678", id="an A-number"),
    pytest.param("FILE A-012-345-678", id="an A-number with hyphens"),
    pytest.param("OLD FILE A12345678", id="an A-number of eight digits"),
    pytest.param("ARN/A#012345678", id="an A-number behind a number sign"),
]
HIDING = [
    pytest.param("SSN 123 45 6789", id="a social security number with spaces"),
    pytest.param("A 012 345 678", id="an A-number with spaces"),
    pytest.param("subject is a012345678", id="an A-number in small letters"),
    pytest.param("SSN_123456789", id="behind an underscore"),
]
PERMITTED = [
    "BURGLARY OF A BOATHOUSE",
    "DISORD CONDUCT 2 COUNTS, C. 272 S. 53",
    "ARREST OF 2010-02-12, CASE 2010-000123",
    "OUI ALCOHOL .08, 90/24/J",
]


@pytest.mark.parametrize("text", IDENTIFYING)
def test_text_that_holds_what_looks_like_an_identifier_is_refused(text: str) -> None:
    assert refusal_of(charge=charged_with(text)) == (
        "the text holds what looks like a real identifier; the sandbox takes none"
    )


@pytest.mark.parametrize("text", HIDING)
def test_text_that_holds_an_identifier_in_another_spelling_is_refused(text: str) -> None:
    assert "looks like a real identifier" in refusal_of(charge=charged_with(text))


@pytest.mark.parametrize("text", PERMITTED)
def test_text_with_harmless_digits_is_taken_in(text: str) -> None:
    request = BookingRequest.model_validate(a_booking_request(charge=charged_with(text)))
    assert request.charge.literal == text


@pytest.mark.parametrize("field", ["stop_reason", "local_offense_code"])
def test_local_text_is_held_to_the_same(field: str) -> None:
    assert "looks like a real identifier" in refusal_of(local={field: "KNOWN AS 123-45-6789"})


@pytest.mark.parametrize("oca", ["123-45-6789", "A012345678"])
def test_a_case_number_that_looks_like_an_identifier_is_refused(oca: str) -> None:
    assert "looks like a real identifier" in refusal_of(oca=oca)


def test_the_control_number_of_a_booking_stays_what_it_is() -> None:
    assert tcn_of("heron-run-7", "ZZ0010000", "B-41") == "ZZD4A0DE69AF7E143B76"


parts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
bookings = st.tuples(parts, parts, parts)


@fifty_times
@given(one=bookings, other=bookings)
def test_two_bookings_have_one_control_number_only_if_run_ori_and_oca_agree(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (tcn_of(*one) == tcn_of(*other)) == (one == other)


def test_what_moves_from_the_ori_to_the_oca_changes_the_control_number() -> None:
    assert tcn_of("heron-run-7", "ZZ0010000", "B-41") != tcn_of("heron-run-7", "ZZ0010000B", "-41")


@fifty_times
@given(booking=bookings)
def test_a_control_number_has_a_form_that_the_fbi_could_take_and_never_gives(booking: tuple[str, str, str]) -> None:
    tcn = tcn_of(*booking)
    assert tcn.startswith("ZZ")
    assert tcn.isalnum()
    assert 10 <= len(tcn) <= 40


def test_the_reference_of_a_booking_does_not_depend_on_the_run() -> None:
    assert subject_of("ZZ0010000", "B-41") == "ZZ0010000/B-41"
