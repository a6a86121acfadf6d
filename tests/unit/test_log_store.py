"""A stored log: the same tests over SQLite and PostgreSQL."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from services.audit.database import Database, SqliteDatabase
from services.audit.log import (
    LOG_FILE,
    Append,
    EventKey,
    Log,
    Mark,
    Position,
    Published,
    StoredLog,
    event_key,
    open_database,
)
from services.audit.postgres import PostgresDatabase
from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.notes import Algorithm, Signer
from services.audit.tlog.tiles import LARGEST_ENTRY, tiles_of
from services.chassis.errors import InfrastructureError, InteropError
from tests.conftest import OpenDatabase
from tests.foreign import c2sp

NAME = "sandbox.example/audit"
SIGNER = Signer.from_seed(NAME, Algorithm.ED25519, b"the key of the state's audit log")
ORACLE = c2sp.Signer(NAME, c2sp.LOG, b"the key of the state's audit log")
SPRING = datetime(2015, 3, 1, 9, 30, tzinfo=UTC)
BOOKINGS = "booking.recorded.v1"

OpenLog = Callable[..., Log]


def share(number: int) -> bytes:
    """What the log says about one share of a print; some say more than others."""
    return b'{"kind":"share","number":%d,"to":"ice"%s}' % (number, b" " * (number % 40))


def shares(first: int, end: int) -> list[bytes]:
    return [share(number) for number in range(first, end)]


def uuid(number: int) -> str:
    return f"0a1b2c3d-0000-5000-8000-{number:012x}"


def key_of(number: int) -> EventKey:
    return event_key("boston-2008", SPRING, uuid(number))


def event(number: int, *entries: bytes, stream: str = BOOKINGS) -> Append:
    """What the log takes of one event; by default one entry."""
    return Append(key_of(number), Position(stream, 1_425_200_000_000 + number, 0), entries or (share(number),))


def events(first: int, end: int) -> list[Append]:
    return [event(number) for number in range(first, end)]


def filled(log: Log, entries: int) -> Log:
    """With so many entries, one for each event."""
    log.append(events(log.size, entries))
    return log


def published(log: StoredLog, **covered: str) -> Published:
    head, note = log.head()
    return Published(head.size, note, covered or {BOOKINGS: "1425200000000-0"}, 1_425_200_123.5)


def code(caught: pytest.ExceptionInfo[InteropError]) -> str:
    return caught.value.code


@pytest.fixture
def open_log(open_log_database: OpenDatabase) -> OpenLog:
    """Opens the test's log as its writer."""

    def open_it(signer: Signer = SIGNER, profile: str = "open") -> Log:
        return Log(open_log_database(), signer, profile)

    return open_it


@pytest.fixture
def log(open_log: OpenLog) -> Log:
    return open_log()


# What is appended is there


def test_a_new_log_is_empty_and_says_so_under_its_signature(log: Log) -> None:
    head, note = log.head()

    assert (head, log.size) == (Checkpoint(NAME, 0, c2sp.root([])), 0)
    assert note.decode() == c2sp.checkpoint([ORACLE], 0, c2sp.root([]), 0)


def test_entries_are_read_as_they_were_appended(log: Log) -> None:
    log.append([event(1, b"", bytes(range(256))), event(2, "Pérez".encode(), b"x" * LARGEST_ENTRY)])

    assert log.entries(0, 9) == [b"", bytes(range(256)), "Pérez".encode(), b"x" * LARGEST_ENTRY]
    assert log.entries(1, 2) == [bytes(range(256)), "Pérez".encode()]


def test_the_head_is_signed_by_the_log_over_the_root_of_all_entries(log: Log) -> None:
    filled(log, 300)

    leaves = [c2sp.leaf(entry) for entry in shares(0, 300)]
    assert log.head()[1].decode() == c2sp.checkpoint([ORACLE], 300, c2sp.root(leaves), 0)


def test_a_log_that_is_opened_again_goes_on_where_it_was(open_log: OpenLog) -> None:
    first = filled(open_log(), 257)
    first.close()

    again = filled(open_log(), 600)

    assert again.head()[0].root == c2sp.root([c2sp.leaf(entry) for entry in shares(0, 600)])


def test_a_reader_sees_what_was_written_while_the_log_is_being_written(
    log: Log, open_log_database: OpenDatabase
) -> None:
    reader = StoredLog(open_log_database(read_only=True))
    filled(log, 3)

    assert (reader.head()[0].size, reader.entries(0, 3)) == (3, shares(0, 3))


def test_an_entry_that_no_bundle_can_hold_is_refused_and_nothing_is_written(log: Log) -> None:
    with pytest.raises(InteropError) as caught:
        log.append([event(1), event(2, b"x" * (LARGEST_ENTRY + 1))])

    assert (code(caught), log.size, log.head()[0].size) == ("entry-too-large", 0, 0)


def test_nothing_to_append_leaves_the_log_as_it_was(log: Log) -> None:
    filled(log, 3)
    before = log.head()

    log.append([])

    assert log.head() == before


@settings(max_examples=12)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_however_the_entries_come_in_batches_the_tiles_are_the_same(sizes: list[int]) -> None:
    total = sum(sizes)
    with TemporaryDirectory() as folder:
        at_once, in_parts = (Log(SqliteDatabase(Path(folder) / name), SIGNER, "open") for name in ("a", "b"))
        filled(at_once, total)
        for end in (sum(sizes[: count + 1]) for count in range(len(sizes))):
            filled(in_parts, end)

        assert in_parts.head() == at_once.head()
        assert all_files(in_parts, published(in_parts)) == all_files(at_once, published(at_once))
        at_once.close()
        in_parts.close()


# Marks


def test_the_mark_of_an_event_says_which_entries_it_made_and_where_it_stood(log: Log) -> None:
    log.append([event(1, b"to the FBI", b"to ICE"), event(2)])

    assert log.mark_of(key_of(1)) == Mark(uuid(1), Position(BOOKINGS, 1_425_200_000_001, 0), first=0, count=2)
    assert log.mark_of(key_of(2)) == Mark(uuid(2), Position(BOOKINGS, 1_425_200_000_002, 0), first=2, count=1)


def test_an_event_without_disclosures_leaves_a_mark_and_no_entry(log: Log) -> None:
    log.append([Append(key_of(7), Position("day.ended.v1", 5, 1), ())])

    assert log.mark_of(key_of(7)) == Mark(uuid(7), Position("day.ended.v1", 5, 1), first=0, count=0)


def test_an_event_that_was_never_appended_has_no_mark(log: Log) -> None:
    assert log.mark_of(key_of(1)) is None


def test_marks_come_in_the_order_of_their_entries(log: Log) -> None:
    for number in (9, 4, 6):
        log.append([event(number)])

    assert [mark.event_id for mark in log.marks()] == [uuid(9), uuid(4), uuid(6)]


def test_marks_can_be_read_while_the_log_grows(log: Log) -> None:
    filled(log, 20)
    marks = log.marks()
    first = next(marks)

    filled(log, 40)

    assert [first, *marks][:20] == [log.mark_of(key_of(number)) for number in range(20)]


@pytest.mark.parametrize(
    "event_id",
    [
        uuid(3),
        uuid(3).upper(),
        uuid(3).replace("-", ""),
        "fifteen letters",
        "run-1/2015-03-01/4",
        "",
        "00000000-0000-0000-0000-000000000000",
        "مكتب السجون",
    ],
)
def test_the_id_of_an_event_comes_back_as_it_was(log: Log, event_id: str) -> None:
    key = event_key("boston-2008", SPRING, event_id)
    log.append([Append(key, Position(BOOKINGS, 1, 0), (b"one",))])

    mark = log.mark_of(key)
    assert mark is not None
    assert mark.event_id == event_id


def test_the_position_of_an_event_is_the_entry_of_its_stream() -> None:
    assert Position.of(BOOKINGS, "1425200000000-17").entry_id == "1425200000000-17"


def test_two_events_of_one_id_in_other_runs_have_marks_of_their_own() -> None:
    assert event_key("boston-2008", SPRING, uuid(1)) != event_key("boston-2010", SPRING, uuid(1))


def test_an_expunction_is_an_entry_and_is_noted_at_its_own_mark_and_those_of_its_events(log: Log) -> None:
    filled(log, 3)

    log.mark_expunged([key_of(0), key_of(2)], event(99, b'{"kind":"expunged"}', stream="expunctions"))

    assert [mark.expunged for mark in log.marks()] == [True, False, True, True]
    assert (log.size, log.entries(3, 1)) == (4, [b'{"kind":"expunged"}'])


# What was published


def test_the_newest_checkpoint_that_was_published_is_what_the_public_sees(log: Log) -> None:
    first, second = (published(filled(log, size), **{BOOKINGS: f"{size}-0"}) for size in (5, 8))
    log.publish(first)
    log.publish(second)

    assert (log.published(), log.published(5), log.published(6)) == (second, first, None)


def test_nothing_is_public_before_something_was_published(log: Log) -> None:
    assert (log.published(), log.published_after(0)) == (None, [])


def test_who_has_read_to_a_size_is_given_what_came_after(log: Log) -> None:
    all_of_them = [published(filled(log, size)) for size in (5, 8, 13)]
    for one in reversed(all_of_them):
        log.publish(one)

    assert log.published_after(5) == all_of_them[1:]


def test_what_was_published_of_a_size_first_stays(log: Log) -> None:
    log.publish(published(filled(log, 5), first="1-0"))
    log.publish(published(log, second="2-0"))

    kept = log.published(5)
    assert kept is not None
    assert kept.covered == {"first": "1-0"}


def test_a_published_checkpoint_says_what_its_note_says(log: Log) -> None:
    assert published(filled(log, 5)).checkpoint == log.head()[0]


def test_a_cursor_begins_at_nothing_and_moves(log: Log) -> None:
    before = log.cursor("newspaper")
    log.move_cursor("newspaper", 5)
    log.move_cursor("newspaper", 8)

    assert (before, log.cursor("newspaper"), log.cursor("law clinic")) == (0, 8, 0)


def test_what_the_log_says_of_itself_is_said_once(log: Log) -> None:
    log.note("begun", "2015-03-01")
    log.note("begun", "2016-01-01")

    assert log.about() == {"key": SIGNER.verifier.vkey, "profile": "open", "begun": "2015-03-01"}


# The files of the log


def all_files(log: StoredLog, at: Published) -> dict[str, bytes | None]:
    return {tile.path: log.read_file(tile.path, at) for tile in tiles_of(at.size)}


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_its_files_are_those_of_the_specification_at_every_size_also_after_it_has_grown(
    log: Log, tmp_path: Path
) -> None:
    sizes = (1, 255, 256, 257, 600)
    for size in sizes:
        log.publish(published(filled(log, size)))
    filled(log, 700)

    for at in log.published_after(0):
        c2sp.write_tiles(tmp_path / str(at.size), shares(0, at.size))
        assert all_files(log, at) == files_below(tmp_path / str(at.size))


def test_a_log_of_three_levels_has_the_files_of_the_specification(log: Log, tmp_path: Path) -> None:
    for size in (30_000, 65_535, 65_537, 66_000):
        log.append([event(size, *shares(log.size, size))])

    c2sp.write_tiles(tmp_path / "files", shares(0, 66_000))
    assert all_files(log, published(log)) == files_below(tmp_path / "files")


def test_the_file_called_checkpoint_is_the_note_with_its_cosignatures(log: Log) -> None:
    at = Published(0, b"signed by many", {}, 0.0)

    assert log.read_file("checkpoint", at) == b"signed by many"


def test_a_narrower_part_of_what_has_grown_is_still_served(log: Log) -> None:
    at = published(filled(log, 300))

    assert log.read_file("tile/0/000.p/5", at) == b"".join(c2sp.leaf(entry) for entry in shares(0, 5))


@pytest.mark.parametrize(
    "path", ["tile/0/001.p/45", "tile/0/002", "tile/entries/001", "tile/2/000", "tile/0/1", "checkpoint.older", ""]
)
def test_what_the_published_tree_does_not_have_is_not_there(log: Log, path: str) -> None:
    at = published(filled(log, 300))
    filled(log, 512)

    assert log.read_file(path, at) is None


# One writer

SECOND_WRITER = """
import sys
from pathlib import Path
from services.audit.log import Append, Log, Position, event_key, open_database
from services.audit.tlog.notes import Algorithm, Signer
signer = Signer.from_seed(sys.argv[3], Algorithm.ED25519, sys.argv[4].encode())
log = Log(open_database(sys.argv[1] or None, Path(sys.argv[2])), signer, "open")
print("opened", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(database_url: str | None, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that opens the test's log and holds it until its input ends."""
    arguments = [database_url or "", str(tmp_path), NAME, "the key of the state's audit log"]
    process = subprocess.Popen(
        [sys.executable, "-c", SECOND_WRITER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_writer_is_refused(log: Log, open_log: OpenLog) -> None:
    with pytest.raises(InteropError) as caught:
        open_log()

    assert code(caught) == "log-in-use"


def test_a_second_writer_is_refused_while_another_process_writes(
    other_process: subprocess.Popen[str], open_log: OpenLog
) -> None:
    assert said(other_process) == "opened"

    with pytest.raises(InteropError) as caught:
        open_log()

    assert code(caught) == "log-in-use"


def test_a_second_writer_in_another_process_is_refused(log: Log, other_process: subprocess.Popen[str]) -> None:
    _, errors = other_process.communicate(timeout=60)

    assert errors.splitlines()[-1].startswith("services.chassis.errors.InteropError: log-in-use: another process")


def test_the_next_writer_may_write_when_the_first_has_ended(open_log: OpenLog) -> None:
    filled(open_log(), 3).close()

    assert filled(open_log(), 5).size == 5


def test_the_next_writer_may_write_when_the_first_was_killed(
    other_process: subprocess.Popen[str], open_log: OpenLog
) -> None:
    assert said(other_process) == "opened"
    os.kill(other_process.pid, signal.SIGKILL)
    other_process.wait()

    assert filled(eventually(open_log), 5).size == 5


def eventually(open_log: OpenLog) -> Log:
    """PostgreSQL notices a moment later that its client is gone."""
    for _ in range(200):
        try:
            return open_log()
        except InteropError as error:
            assert error.code == "log-in-use"  # noqa: PT017 - the same error is waited for, and no other
            signal.sigtimedwait([], 0.05)
    raise AssertionError("the lock of a killed writer is still held")


# A transaction that fails


def fail(database: Database, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Has the database fail at statements that begin so."""
    run = database.run

    def failing(sql: str, values: Sequence[Any] = ()) -> list[Any]:
        if sql.startswith(at):
            raise InfrastructureError("the disk is full")
        return run(sql, values)

    monkeypatch.setattr(database, "run", failing)


@pytest.mark.parametrize("at", ["UPDATE log_head", "INSERT INTO log_stream", "COMMIT"])
def test_what_fails_in_the_middle_leaves_nothing_and_is_appended_the_next_time(
    log: Log, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    filled(log, 300)
    before = log.head()
    another = event(301, stream="custody.changed.v1")
    fail(log.database, monkeypatch, at)

    with pytest.raises(InfrastructureError):
        log.append([event(300), another])
    monkeypatch.undo()

    assert (log.size, log.head(), log.entries(300, 9), log.mark_of(another.key)) == (300, before, [], None)
    log.append([event(300), another])
    assert [mark.position.stream for mark in log.marks()][-2:] == [BOOKINGS, "custody.changed.v1"]
    assert log.head()[0].root == c2sp.root([c2sp.leaf(entry) for entry in shares(0, 302)])


def test_an_expunction_that_fails_in_the_middle_leaves_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(log, 3)
    fail(log.database, monkeypatch, "UPDATE log_head")

    with pytest.raises(InfrastructureError):
        log.mark_expunged([key_of(1)], event(99))

    assert ([mark.expunged for mark in log.marks()], log.size) == ([False, False, False], 3)


def test_a_head_that_somebody_else_has_written_ends_the_append(log: Log) -> None:
    filled(log, 3)
    log.database.run("UPDATE log_head SET size = 4")

    with pytest.raises(InteropError) as caught:
        log.append([event(9)])

    assert (code(caught), log.entries(3, 9)) == ("log-altered", [])


# A log that does not fit together is not opened


def head_of(size: int, signer: Signer = SIGNER) -> bytes:
    text = Checkpoint(NAME, size, c2sp.root([c2sp.leaf(entry) for entry in shares(0, size)])).text
    return f"{text}\n{signer.sign(text)}".encode()


def newest_entries_deleted(database: Database) -> None:
    database.run("DELETE FROM log_entry WHERE number >= 690")


def all_entries_deleted(database: Database) -> None:
    database.run("DELETE FROM log_entry")


def an_entry_of_the_last_bundle_altered(database: Database) -> None:
    database.run("UPDATE log_entry SET body = ? WHERE number = 650", (share(999),))


def a_hash_altered(database: Database) -> None:
    database.run("UPDATE log_entry SET hash = ? WHERE number = 650", (c2sp.leaf(share(999)),))


def a_hash_cut_short(database: Database) -> None:
    database.run("UPDATE log_entry SET hash = ? WHERE number = 699", (b"short",))


def an_entry_and_its_hash_altered(database: Database) -> None:
    an_entry_of_the_last_bundle_altered(database)
    a_hash_altered(database)


def a_tile_of_level_1_altered(database: Database) -> None:
    database.run("UPDATE log_tile SET hashes = ?", (bytes(64),))


def a_tile_of_level_1_cut_short(database: Database) -> None:
    database.run("UPDATE log_tile SET hashes = ?", (bytes(32),))


def a_tile_of_level_1_deleted(database: Database) -> None:
    database.run("DELETE FROM log_tile")


def the_head_rolled_back(database: Database) -> None:
    database.run("UPDATE log_head SET size = 600, note = ?", (head_of(600),))


def head_and_entries_rolled_back_behind_what_was_published(database: Database) -> None:
    the_head_rolled_back(database)
    database.run("DELETE FROM log_entry WHERE number >= 600")


def the_head_signed_with_another_key(database: Database) -> None:
    other = Signer.from_seed(NAME, Algorithm.ED25519, bytes(32))
    database.run("UPDATE log_head SET note = ?", (head_of(700, other),))


def the_head_signed_by_nobody(database: Database) -> None:
    database.run("UPDATE log_head SET note = ?", (head_of(700).replace(b"700", b"701"),))


def the_head_made_unreadable(database: Database) -> None:
    database.run("UPDATE log_head SET note = ?", (b"\xff",))


def the_size_beside_the_head_altered(database: Database) -> None:
    database.run("UPDATE log_head SET size = 701")


def the_head_deleted(database: Database) -> None:
    database.run("DELETE FROM log_head")


def what_the_log_says_of_itself_deleted(database: Database) -> None:
    database.run("DELETE FROM log_about")


def everything_but_the_entries_deleted(database: Database) -> None:
    for table in ("log_head", "log_about", "log_tile", "log_mark", "log_published"):
        database.run(f"DELETE FROM {table}")


CHANGES = (
    newest_entries_deleted,
    all_entries_deleted,
    an_entry_of_the_last_bundle_altered,
    a_hash_altered,
    a_hash_cut_short,
    an_entry_and_its_hash_altered,
    a_tile_of_level_1_altered,
    a_tile_of_level_1_cut_short,
    a_tile_of_level_1_deleted,
    the_head_rolled_back,
    head_and_entries_rolled_back_behind_what_was_published,
    the_head_signed_with_another_key,
    the_head_signed_by_nobody,
    the_head_made_unreadable,
    the_size_beside_the_head_altered,
    the_head_deleted,
    what_the_log_says_of_itself_deleted,
    everything_but_the_entries_deleted,
)


@pytest.mark.parametrize("tamper", CHANGES, ids=lambda tamper: tamper.__name__)
def test_a_log_is_not_opened_with(
    open_log: OpenLog, open_log_database: OpenDatabase, tamper: Callable[[Database], None]
) -> None:
    log = filled(open_log(), 700)
    log.publish(published(log))
    log.close()
    intruder = open_log_database()
    tamper(intruder)
    intruder.close()

    with pytest.raises(InteropError) as caught:
        open_log()

    assert code(caught) == "log-altered"


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 65_536])
def test_a_log_of_any_size_is_opened_again(open_log: OpenLog, size: int) -> None:
    log = open_log()
    log.append([Append(key_of(1), Position(BOOKINGS, 1, 0), tuple(shares(0, size)))])
    log.close()

    assert open_log().size == size


def test_a_log_is_not_opened_with_another_key(open_log: OpenLog) -> None:
    filled(open_log(), 3).close()

    with pytest.raises(InteropError) as caught:
        open_log(Signer.from_seed(NAME, Algorithm.ED25519, bytes(32)))

    assert code(caught) == "log-key-changed"


def test_a_log_is_not_opened_under_another_name(open_log: OpenLog) -> None:
    filled(open_log(), 3).close()

    with pytest.raises(InteropError) as caught:
        open_log(Signer.from_seed("elsewhere.example/audit", Algorithm.ED25519, SIGNER.seed))

    assert code(caught) == "log-key-changed"


def test_a_log_keeps_the_profile_that_it_was_begun_with(open_log: OpenLog) -> None:
    filled(open_log(), 3).close()

    with pytest.raises(InteropError) as caught:
        open_log(profile="official")

    assert code(caught) == "log-profile-changed"


# A database that cannot be used is to blame itself


def test_a_broken_connection_is_an_outage(log: Log) -> None:
    log.database.close()

    with pytest.raises(InfrastructureError):
        log.append([event(1)])


def test_there_is_no_log_to_read_before_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(InteropError) as caught:
        open_database(None, tmp_path, read_only=True)

    assert code(caught) == "no-log"


def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / LOG_FILE).write_bytes(b"a letter to the sheriff, not a database" * 100)

    with pytest.raises(InfrastructureError):
        open_database(None, tmp_path)


def test_a_folder_that_cannot_be_made_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")

    with pytest.raises(InfrastructureError):
        open_database(None, tmp_path / "state")


def test_a_lock_that_cannot_be_made_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / f"{LOG_FILE}.writer").mkdir()
    database = open_database(None, tmp_path)

    with pytest.raises(InfrastructureError):
        database.become_writer()

    database.close()


def test_a_log_that_may_only_be_read_is_not_written(open_log: OpenLog, open_log_database: OpenDatabase) -> None:
    filled(open_log(), 3).close()
    database = open_log_database(read_only=True)
    if isinstance(database, PostgresDatabase):
        database.run("SET default_transaction_read_only = on")

    with pytest.raises(InfrastructureError):
        Log(database, SIGNER, "open").append([event(9)])


def test_a_server_that_does_not_answer_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError):
        PostgresDatabase(f"postgresql://log@/log?host={tmp_path}")
