"""The ledger keeps every disclosure once, refuses a second story under the same id, and finds what is wrong with it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from services.audit.domain import Row, reconcile, rows_of
from services.audit.ledger import Ledger, read_rows
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError, InteropError
from tests.unit.builders import BOOKED_AT, HERON_41, an_event, boston, case_id, disclosed, unhurried

SUBMISSION = (disclosed("LEA", "SIB", "biometric", "charge"), disclosed("SIB", "FBI", "biometric", "charge"))
NOTICE = (disclosed("LEA", "ICE", "release_date"),)

AuditEvent = Event[Consumed]


def submission(oca: str = "B-41", hops: Sequence[Any] = SUBMISSION, **about: Any) -> AuditEvent:
    return an_event(Consumed(disclosures=tuple(hops)), BOOKED_AT, case_id(oca, **about))


def notice(oca: str = "B-41", number: int = 1) -> AuditEvent:
    return an_event(Consumed(disclosures=NOTICE), BOOKED_AT + timedelta(hours=number), case_id(oca), ordinal=number)


def rows(*events: AuditEvent) -> set[Row]:
    return {row for event in events for row in rows_of(event)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "interop" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(path)
    yield ledger
    ledger.close()


# A row


def test_a_row_says_who_told_whom_what_on_what_basis_for_what_when_and_by_which_event() -> None:
    event = notice()

    (row,) = rows_of(event)

    assert row == Row(
        event_id=event.id,
        hop=0,
        sender="LEA",
        recipient="ICE",
        categories="release_date",
        basis="8 CFR 287.7",
        purpose="a test",
        time="2010-02-10T15:00:00+00:00",
        runid="heron-run-7",
        subject="ZZ0010000/B-41",
        event_type="Consumed.v1",
    )


def test_an_event_has_one_row_for_each_hop_in_their_order() -> None:
    assert [(row.hop, row.sender, row.recipient) for row in rows_of(submission())] == [
        (0, "LEA", "SIB"),
        (1, "SIB", "FBI"),
    ]


def test_an_event_that_discloses_nothing_has_no_row() -> None:
    assert list(rows_of(submission(hops=()))) == []


def test_the_order_in_which_categories_are_listed_does_not_matter() -> None:
    one, other = (disclosed("LEA", "ICE", *order) for order in (("claim", "custody"), ("custody", "claim")))

    assert rows(submission(hops=[one])) == rows(submission(hops=[other]))


# Keeping


def test_what_is_kept_can_be_read(ledger: Ledger, path: Path) -> None:
    ledger.keep([submission(), notice()])

    assert set(read_rows(path)) == rows(submission(), notice())


def test_a_ledger_survives_being_closed_and_opened_again(path: Path) -> None:
    for event in (submission(), notice(), submission()):
        ledger = Ledger(path)
        ledger.keep([event])
        ledger.close()

    assert sorted(read_rows(path), key=lambda row: row.name) == sorted(
        rows(submission(), notice()), key=lambda row: row.name
    )


def test_an_event_that_is_delivered_again_changes_nothing(ledger: Ledger, path: Path) -> None:
    for _ in range(3):
        ledger.keep([submission()])

    assert len(list(read_rows(path))) == 2


def test_an_event_that_is_delivered_twice_in_one_batch_is_kept_once(ledger: Ledger, path: Path) -> None:
    ledger.keep([submission(), notice(), submission()])

    assert set(read_rows(path)) == rows(submission(), notice())


EVENTS = [submission(f"B-{number}") for number in range(4)] + [notice(f"B-{number}") for number in range(4)]
deliveries = st.lists(st.lists(st.sampled_from(EVENTS), unique_by=lambda event: event.id, max_size=6), max_size=8)


@settings(unhurried, max_examples=30)
@given(batches=deliveries)
def test_each_disclosure_stands_once_however_its_events_were_batched_and_repeated(
    batches: list[list[AuditEvent]],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        ledger = Ledger(path)
        for batch in batches:
            ledger.keep(batch)
        ledger.close()

        kept = list(read_rows(path))

    assert len(kept) == len(set(kept))
    assert set(kept) == rows(*(event for batch in batches for event in batch))


def test_threads_that_write_at_the_same_time_lose_and_double_nothing(ledger: Ledger, path: Path) -> None:
    batches = [[submission(f"B-{n}"), notice(f"B-{n}"), submission(f"B-{n + 1}")] for n in range(60)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ledger.keep, batches))

    kept = list(read_rows(path))
    assert len(kept) == len(set(kept))
    assert set(kept) == rows(*(event for batch in batches for event in batch))


def test_two_processes_may_write_beside_each_other(ledger: Ledger, path: Path) -> None:
    other = Ledger(path)
    with ThreadPoolExecutor(2) as threads:
        for n in range(20):
            list(threads.map(Ledger.keep, [ledger, other], [[submission(f"B-{n}")], [notice(f"B-{n}")]]))
    other.close()

    assert len(list(read_rows(path))) == 60


# Conflicts

ANOTHER_STORY = [
    pytest.param([disclosed("LEA", "SIB"), disclosed("SIB", "ICE")], id="another recipient"),
    pytest.param([*SUBMISSION[:1], disclosed("SIB", "FBI", "biographic")], id="other categories"),
    pytest.param(SUBMISSION[:1], id="a hop fewer"),
    pytest.param([*SUBMISSION, disclosed("FBI", "DHS")], id="a hop more"),
    pytest.param((), id="no hop at all"),
]


@pytest.mark.parametrize("hops", ANOTHER_STORY)
def test_the_same_id_with_other_disclosures_is_refused_and_leaves_no_trace(
    ledger: Ledger, path: Path, hops: Sequence[Any]
) -> None:
    ledger.keep([submission()])

    with pytest.raises(InteropError, match=f"event {submission().id} is in the ledger with other") as caught:
        ledger.keep([submission(hops=hops)])

    assert caught.value.code == "conflicting-event"
    assert set(read_rows(path)) == rows(submission())


def test_a_refusal_is_told_to_its_own_batch_only(ledger: Ledger, path: Path) -> None:
    ledger.keep([submission()])
    batches = [[submission(hops=NOTICE)], [notice("B-42")], [notice("B-43")]]

    with ThreadPoolExecutor(3) as threads:
        told = [threads.submit(ledger.keep, batch).exception() for batch in batches]

    assert [type(error) for error in told] == [InteropError, type(None), type(None)]
    assert set(read_rows(path)) == rows(submission(), notice("B-42"), notice("B-43"))


# Outages


def test_a_database_that_cannot_be_written_just_now_blames_no_event(ledger: Ledger, path: Path) -> None:
    ledger._database.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(InfrastructureError, match="the ledger cannot be written: database is locked"):
        ledger.keep([submission()])

    other.execute("COMMIT")
    other.close()
    ledger.keep([submission()])
    assert set(read_rows(path)) == rows(submission())


def test_nobody_is_told_that_rows_are_kept_when_the_write_they_shared_has_failed(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_write", breaks_once(ledger._write))
    with ThreadPoolExecutor(2) as threads:
        with ledger._write_lock:
            calls = [threads.submit(ledger.keep, [notice(f"B-{number}")]) for number in range(2)]
            while len(ledger._queue) < len(calls):
                sleep(0.001)
        told_that_it_is_kept = [call.exception() is None for call in calls]

    assert len(list(read_rows(path))) == sum(told_that_it_is_kept)


def breaks_once(write: Callable[[Iterable[Row]], None]) -> Callable[[Iterable[Row]], None]:
    broken = [sqlite3.DatabaseError("database disk image is malformed")]

    def breaking(rows: Iterable[Row]) -> None:
        if broken:
            raise broken.pop()
        write(rows)

    return breaking


# Queries


def test_the_disclosures_about_one_booking_are_those_about_it(ledger: Ledger) -> None:
    ledger.keep([submission("B-41"), submission("B-42"), notice("B-41")])

    found = ledger.disclosures(subject="ZZ0010000/B-41")

    assert set(found) == rows(submission("B-41"), notice("B-41"))
    assert [row.time for row in found] == sorted(row.time for row in found)


def test_the_disclosures_about_one_booking_can_be_those_of_one_run(ledger: Ledger) -> None:
    ledger.keep([submission(), submission(run="heron-run-8")])

    assert {row.runid for row in ledger.disclosures(subject=HERON_41.subject)} == {"heron-run-7", "heron-run-8"}
    assert {row.runid for row in ledger.disclosures(subject=HERON_41.subject, runid="heron-run-8")} == {"heron-run-8"}


def test_nothing_is_found_about_who_was_never_booked(ledger: Ledger) -> None:
    assert ledger.disclosures(subject="ZZ0010000/B-404") == []


def test_the_hops_of_one_event_stay_together_when_two_events_have_one_time(ledger: Ledger) -> None:
    twin = an_event(Consumed(disclosures=SUBMISSION), BOOKED_AT, ordinal=1)
    ledger.keep([submission(), twin])

    found = [(row.event_id, row.hop) for row in ledger.disclosures(subject=HERON_41.subject)]

    assert [hop for _, hop in found] == [0, 1, 0, 1]
    assert len({event for event, _ in found[:2]}) == 1


def test_the_time_of_a_disclosure_is_one_moment_in_whatever_zone_the_event_was_written() -> None:
    in_boston = an_event(Consumed(disclosures=NOTICE), boston("2010-02-10 09:00"))
    assert {row.time for row in rows_of(in_boston)} == {"2010-02-10T14:00:00+00:00"}


def test_totals_count_each_pair_of_parties_and_what_they_told_each_other_in_a_run(ledger: Ledger) -> None:
    transfer = submission("B-43", hops=[disclosed("LEA", "ICE", "custody")])
    ledger.keep([submission("B-41"), submission("B-42"), notice("B-41"), transfer, submission(run="heron-run-8")])

    assert ledger.totals("heron-run-7") == [
        ("LEA", "ICE", "custody", 1),
        ("LEA", "ICE", "release_date", 1),
        ("LEA", "SIB", "biometric charge", 2),
        ("SIB", "FBI", "biometric charge", 2),
    ]


def test_a_ledger_that_is_not_there_is_missed_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match=r"there is no ledger at .*; run 'interop run SCENARIO' first") as caught:
        list(read_rows(tmp_path / "ledger.sqlite"))

    assert caught.value.code == "no-ledger"


def test_a_ledger_is_found_in_a_folder_of_any_name(tmp_path: Path) -> None:
    path = tmp_path / "run #7, 50% done?" / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.keep([submission()])
    ledger.close()

    assert set(read_rows(path)) == rows(submission())


# Reconciliation


def in_ledger(*kept: Row) -> dict[tuple[str, int], Row]:
    return {row.name: row for row in kept}


FIRST, SECOND = rows_of(submission())


def test_a_ledger_that_holds_what_the_streams_carried_is_reconciled() -> None:
    result = reconcile([FIRST, SECOND], in_ledger(SECOND, FIRST))

    assert result.reconciled
    assert result.disclosures == 2


def test_an_empty_ledger_of_empty_streams_is_reconciled() -> None:
    assert reconcile([], {}).reconciled


def test_an_event_that_stands_twice_in_its_stream_counts_once() -> None:
    result = reconcile([FIRST, SECOND, FIRST, SECOND], in_ledger(FIRST, SECOND))

    assert result.reconciled
    assert result.disclosures == 2


def test_a_row_that_was_removed_from_the_ledger_is_missing() -> None:
    result = reconcile([FIRST, SECOND], in_ledger(FIRST))

    assert (result.missing, result.extra, result.different) == ((SECOND,), (), ())
    assert not result.reconciled


def test_an_event_that_was_removed_from_the_streams_leaves_an_extra_row() -> None:
    result = reconcile([FIRST], in_ledger(FIRST, SECOND))

    assert (result.missing, result.extra, result.different) == ((), (SECOND,), ())
    assert not result.reconciled


def test_a_row_that_was_altered_is_different() -> None:
    altered = replace(SECOND, recipient="DHS")

    result = reconcile([FIRST, SECOND], in_ledger(FIRST, altered))

    assert (result.missing, result.extra, result.different) == ((), (), ((SECOND, altered),))
    assert not result.reconciled


def test_two_stories_under_one_id_in_the_streams_are_different_even_if_the_ledger_holds_one_of_them() -> None:
    other = replace(FIRST, purpose="another purpose")

    result = reconcile([FIRST, other], in_ledger(FIRST))

    assert result.different == ((other, FIRST),)
    assert not result.reconciled


some_rows = st.sets(st.sampled_from(sorted(rows(*EVENTS), key=lambda row: row.name)))


@unhurried
@given(carried=some_rows, kept=some_rows)
def test_what_is_missing_and_what_is_extra_are_the_two_differences(carried: set[Row], kept: set[Row]) -> None:
    result = reconcile(carried, in_ledger(*kept))

    assert set(result.missing) == carried - kept
    assert set(result.extra) == kept - carried
    assert result.reconciled == (carried == kept)
