"""The ledger logs every disclosure once, refuses a second story under the same id, and survives whatever breaks off."""

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from services.audit.disclosure import check, told
from services.audit.domain import Row, rows_of
from services.audit.ledger import Ledger
from services.audit.settings import AuditSettings
from services.audit.tlog.policy import Policy
from services.audit.tlog.verify import verify_log
from services.audit.vault import VAULT_FILE
from services.chassis.delivery.stages import Arrival
from services.chassis.envelope import Consumed
from services.chassis.errors import InfrastructureError, InteropError
from tests.unit.builders import BOOKED_AT, HERON_41, an_event, boston, disclosed
from tests.unit.ledgers import (
    NOTICE,
    SUBMISSION,
    Arrivals,
    AuditEvent,
    arriving,
    head_of,
    logged,
    notice,
    open_ledger,
    public_files,
    rows,
    submission,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


def kept(ledger: Ledger) -> list[Row]:
    """What can be opened; there must be exactly one entry of the log for each."""
    found = list(ledger.rows())
    assert len(found) == len(set(found)) == ledger.log.size
    return found


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
        tcn=HERON_41.tcn,
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


def test_the_time_of_a_disclosure_is_one_moment_in_whatever_zone_the_event_was_written() -> None:
    in_boston = an_event(Consumed(disclosures=NOTICE), boston("2010-02-10 09:00"))
    assert {row.time for row in rows_of(in_boston)} == {"2010-02-10T14:00:00+00:00"}


# Exactly once


def test_what_is_kept_can_be_read(ledger: Ledger) -> None:
    ledger.keep(arriving(submission(), notice()))

    assert set(kept(ledger)) == rows(submission(), notice())


def test_a_ledger_survives_being_closed_and_opened_again(tmp_path: Path) -> None:
    for event in (submission(), notice(), submission()):
        ledger = open_ledger(tmp_path)
        ledger.keep(arriving(event))
        found = set(kept(ledger))
        ledger.close()

    assert found == rows(submission(), notice())


def test_an_event_that_is_delivered_again_changes_nothing(ledger: Ledger) -> None:
    for at in range(3):
        ledger.keep(arriving(submission(), at=at))

    assert len(kept(ledger)) == 2


def test_an_event_that_is_delivered_twice_in_one_batch_is_kept_once(ledger: Ledger) -> None:
    ledger.keep(arriving(submission(), notice(), submission()))

    assert set(kept(ledger)) == rows(submission(), notice())


EVENTS = [submission(f"B-{number}") for number in range(4)] + [notice(f"B-{number}") for number in range(4)]
deliveries = st.lists(st.lists(st.sampled_from(EVENTS), max_size=6), max_size=6)


@settings(max_examples=12)
@given(batches=deliveries)
def test_each_disclosure_stands_once_however_its_events_were_batched_and_repeated(
    batches: list[list[AuditEvent]],
) -> None:
    with TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder))
        for batch in batches:
            ledger.keep(arriving(*batch))
        found = set(kept(ledger))
        ledger.close()

    assert found == rows(*(event for batch in batches for event in batch))


def test_threads_that_write_at_the_same_time_lose_and_double_nothing(ledger: Ledger) -> None:
    batches = [[submission(f"B-{n}"), notice(f"B-{n}"), submission(f"B-{n + 1}")] for n in range(40)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda batch: ledger.keep(arriving(*batch)), batches))

    assert set(kept(ledger)) == rows(*(event for batch in batches for event in batch))


def test_batches_that_wait_for_the_disk_together_share_one_commit(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    append = ledger.log.append
    monkeypatch.setattr(ledger.log, "append", lambda appends: (commits.append(len(appends)), append(appends)))

    with ThreadPoolExecutor(4) as threads:
        wait_together(ledger, threads, [arriving(notice(f"B-{number}")) for number in range(4)])

    assert commits == [4]


def wait_together(
    ledger: Ledger, threads: ThreadPoolExecutor, batches: Sequence[Arrivals]
) -> list[BaseException | None]:
    """Has batches kept at the same time, and tells what each caller was told."""
    with ledger.writing:
        calls = [threads.submit(ledger.keep, batch) for batch in batches]
        while len(ledger._queue) < len(calls):
            sleep(0.001)
    return [call.exception() for call in calls]


def test_a_second_process_may_not_write_beside_the_first(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="log-in-use"):
        AuditSettings(state_dir=tmp_path).open_log()


# Conflicts

ANOTHER_STORY = [
    pytest.param([disclosed("LEA", "SIB"), disclosed("SIB", "ICE")], id="another recipient"),
    pytest.param([*SUBMISSION[:1], disclosed("SIB", "FBI", "biographic")], id="other categories"),
    pytest.param(SUBMISSION[:1], id="a hop fewer"),
    pytest.param([*SUBMISSION, disclosed("FBI", "DHS")], id="a hop more"),
    pytest.param((), id="no hop at all"),
]


@pytest.mark.parametrize("hops", ANOTHER_STORY)
def test_the_same_id_with_other_disclosures_is_refused_and_leaves_no_entry(ledger: Ledger, hops: Sequence[Any]) -> None:
    ledger.keep(arriving(submission()))

    with pytest.raises(InteropError, match=f"event {submission().id} is in the log with other") as caught:
        ledger.keep(arriving(submission(hops=hops), at=2))

    assert caught.value.code == "conflicting-event"
    assert set(kept(ledger)) == rows(submission())


@pytest.mark.parametrize("hops", ANOTHER_STORY)
def test_of_two_stories_in_one_batch_the_first_is_kept(ledger: Ledger, hops: Sequence[Any]) -> None:
    with pytest.raises(InteropError, match="conflicting-event"):
        ledger.keep(arriving(submission(), submission(hops=hops)))

    assert set(kept(ledger)) == rows(submission())


def test_the_same_id_about_somebody_else_is_refused(ledger: Ledger) -> None:
    ledger.keep(arriving(submission(), notice("B-42")))
    about_another = submission().model_copy(update={"subject": "ZZ0010000/B-42"})

    with pytest.raises(InteropError, match="conflicting-event"):
        ledger.keep(arriving(about_another, at=2))

    assert set(kept(ledger)) == rows(submission(), notice("B-42"))


def test_a_refusal_is_told_to_its_own_batch_only(ledger: Ledger) -> None:
    ledger.keep(arriving(submission()))
    batches = [[submission(hops=NOTICE)], [notice("B-42")], [notice("B-43")]]

    with ThreadPoolExecutor(3) as threads:
        answers = wait_together(ledger, threads, [arriving(*batch, at=2) for batch in batches])

    assert [type(error) for error in answers] == [InteropError, type(None), type(None)]
    assert set(kept(ledger)) == rows(submission(), notice("B-42"), notice("B-43"))


def test_an_entry_too_large_for_the_log_is_refused_alone(ledger: Ledger) -> None:
    novel = submission("B-42", hops=[disclosed("LEA", "FBI", "biometric" * 8_000)])

    with ThreadPoolExecutor(2) as threads:
        refused, beside = wait_together(ledger, threads, [arriving(novel), arriving(submission())])

    assert isinstance(refused, InteropError)
    assert refused.code == "entry-too-large"
    assert beside is None


# Outages


def test_a_database_that_cannot_be_written_just_now_blames_no_event(ledger: Ledger, tmp_path: Path) -> None:
    ledger.vault.database.run("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / VAULT_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(InfrastructureError, match="database is locked"):
        ledger.keep(arriving(submission()))

    other.execute("COMMIT")
    other.close()
    ledger.keep(arriving(submission()))
    assert set(kept(ledger)) == rows(submission())


def test_a_log_that_somebody_else_has_written_to_blames_no_event(ledger: Ledger) -> None:
    ledger.log.database.run("UPDATE log_head SET size = 41")

    with pytest.raises(InfrastructureError, match="somebody else has written to it"):
        ledger.keep(arriving(submission()))


def test_nobody_is_told_that_rows_are_kept_when_the_write_they_shared_has_failed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise InfrastructureError("the disk is full")

    monkeypatch.setattr(ledger.log, "append", full)
    with ThreadPoolExecutor(2) as threads:
        answers = wait_together(ledger, threads, [arriving(notice(f"B-{number}")) for number in range(2)])

    assert [type(error) for error in answers] == [InfrastructureError, InfrastructureError]
    assert ledger.log.size == 0


# Killed between two commits


def killed_before_the_log_commits(folder: Path, event: AuditEvent) -> None:
    """A ledger that dies when the vault has the records, and the log no entry."""
    ledger = open_ledger(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger.log, "append", lambda _: 1 // 0)
        assert isinstance(kept_or_not(ledger, event), ZeroDivisionError)
    ledger.close()


def kept_or_not(ledger: Ledger, event: AuditEvent) -> Exception | None:
    try:
        ledger.keep(arriving(event))
    except Exception as error:
        return error
    return None


COMES_AGAIN = [
    pytest.param(SUBMISSION, id="the same"),
    *ANOTHER_STORY[:-1],
]


@pytest.mark.parametrize("hops", COMES_AGAIN)
def test_what_was_sealed_and_not_logged_is_made_anew_when_its_event_comes_again(
    tmp_path: Path, hops: Sequence[Any]
) -> None:
    killed_before_the_log_commits(tmp_path, submission())

    ledger = open_ledger(tmp_path)
    ledger.keep(arriving(submission(hops=hops)))
    found = kept(ledger)
    checked = [checks_out(ledger, each.index) for each in ledger.disclosures(HERON_41.subject)]
    ledger.close()

    assert set(found) == rows(submission(hops=hops))
    assert checked == [True] * len(hops)


def checks_out(ledger: Ledger, index: int) -> bool:
    """Whether a disclosure is the one that its entry commits to, and the entry stands in the log."""
    (disclosed_,) = [each for each in ledger.disclosures(HERON_41.subject) if each.index == index]
    disclosure = told(ledger, disclosed_, head_of(ledger))
    check(disclosure, disclosure["proof"].encode(), Policy(ledger.log.signer.verifier))
    return True


def test_what_was_logged_and_not_acknowledged_changes_nothing_when_it_comes_again(tmp_path: Path) -> None:
    before = open_ledger(tmp_path)
    before.keep(arriving(submission(), notice()))
    head = before.log.head()
    before.close()

    after = open_ledger(tmp_path)
    after.keep(arriving(submission(), notice()))
    unchanged = after.log.head() == head
    after.close()

    assert unchanged


# Reading


def test_the_disclosures_about_one_booking_are_those_about_it_in_the_order_of_time(ledger: Ledger) -> None:
    ledger.keep(arriving(notice("B-41"), submission("B-42"), submission("B-41")))

    found = [each.row for each in ledger.disclosures("ZZ0010000/B-41")]

    assert found == [*rows_of(submission("B-41")), *rows_of(notice("B-41"))]


def test_a_disclosure_is_found_with_its_own_entry(ledger: Ledger) -> None:
    ledger.keep(arriving(submission("B-42"), notice("B-41"), submission("B-41")))

    assert [checks_out(ledger, each.index) for each in ledger.disclosures(HERON_41.subject)] == [True] * 3


def test_the_disclosures_about_one_booking_can_be_those_of_one_run(ledger: Ledger) -> None:
    ledger.keep(arriving(submission(), submission(run="heron-run-8")))

    def runs(runid: str | None) -> set[str]:
        return {each.row.runid for each in ledger.disclosures(HERON_41.subject, runid)}

    assert (runs(None), runs("heron-run-8")) == ({"heron-run-7", "heron-run-8"}, {"heron-run-8"})


def test_nothing_is_found_about_who_was_never_booked(ledger: Ledger) -> None:
    assert ledger.disclosures("ZZ0010000/B-404") == []


def test_the_hops_of_one_event_stay_together_when_two_events_have_one_time(ledger: Ledger) -> None:
    twin = an_event(Consumed(disclosures=SUBMISSION), BOOKED_AT, ordinal=1)
    ledger.keep(arriving(submission(), twin))

    found = [each.row.name for each in ledger.disclosures(HERON_41.subject)]

    assert [hop for _, hop in found] == [0, 1, 0, 1]
    assert len({event for event, _ in found[:2]}) == 1


def test_an_entry_that_no_published_checkpoint_covers_cannot_be_proved(ledger: Ledger) -> None:
    ledger.keep(arriving(submission()))
    published = head_of(ledger)
    ledger.keep(arriving(notice(), at=2))

    with pytest.raises(InteropError, match="covers entries 0 to 1, not 2"):
        ledger.prove(2, published)


@pytest.mark.parametrize("file", ["log", "vault"])
def test_a_ledger_that_is_not_there_is_missed_in_one_sentence(tmp_path: Path, file: str) -> None:
    settings = AuditSettings(state_dir=tmp_path)

    with pytest.raises(InteropError, match=f"there is no {file} in .*; run 'interop run SCENARIO' first") as caught:
        settings.read_log() if file == "log" else settings.read_vault()

    assert caught.value.code == "no-log"


def test_a_ledger_is_found_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "run #7, 50% done?"
    ledger = open_ledger(folder)
    ledger.keep(arriving(submission()))
    settings = AuditSettings(state_dir=folder)
    log, vault = settings.read_log(), settings.read_vault()

    assert (log.head()[0].size, len(vault.rows_about(HERON_41.subject))) == (2, 2)

    for opened in (log, vault, ledger):
        opened.close()


def test_the_log_of_a_ledger_verifies(ledger: Ledger) -> None:
    ledger.keep([Arrival(f"1-{n}", notice(f"B-{n}")) for n in range(300)])
    files = public_files(ledger)

    assert verify_log(files.get, Policy(ledger.log.signer.verifier)).checkpoint.size == len(logged(ledger)) == 300
