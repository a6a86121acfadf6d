"""The check of a whole log from its files: what is whole is believed, and what is not is named for what it is."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256

import pytest

from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.notes import Algorithm, Signer
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import pack_bundle, subtree_of_tile, unpack_bundle
from services.audit.tlog.verify import Hashing, Verified, leaf_hashes, verify_log
from services.chassis.errors import InteropError
from tests.foreign import c2sp
from tests.unit.tlogs import CLINIC, LOG, ORIGIN, POLICY, SOMEBODY, checkpoint, files, leaves, shares

Files = dict[str, bytes]

SIZE = 700
"""Two full bundles and one of 188 entries; a tile of level 1 with two hashes."""

DEEP = 66_000
"""A tree whose tile of level 1 is full, and has a tile above it."""

ENTRIES = shares(SIZE)
WHOLE = files(ENTRIES)


def head(entries: list[bytes]) -> Checkpoint:
    return Checkpoint(ORIGIN, len(entries), c2sp.root(leaves(entries)))


OLDER = head(ENTRIES[:300])


@cache
def deep() -> Files:
    return files(shares(DEEP))


def with_(changes: dict[str, bytes | None], whole: Files = WHOLE) -> Files:
    """A copy of a log in which some files are others; None takes one away."""
    return {path: data for path, data in {**whole, **changes}.items() if data is not None}


def found_in(log: Files, policy: Policy = POLICY, older: Checkpoint | None = OLDER) -> InteropError:
    with pytest.raises(InteropError) as caught:
        verify_log(log.get, policy, older)

    return caught.value


def flip(path: str, at: int, whole: Files = WHOLE) -> Files:
    data = bytearray(whole[path])
    data[at] ^= 1
    return with_({path: bytes(data)}, whole)


def bundled(*changed: tuple[str, Callable[[list[bytes]], list[bytes]]]) -> Files:
    """A log in which somebody has rewritten the entries of some bundles."""
    return with_({path: pack_bundle(change(unpack_bundle(WHOLE[path]))) for path, change in changed})


# A log that is whole


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, SIZE])
def test_a_log_of_any_size_is_believed(size: int) -> None:
    older = head(ENTRIES[: size // 2])

    assert verify_log(files(ENTRIES[:size]).get, POLICY, older) == Verified(head(ENTRIES[:size]), 2, size // 2)


def test_a_log_of_three_levels_is_believed() -> None:
    assert verify_log(deep().get, POLICY).checkpoint.size == DEEP


def test_a_log_may_be_checked_without_anything_older() -> None:
    assert verify_log(WHOLE.get, POLICY).older is None


def test_how_far_the_check_is_is_told_bundle_by_bundle() -> None:
    told: list[tuple[int, int]] = []

    verify_log(WHOLE.get, POLICY, on_progress=lambda done, total: told.append((done, total)))

    assert told == [(256, SIZE), (512, SIZE), (SIZE, SIZE)]


def test_who_checks_may_remember_what_was_hashed() -> None:
    hashing = Hashing(cache(leaf_hashes), cache(subtree_of_tile), cache(Policy.open))

    assert verify_log(WHOLE.get, POLICY, OLDER, hashing=hashing) == verify_log(WHOLE.get, POLICY, OLDER)


def test_files_that_the_tree_does_not_have_are_passed_over() -> None:
    assert verify_log(with_({"tile/entries/002.p/7": b"left over"}).get, POLICY).checkpoint.size == SIZE


# The checkpoint


def test_a_log_without_a_checkpoint_is_no_log() -> None:
    assert found_in(with_({"checkpoint": None})).code == "no-checkpoint"


@pytest.mark.parametrize(
    ("note", "name"),
    [
        (b"not a note", "bad-note"),
        (checkpoint(ENTRIES, SOMEBODY), "not-signed"),
        (checkpoint(ENTRIES, LOG, CLINIC), "no-quorum"),
        (checkpoint(ENTRIES).replace(b"\n700\n", b"\n701\n"), "bad-signature"),
    ],
)
def test_a_checkpoint_that_the_policy_does_not_believe_is_refused(note: bytes, name: str) -> None:
    assert found_in(with_({"checkpoint": note})).code == name


# Tiles


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"])
@pytest.mark.parametrize("at", [0, 33, -1])
def test_an_altered_tile_is_named(path: str, at: int) -> None:
    error = found_in(flip(path, at))

    level, number = path.split("/")[1], int(path.split("/")[2][:3])
    assert error.code == "tile-altered"
    assert f"tile {number} of level {level} " in error.sentence


@pytest.mark.parametrize("path", ["tile/0/257.p/208", "tile/0/100", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"])
def test_an_altered_tile_is_named_in_a_log_of_three_levels(path: str) -> None:
    error = found_in(flip(path, 5, deep()), older=None)

    level, number = path.split("/")[1], int(path.split("/")[2][:3])
    assert error.code == "tile-altered"
    assert f"tile {number} of level {level} " in error.sentence


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"])
def test_a_tile_that_is_gone_is_named(path: str) -> None:
    error = found_in(with_({path: None}))

    assert (error.code, path in error.sentence) == ("tile-missing", True)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"])
@pytest.mark.parametrize("change", [lambda tile: tile[:-1], lambda tile: tile + bytes(32), lambda _: b""])
def test_a_tile_of_another_length_is_altered(path: str, change: Callable[[bytes], bytes]) -> None:
    assert found_in(with_({path: change(WHOLE[path])})).code == "tile-altered"


def test_an_entry_that_was_altered_with_its_hash_gives_the_tile_away() -> None:
    entries, tile = unpack_bundle(WHOLE["tile/entries/001"]), WHOLE["tile/0/001"]
    forged = b"never logged"

    log = with_(
        {
            "tile/entries/001": pack_bundle([forged, *entries[1:]]),
            "tile/0/001": sha256(b"\x00" + forged).digest() + tile[32:],
        }
    )

    assert found_in(log).code == "tile-altered"


def test_a_history_that_was_rewritten_throughout_has_another_root() -> None:
    log = {**files([b"never logged", *ENTRIES[1:]]), "checkpoint": WHOLE["checkpoint"]}

    assert found_in(log).code == "root-differs"


# Entries


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/002.p/188"])
@pytest.mark.parametrize("at", [0, 1, 2, 40, -1])
def test_an_altered_entry_is_named(path: str, at: int) -> None:
    assert found_in(flip(path, at)).code == "entry-altered"


def test_which_entry_was_altered_is_said() -> None:
    log = bundled(("tile/entries/001", lambda entries: [*entries[:44], b"never logged", *entries[45:]]))

    assert found_in(log).sentence == "entry 300 is not the one that was logged"


@pytest.mark.parametrize("path", ["tile/entries/001", "tile/entries/002.p/188"])
def test_entries_that_are_gone_are_named(path: str) -> None:
    error = found_in(with_({path: None}))

    assert (error.code, path in error.sentence) == ("entries-missing", True)


def test_an_empty_bundle_has_lost_its_entries() -> None:
    assert found_in(with_({"tile/entries/001": b""})).code == "entry-removed"


@pytest.mark.parametrize("at", [0, 100, 255])
def test_a_removed_entry_is_named(at: int) -> None:
    error = found_in(bundled(("tile/entries/001", lambda entries: entries[:at] + entries[at + 1 :])))

    assert (error.code, f"entry {256 + at} " in error.sentence) == ("entry-removed", True)


def test_entries_removed_here_and_there_are_named() -> None:
    log = bundled(("tile/entries/001", lambda entries: entries[:7] + entries[9:90] + entries[91:]))

    assert found_in(log).code == "entry-removed"


def test_a_removed_entry_is_named_also_where_later_ones_have_moved_up() -> None:
    rest = ENTRIES[:300] + ENTRIES[301:]
    log = bundled(("tile/entries/001", lambda _: rest[256:512]), ("tile/entries/002.p/188", lambda _: rest[512:]))

    error = found_in(log)

    assert (error.code, "entry 300 " in error.sentence) == ("entry-removed", True)


@pytest.mark.parametrize("at", [0, 100, 256])
def test_an_added_entry_is_named(at: int) -> None:
    log = bundled(("tile/entries/001", lambda entries: [*entries[:at], b"never logged", *entries[at:]]))

    error = found_in(log)

    assert (error.code, f"entry {256 + at}" in error.sentence) == ("entry-added", True)


def test_an_added_entry_is_named_also_where_another_was_pushed_out() -> None:
    log = bundled(("tile/entries/001", lambda entries: [*entries[:7], b"never logged", *entries[7:-1]]))

    assert found_in(log).code == "entry-added"


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 200), (254, 255)])
def test_reordered_entries_are_named(one: int, other: int) -> None:
    def swap(entries: list[bytes]) -> list[bytes]:
        entries[one], entries[other] = entries[other], entries[one]
        return entries

    error = found_in(bundled(("tile/entries/001", swap)))

    assert (error.code, f"entry {256 + one} " in error.sentence) == ("entries-reordered", True)


def test_entries_that_changed_places_between_bundles_are_named() -> None:
    log = bundled(
        ("tile/entries/000", lambda entries: [*entries[:5], ENTRIES[600], *entries[6:]]),
        ("tile/entries/002.p/188", lambda entries: [*entries[:88], ENTRIES[5], *entries[89:]]),
    )

    assert found_in(log).code == "entries-reordered"


def test_bundles_that_changed_places_are_named() -> None:
    one, other = "tile/entries/000", "tile/entries/001"

    assert found_in(with_({one: WHOLE[other], other: WHOLE[one]})).code == "entries-reordered"


# The past


def test_a_log_that_is_shorter_than_it_was_is_rolled_back() -> None:
    assert found_in(files(ENTRIES[:300]), older=head(ENTRIES)).code == "rolled-back"


def test_a_log_that_began_otherwise_is_forked() -> None:
    rewritten = [b"never logged", *ENTRIES[1:]]

    assert found_in(files(rewritten)).code == "forked"


def test_a_log_of_the_same_size_may_be_forked() -> None:
    assert found_in(WHOLE, older=replace(head(ENTRIES), root=bytes(32))).code == "forked"


def test_an_empty_log_has_one_root_only() -> None:
    assert found_in(WHOLE, older=Checkpoint(ORIGIN, 0, bytes(32))).code == "forked"


def test_who_holds_the_logs_key_cannot_sign_for_the_witnesses() -> None:
    rewritten = [b"never logged", *ENTRIES[1:]]
    log = {**files(rewritten), "checkpoint": checkpoint(rewritten, LOG)}

    assert found_in(log).code == "no-quorum"


def test_a_log_of_another_name_is_another_log() -> None:
    other = Signer.from_seed("elsewhere.example", Algorithm.ED25519, LOG.seed)

    assert found_in(WHOLE, Policy(other.verifier)).code == "wrong-log"
