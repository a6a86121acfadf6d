"""A witness cosigns only what goes on from what it has cosigned before, and remembers it for good."""

import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, strategies as st

from services.audit.tlog.notes import Verifier, parse_vkey
from services.audit.tlog.witnessing import Request, encode_request, parse_request, parse_size
from services.audit.witness.domain import NOTHING_SEEN, Cosign, Head, Refuse, decide, open_checkpoint
from services.audit.witness.memory import Memory, Seen
from services.chassis.errors import InfrastructureError, InteropError
from tests.foreign import c2sp
from tests.unit.builders import fifty_times
from tests.unit.log_faces import AUDIT, COMMON, FORGED, HONEST, IMPOSTOR, STRANGER, Log

NEW_YEAR_2015 = 1_420_070_400
FULL = 2
"""How SQLite numbers `synchronous = FULL`."""

LOGS = {AUDIT.name: parse_vkey(AUDIT.vkey)}

ZEROS = b64encode(bytes(32)).decode()
NOTE = HONEST.note(7).decode()


# The request


@given(
    old=st.integers(0, 2**63 - 1),
    proof=st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
    size=st.integers(0, 40),
)
@fifty_times
def test_a_request_is_read_as_it_was_written(old: int, proof: tuple[bytes, ...], size: int) -> None:
    note = HONEST.note(size)

    assert parse_request(encode_request(old, proof, note)) == Request(old, proof, note)


def test_a_request_is_written_as_the_specification_shows_it() -> None:
    assert encode_request(20852014, [bytes(32)], NOTE.encode()) == f"old 20852014\n{ZEROS}\n\n{NOTE}".encode()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param("", "first line", id="nothing"),
        pytest.param(f"old 07\n\n{NOTE}", "first line", id="a leading zero"),
        pytest.param(f"old -1\n\n{NOTE}", "first line", id="a size below zero"),
        pytest.param(f"old  7\n\n{NOTE}", "first line", id="two spaces"),
        pytest.param(f"old 7 \n\n{NOTE}", "first line", id="a space at the end"),
        pytest.param(f"old 7\r\n\r\n{NOTE}", "first line", id="line ends of Windows"),
        pytest.param(f"Old 7\n\n{NOTE}", "first line", id="a capital letter"),
        pytest.param(f"old 10000000000000000000\n\n{NOTE}", "first line", id="a size beyond 63 bits"),
        pytest.param("old 7\n", "no checkpoint", id="no empty line"),
        pytest.param("old 7\n\n", "no checkpoint", id="nothing after the empty line"),
        pytest.param(f"old 7\n{ZEROS[:-1]}\n\n{NOTE}", "base64", id="base64 without its padding"),
        pytest.param(f"old 7\n{ZEROS[:-2]}B=\n\n{NOTE}", "base64", id="base64 with spare bits set"),
        pytest.param(f"old 7\n {ZEROS}\n\n{NOTE}", "base64", id="a space before a hash"),
        pytest.param(f"old 7\nmüll\n\n{NOTE}", "base64", id="letters beyond ASCII"),
        pytest.param(f"old 7\nAAAA\n\n{NOTE}", "32 bytes", id="a hash of three bytes"),
        pytest.param("old 7\n" + f"{ZEROS}\n" * 64 + f"\n{NOTE}", "at most 63", id="64 hashes"),
    ],
)
def test_a_request_written_in_any_other_way_is_refused(body: str, why: str) -> None:
    with pytest.raises(InteropError, match=why) as caught:
        parse_request(body.encode())

    assert (caught.value.code, caught.value.status) == ("bad-request", 400)


def test_63_hashes_are_not_too_many() -> None:
    assert len(parse_request(f"old 7\n{f'{ZEROS}{chr(10)}' * 63}\n{NOTE}".encode()).proof) == 63


@pytest.mark.parametrize(
    ("body", "size"),
    [(b"0\n", 0), (b"20852014\n", 20852014), (b"7", None), (b"07\n", None), (b"7\n\n", None), (b"\xff\n", None)],
)
def test_the_size_in_a_409_is_a_number_and_a_newline(body: bytes, size: int | None) -> None:
    assert parse_size(body) == size


# Whose checkpoint it is


def refusal(raw: bytes, logs: dict[str, Verifier] | None = None) -> tuple[int, str]:
    with pytest.raises(InteropError) as caught:
        open_checkpoint(raw, LOGS if logs is None else logs)

    return caught.value.status, caught.value.code


def test_a_checkpoint_that_the_log_has_signed_is_opened() -> None:
    assert open_checkpoint(HONEST.note(7), LOGS) == HONEST.checkpoint(7)


def test_signatures_of_keys_that_nobody_knows_are_passed_over() -> None:
    note = c2sp.checkpoint([IMPOSTOR, STRANGER, AUDIT], 7, HONEST.root(7), 0).replace(IMPOSTOR.name, AUDIT.name)

    assert open_checkpoint(note.encode(), LOGS) == HONEST.checkpoint(7)


def test_a_log_that_nobody_named_is_unknown() -> None:
    assert refusal(replace(HONEST, signer=STRANGER).note(7)) == (404, "unknown-log")


def test_a_witness_without_a_log_knows_none() -> None:
    assert refusal(HONEST.note(7), logs={}) == (404, "unknown-log")


def test_the_logs_name_with_another_key_is_not_the_log() -> None:
    assert refusal(replace(HONEST, signer=IMPOSTOR).note(7)) == (403, "not-signed")


def test_a_signature_of_another_checkpoint_does_not_count() -> None:
    _, _, signatures = HONEST.note(7).partition(b"\n\n")
    text, _, _ = HONEST.note(8).partition(b"\n\n")

    assert refusal(text + b"\n\n" + signatures) == (403, "not-signed")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"sandbox.example/audit\n7\n", id="no signatures"),
        pytest.param(HONEST.note(7).replace(b"\n7\n", b"\n07\n"), id="a leading zero"),
        pytest.param(HONEST.note(7)[:-1], id="no newline at the end"),
        pytest.param(c2sp.checkpoint([AUDIT], 2**63, HONEST.root(7), 0).encode(), id="a size beyond 63 bits"),
    ],
)
def test_what_is_no_checkpoint_is_a_bad_request(raw: bytes) -> None:
    assert refusal(raw) == (400, "bad-request")


# What goes on from what


def head(log: Log, size: int) -> Head:
    return Head(size, log.root(size))


def decision(remembered: Head, request: Request) -> Cosign | Refuse:
    return decide(remembered, request, open_checkpoint(request.note, LOGS))


def refused(remembered: Head, request: Request) -> tuple[int, str, int, bool]:
    told = decision(remembered, request)
    assert isinstance(told, Refuse)
    return told.status, told.code, told.size, told.evidence


@pytest.mark.parametrize("size", [0, 1, 7, 40])
def test_the_first_checkpoint_of_a_log_is_cosigned_whatever_its_size(size: int) -> None:
    assert decision(NOTHING_SEEN, HONEST.request(0, size)) == Cosign()


@pytest.mark.parametrize(("old", "size"), [(old, size) for size in (1, 2, 8, 9, 40) for old in range(1, size)])
def test_a_tree_that_begins_with_the_one_before_is_cosigned(old: int, size: int) -> None:
    assert decision(head(HONEST, old), HONEST.request(old, size)) == Cosign()


def test_the_same_checkpoint_is_cosigned_again() -> None:
    assert decision(head(HONEST, 7), HONEST.request(7, 7)) == Cosign()


def test_an_old_size_above_the_checkpoints_own_is_a_bad_request() -> None:
    assert refused(head(HONEST, 9), replace(HONEST.request(0, 7), old=9)) == (400, "bad-request", 9, False)


@pytest.mark.parametrize("old", [0, 6, 8])
def test_another_old_size_than_the_one_remembered_is_a_conflict_and_tells_that_one(old: int) -> None:
    assert refused(head(HONEST, 7), HONEST.request(old, 9)) == (409, "other-size", 7, False)


def test_a_log_that_goes_back_is_a_conflict_and_tells_how_far_it_had_come() -> None:
    assert refused(head(HONEST, 30), HONEST.request(7, 12)) == (409, "other-size", 30, False)


@pytest.mark.parametrize("old", [0, 7, 30])
def test_another_tree_of_the_size_remembered_is_a_fork_whatever_the_old_size(old: int) -> None:
    assert refused(head(HONEST, 30), FORGED.request(old, 30)) == (409, "forked", 30, True)


def test_an_empty_tree_has_only_one_root() -> None:
    lie = c2sp.checkpoint([AUDIT], 0, bytes(32), 0).encode()

    assert refused(NOTHING_SEEN, Request(0, (), lie)) == (409, "forked", 0, True)


def test_a_rewritten_log_that_has_grown_is_inconsistent() -> None:
    assert refused(head(HONEST, 30), FORGED.request(30, 38)) == (422, "inconsistent", 30, True)


def test_a_proof_that_is_left_out_does_not_verify() -> None:
    assert refused(head(HONEST, 7), replace(HONEST.request(7, 9), proof=())) == (422, "inconsistent", 7, True)


@pytest.mark.parametrize("old", [0, 9])
def test_a_proof_where_there_is_nothing_to_prove_is_refused_and_says_nothing_about_the_log(old: int) -> None:
    request = replace(HONEST.request(old, 9), proof=(bytes(32),))

    assert refused(head(HONEST, old), request) == (422, "inconsistent", old, False)


# The memory


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now = NEW_YEAR_2015 + 0.75

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lawclinic" / "witness.sqlite"


@pytest.fixture
def memory(path: Path, clock: Clock) -> Iterator[Memory]:
    with closing(Memory(path, new=True, clock=clock)) as memory:
        yield memory


def shown(memory: Memory, log: Log, old: int, size: int) -> Seen | Refuse:
    return memory.consider(log.request(old, size), log.checkpoint(size))


def code(answer: Seen | Refuse) -> str:
    return answer.code if isinstance(answer, Refuse) else "cosigned"


def test_what_is_cosigned_is_remembered_with_the_logs_signature_and_the_second(memory: Memory) -> None:
    shown(memory, HONEST, 0, 7)

    assert memory.seen() == [Seen(AUDIT.name, 7, HONEST.root(7), HONEST.note(7), NEW_YEAR_2015)]


def test_only_the_last_checkpoint_is_remembered(memory: Memory) -> None:
    shown(memory, HONEST, 0, 7)
    shown(memory, HONEST, 7, 9)

    assert [seen.size for seen in memory.seen()] == [9]


def test_what_is_refused_changes_nothing(memory: Memory) -> None:
    shown(memory, HONEST, 0, 30)
    before = memory.seen()

    shown(memory, FORGED, 30, 38)

    assert memory.seen() == before


def test_each_log_is_remembered_by_itself(memory: Memory) -> None:
    pelican = replace(FORGED, signer=STRANGER)
    shown(memory, HONEST, 0, 30)

    shown(memory, pelican, 0, 30)

    assert {seen.origin: seen.root for seen in memory.seen()} == {
        AUDIT.name: HONEST.root(30),
        STRANGER.name: FORGED.root(30),
    }


def test_the_times_of_cosignatures_never_run_backwards(memory: Memory, clock: Clock) -> None:
    shown(memory, HONEST, 0, 7)
    clock.now -= 3600

    shown(memory, HONEST, 7, 9)

    assert [seen.at for seen in memory.seen()] == [NEW_YEAR_2015]


def test_a_memory_survives_its_process(memory: Memory, path: Path) -> None:
    shown(memory, HONEST, 0, 30)
    memory.close()

    with closing(Memory(path, new=False)) as again:
        assert code(shown(again, FORGED, 0, 30)) == "forked"


def test_a_fork_is_kept_as_evidence_beside_the_checkpoint_that_it_contradicts(memory: Memory) -> None:
    shown(memory, HONEST, 0, 30)

    shown(memory, FORGED, 30, 30)

    (evidence,) = memory.evidence()
    assert (evidence.code, evidence.note, evidence.cosigned) == ("forked", FORGED.note(30), HONEST.note(30))


def test_evidence_that_is_sent_again_is_kept_as_it_first_came(memory: Memory, clock: Clock) -> None:
    shown(memory, HONEST, 0, 30)
    shown(memory, FORGED, 30, 30)
    first = memory.evidence()

    clock.now += 3600
    shown(memory, FORGED, 30, 30)

    assert memory.evidence() == first


def test_a_checkpoint_that_merely_comes_late_is_no_evidence(memory: Memory) -> None:
    shown(memory, HONEST, 0, 30)

    shown(memory, HONEST, 0, 7)

    assert memory.evidence() == []


def test_a_commit_waits_until_the_disk_has_it(path: Path) -> None:
    connect, connections = sqlite3.connect, list[sqlite3.Connection]()

    def noted(*args: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*args, **options))
        return connections[-1]

    with patch.object(sqlite3, "connect", noted), closing(Memory(path, new=True)):
        (connection,) = connections
        assert connection.execute("PRAGMA synchronous").fetchone() == (FULL,)


def test_a_witness_with_a_key_and_no_memory_is_not_started(path: Path) -> None:
    with pytest.raises(InteropError, match="Retire the key") as caught:
        Memory(path, new=False)

    assert caught.value.code == "memory-lost"


def test_a_memory_that_somebody_emptied_is_a_memory_lost(memory: Memory, path: Path) -> None:
    memory.close()
    path.write_bytes(b"")

    with pytest.raises(InteropError, match="memory-lost"):
        Memory(path, new=False)


def test_a_file_that_is_no_memory_is_refused_in_a_sentence(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a shopping list, and a long one: " + "eggs, flour, " * 100, encoding="utf-8")

    with pytest.raises(InfrastructureError, match=r"the memory of the witness \(witness.sqlite\) cannot be used"):
        Memory(path, new=True)


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "lawclinic").write_text("not a folder", encoding="utf-8")

    with pytest.raises(InfrastructureError, match="cannot be used"):
        Memory(tmp_path / "lawclinic" / "witness.sqlite", new=True)


def test_nothing_is_decided_while_nothing_can_be_remembered(memory: Memory, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON seen BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")

    with pytest.raises(InfrastructureError, match="the disk is full"):
        shown(memory, HONEST, 0, 7)


def test_a_failed_write_does_not_stand_in_the_way_of_the_next(memory: Memory, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON seen BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
        with pytest.raises(InfrastructureError):
            shown(memory, HONEST, 0, 7)
        other.execute("DROP TRIGGER full")

    assert code(shown(memory, HONEST, 0, 7)) == "cosigned"


def test_a_logs_key_is_remembered_for_ever(memory: Memory, path: Path) -> None:
    memory.pin(parse_vkey(AUDIT.vkey))
    memory.close()

    with closing(Memory(path, new=False)) as again:
        assert again.pinned() == LOGS


def test_another_key_for_a_known_log_is_refused(memory: Memory) -> None:
    memory.pin(parse_vkey(AUDIT.vkey))

    with pytest.raises(InteropError, match="start a new witness") as caught:
        memory.pin(parse_vkey(IMPOSTOR.vkey))

    assert caught.value.code == "other-key"


def test_a_refused_key_leaves_the_known_one_in_place(memory: Memory) -> None:
    memory.pin(parse_vkey(AUDIT.vkey))

    with pytest.raises(InteropError):
        memory.pin(parse_vkey(IMPOSTOR.vkey))

    assert memory.pinned() == LOGS


# Whatever anybody sends

SIZES = st.integers(0, 40)


def cosigned_of(requests: list[tuple[Log, int | None, int]]) -> list[Seen]:
    """What a new witness cosigns of these; an old size of None is the one that the witness has told."""
    cosigned: list[Seen] = []
    with TemporaryDirectory() as folder, closing(Memory(Path(folder) / "witness.sqlite", new=True)) as memory:
        for log, asked, size in requests:
            last = cosigned[-1].size if cosigned else 0
            old = min(last if asked is None else asked, size)
            answer = shown(memory, log, old, size)
            if isinstance(answer, Seen):
                cosigned.append(answer)
    return cosigned


@given(st.lists(st.tuples(st.just(HONEST), st.none() | SIZES, SIZES), max_size=12))
@fifty_times
def test_an_honest_log_in_whatever_order_it_asks_gets_growing_heads_of_its_one_tree(
    requests: list[tuple[Log, int | None, int]],
) -> None:
    cosigned = cosigned_of(requests)

    assert all(earlier.size <= later.size for earlier, later in pairwise(cosigned))
    assert all(seen.root == HONEST.root(seen.size) for seen in cosigned)


@given(st.lists(st.tuples(st.sampled_from([HONEST, FORGED]), st.none() | SIZES, SIZES), max_size=12))
@fifty_times
def test_a_log_with_two_faces_gets_only_one_of_them_cosigned(requests: list[tuple[Log, int | None, int]]) -> None:
    cosigned = [seen for seen in cosigned_of(requests) if seen.size > COMMON]

    faces = {seen.root == HONEST.root(seen.size) for seen in cosigned}
    assert len(faces) <= 1


def at_once(*calls: Callable[[], Seen | Refuse]) -> list[str]:
    """What becomes of calls that begin together, in alphabetical order."""
    ready = Barrier(len(calls))

    def go(call: Callable[[], Seen | Refuse]) -> str:
        ready.wait()
        return code(call())

    with ThreadPoolExecutor(len(calls)) as threads:
        return sorted(threads.map(go, calls))


def test_of_two_faces_shown_at_the_same_moment_one_is_cosigned(tmp_path: Path) -> None:
    for attempt in range(20):
        with closing(Memory(tmp_path / f"{attempt}.sqlite", new=True)) as memory:
            answers = at_once(lambda: shown(memory, HONEST, 0, 30), lambda: shown(memory, FORGED, 0, 30))

        assert answers == ["cosigned", "forked"]


def test_of_a_smaller_and_a_larger_tree_at_the_same_moment_the_later_knows_of_the_first(tmp_path: Path) -> None:
    for attempt in range(20):
        with closing(Memory(tmp_path / f"{attempt}.sqlite", new=True)) as memory:
            shown(memory, HONEST, 0, 7)
            answers = at_once(lambda: shown(memory, HONEST, 7, 9), lambda: shown(memory, HONEST, 7, 30))

        assert answers == ["cosigned", "other-size"]


def test_two_processes_with_one_memory_cosign_one_face(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / f"{attempt}.sqlite"
        with closing(Memory(path, new=True)) as one, closing(Memory(path, new=True)) as other:
            answers = at_once(lambda: shown(one, HONEST, 0, 30), lambda: shown(other, FORGED, 0, 30))

        assert answers == ["cosigned", "forked"]
