"""A batch of bookings, line by line: however the body is cut into chunks, and whatever is wrong with a line."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from pydantic import ValidationError
from redis.asyncio import Redis

from services.booking.app import lines_of
from services.booking.clock import Clock
from services.booking.events import BookingRequest
from services.booking.intake import LINE_LIMIT, Intake, Line
from tests.unit.builders import RUN, a_booking_request, fifty_times, the_place


async def streamed(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def lines(*chunks: bytes) -> list[bytes]:
    """What `lines_of` makes of a body that arrives in these chunks."""

    async def collect() -> list[bytes]:
        return [line async for line in lines_of(streamed(chunks))]

    return asyncio.run(collect())


def refused(*raw: bytes) -> list[Line]:
    """What intake says of lines that it all refuses, before it has asked Redis anything."""
    client = Redis()  # connects when it is first used, which is never
    intake = Intake(client, Clock(client))

    async def collect() -> list[Line]:
        return [line async for batch in intake.book_batch(RUN, the_place(), streamed(raw)) for line in batch]

    return asyncio.run(collect())


def refused_booking(**changes: Any) -> Line:
    (line,) = refused(json.dumps(a_booking_request(**changes)).encode())
    return line


# Cutting a body into lines


def test_a_body_in_one_piece_has_its_lines() -> None:
    assert lines(b'{"oca":"B-41"}\n{"oca":"B-42"}\n') == [b'{"oca":"B-41"}', b'{"oca":"B-42"}']


def test_a_line_may_arrive_in_pieces() -> None:
    assert lines(b'{"oca"', b':"B-4', b'1"}', b"\n") == [b'{"oca":"B-41"}']


def test_the_last_line_needs_no_line_end() -> None:
    assert lines(b'{"oca":"B-41"}\n{"oca"', b':"B-42"}') == [b'{"oca":"B-41"}', b'{"oca":"B-42"}']


def test_an_empty_body_has_no_lines() -> None:
    assert lines() == []
    assert lines(b"", b"") == []


def test_blank_lines_are_counted_so_that_the_numbers_are_those_of_the_body() -> None:
    assert lines(b"\n  \n{}\n\t\n") == [b"", b"  ", b"{}", b"\t"]


bodies = st.lists(
    st.one_of(
        st.just(b""),
        st.sampled_from([b" ", b"\r", b"\t \r"]),
        st.binary(min_size=1, max_size=30).map(lambda raw: raw.replace(b"\n", b"")),
        st.integers(1, 999).map(lambda number: json.dumps({"oca": f"B-{number}", "label": "Hérön"}).encode()),
    ),
    max_size=8,
).map(b"\n".join)


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    marks = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in pairwise(marks)]


@fifty_times
@given(body=bodies, places=st.lists(st.integers(0, 10_000), max_size=12))
@example(body=b"a\nb\n", places=[1, 2, 3])
def test_the_lines_of_a_body_do_not_depend_on_how_it_was_cut(body: bytes, places: Sequence[int]) -> None:
    *whole, rest = body.split(b"\n")
    assert lines(*cut(body, places)) == [*whole, *([rest] if rest else [])]


def test_a_line_as_long_as_allowed_comes_through_whole() -> None:
    longest = b"x" * LINE_LIMIT
    assert lines(longest[:100], longest[100:], b"\n{}") == [longest, b"{}"]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b"x" * 10_000_000], id="in one piece"),
        pytest.param([b"x" * 65_536] * 153, id="in pieces"),
        pytest.param([b"x" * 10_000_000 + b"\n{}"], id="with a line after it"),
    ],
)
def test_ten_megabytes_without_a_line_end_are_kept_only_so_far_that_they_are_seen_to_be_too_long(
    chunks: list[bytes],
) -> None:
    first = lines(*chunks)[0]
    assert LINE_LIMIT < len(first) <= 2 * (LINE_LIMIT + 1)


def test_the_line_after_one_that_is_too_long_is_whole() -> None:
    assert lines(b"x" * 50_000, b"x" * 50_000 + b'\n{"oca":"B-42"}\n')[1:] == [b'{"oca":"B-42"}']


def test_a_booking_behind_too_many_blanks_is_too_long_and_not_passed_over() -> None:
    assert len(lines(b" " * 20_000 + b'{"oca":"B-41"}\n')) == 1


# What is wrong with a line


def test_a_line_that_is_too_long_is_refused_as_such() -> None:
    assert refused(b"x" * (LINE_LIMIT + 1)) == [
        Line(1, "rejected", code="line-too-long", message=f"the line has more than {LINE_LIMIT} bytes")
    ]


def test_every_line_has_its_own_answer_with_its_number() -> None:
    answers = refused(b"nonsense", b"x" * 20_000, b"{}")

    assert [(line.number, line.code) for line in answers] == [
        (1, "bad-booking"),
        (2, "line-too-long"),
        (3, "bad-booking"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"heron", id="a word"),
        pytest.param(b'{"ori": "ZZ0010000", ', id="half an object"),
        pytest.param(b"\xff\xfe{}", id="not UTF-8"),
        pytest.param(b"[" * 10_000, id="nested too deep"),
        pytest.param(b'{"label": "\\ud800"}', id="half a character"),
    ],
)
def test_what_is_not_json_is_refused_in_one_sentence(raw: bytes) -> None:
    (line,) = refused(raw)

    assert (line.status, line.code, line.tcn) == ("rejected", "bad-booking", None)
    assert line.message is not None
    assert line.message.startswith("the body: Invalid JSON")
    assert "\n" not in line.message


@pytest.mark.parametrize("raw", [b"null", b"41", b'"Heron-41"', b"[]"])
def test_json_that_is_no_booking_is_refused(raw: bytes) -> None:
    (line,) = refused(raw)
    assert (line.code, line.message) == ("bad-booking", "the body: Input should be an object")


def test_an_unknown_field_is_named() -> None:
    line = refused_booking(ethnicity="none of your business")
    assert (line.code, line.message) == ("bad-booking", "ethnicity: Extra inputs are not permitted")


def test_an_unknown_field_inside_is_named_by_its_path() -> None:
    line = refused_booking(local={"group": "A", "race": "W"})
    assert line.message == "local.race: Extra inputs are not permitted"


def test_a_missing_field_is_named() -> None:
    booking = a_booking_request()
    del booking["prints"]
    (line,) = refused(json.dumps(booking).encode())

    assert line.message == "prints: Field required"


def test_several_mistakes_are_one_sentence_that_counts_them() -> None:
    line = refused_booking(ori="MA0130100", label="Maria Gonzalez", sex="?")
    assert line.message == (
        "ori: 'MA0130100' is not a sandbox ORI: it must begin with ZZ (no real agency does), 9 characters in all"
        " (and 2 more)"
    )


def test_an_agency_that_is_not_in_the_run_is_refused_with_those_that_are() -> None:
    line = refused_booking(ori="ZZ0099999")
    assert (line.status, line.code, line.message) == (
        "rejected",
        "unknown-agency",
        "'ZZ0099999' is no agency of this run; there are: ZZ0010000",
    )


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        pytest.param({"booked_at": "2010-02-10T09:00:00"}, "booked_at", id="a time without a zone"),
        pytest.param({"birth_year": 1899}, "birth_year", id="born in another century"),
        pytest.param({"place_of_birth": "Brazil"}, "place_of_birth", id="a country spelled out"),
        pytest.param({"prints": {"codes": ["00ff"] * 10, "qualities": [80] * 10}}, "prints.codes.0", id="a short code"),
        pytest.param({"prints": {"codes": [], "qualities": []}}, "prints.codes", id="no fingers"),
        pytest.param({"oca": "B/41"}, "oca", id="a slash in the case number"),
        pytest.param({"custody": {}}, "custody.release_at", id="custody without an end"),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_place(changes: dict[str, Any], place: str) -> None:
    line = refused_booking(**changes)

    assert (line.status, line.code) == ("rejected", "bad-booking")
    assert line.message is not None
    assert line.message.startswith(f"{place}: ")


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_a_time_at_the_edge_of_the_calendar_is_refused_and_ends_no_batch(year: str) -> None:
    edge = json.dumps(a_booking_request(booked_at=f"{year}T00:00:00Z")).encode()
    late = json.dumps(a_booking_request(booked_at=f"{year}T23:59:59-12:00")).encode()

    assert [line.code for line in refused(edge, late)] == ["bad-booking", "bad-booking"]


@pytest.mark.parametrize(
    "release_at",
    [
        pytest.param("2010-02-09T17:00:00Z", id="before the booking"),
        pytest.param("9999-12-30T17:00:00Z", id="after so many days that no run ends"),
    ],
)
def test_a_stay_that_cannot_be_lived_through_is_refused(release_at: str) -> None:
    with pytest.raises(ValidationError):
        BookingRequest.model_validate(a_booking_request(custody={"release_at": release_at}))
