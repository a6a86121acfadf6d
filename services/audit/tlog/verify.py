"""The check of a whole log from its files alone: every entry, every tile, the root, the signatures, and its past.

What is wrong is named for what it is. The tiles are believed from the top: the checkpoint vouches for the root, a tile
for the tiles below it, and the lowest tiles for the entries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.merkle import HASH_BYTES, leaf_hash, tree_root
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import (
    CHECKPOINT,
    HEIGHT,
    WIDTH,
    Tile,
    bundles_of,
    hash_reader,
    hash_tiles_of,
    split_hashes,
    subtree_of_tile,
    unpack_bundle,
)
from services.chassis.errors import InteropError

ReadFile = Callable[[str], bytes | None]
"""`read(path)`: a file of the log, by its path below the log's prefix; None when there is none."""

OnProgress = Callable[[int, int], None]
"""Told how many entries of how many were looked at."""


def leaf_hashes(bundle: bytes) -> bytes:
    """The hashes of the entries of a bundle, one after the other."""
    return b"".join([leaf_hash(entry) for entry in unpack_bundle(bundle)])


@dataclass(frozen=True, slots=True)
class Hashing:
    """How bundles and tiles are hashed and a checkpoint is opened.

    A drill that checks one log ten thousand times remembers what it has computed, by the bytes that it computed it of.
    """

    leaves: Callable[[bytes], bytes] = leaf_hashes
    tile: Callable[[bytes], bytes] = subtree_of_tile
    opened: Callable[[Policy, bytes], Checkpoint] = Policy.open


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check has found to be so."""

    checkpoint: Checkpoint
    witnesses: int
    older: int | None


def verify_log(
    read: ReadFile,
    policy: Policy,
    older: Checkpoint | None = None,
    on_progress: OnProgress = lambda _, __: None,
    hashing: Hashing | None = None,
) -> Verified:
    """Checks a log from its files.

    Args:
        read: reads one of the files.
        policy: whose signatures the checkpoint must bear.
        older: a checkpoint of the same log that somebody kept: the log must begin with what it vouched for.
        on_progress: told how far the check is.
        hashing: how bundles and tiles are hashed.

    Raises:
        InteropError: what is wrong. Of the checkpoint: `no-checkpoint` and what `Policy.open` raises. Of the tiles:
            `tile-missing`, `tile-altered`, `root-differs`. Of the entries: `entries-missing`, `entry-altered`,
            `entries-reordered`, `entry-removed`, `entry-added`. Of the past: `rolled-back`, `forked`.
    """
    raw = read(CHECKPOINT)
    if raw is None:
        raise InteropError("no-checkpoint", "there is no file 'checkpoint' here; is this the folder of a log?")
    hashing = hashing or Hashing()
    checkpoint = hashing.opened(policy, raw)
    check = _Check(read, checkpoint, hashing)
    if older is not None and older.size > checkpoint.size:
        raise InteropError(
            "rolled-back", f"the log has {checkpoint.size} entries, and an older checkpoint vouches for {older.size}"
        )
    check.tiles()
    check.entries(on_progress)
    if older is not None:
        check.begins_with(older)
    return Verified(checkpoint, policy.quorum, older.size if older else None)


class _Check:
    def __init__(self, read: ReadFile, checkpoint: Checkpoint, hashing: Hashing) -> None:
        self.read = read
        self.checkpoint = checkpoint
        self.hashing = hashing
        self.size = checkpoint.size
        self.rows: list[list[bytes]] = [[]]
        """The tiles, by level and number."""

    def tiles(self) -> None:
        self.rows = [[self._tile(tile) for tile in row] for row in hash_tiles_of(self.size)] or [[]]
        altered = self._disagreeing()
        if self._root(self.size) != self.checkpoint.root:
            self._blame(altered)
        if altered:
            # The root vouches for the right edge, so of two tiles that disagree the lower one was altered.
            level, number = altered[0]
            raise InteropError(
                "tile-altered", f"tile {number} of level {level} is not what the tile above it vouches for"
            )

    def entries(self, on_progress: OnProgress) -> None:
        for tile in bundles_of(self.size):
            first = tile.number * WIDTH
            bundle = self.read(tile.path)
            if bundle is None:
                raise InteropError("entries-missing", f"the entries from {first} on are gone: no {tile.path}")
            found, vouched = self._leaves(bundle, tile), self.rows[0][tile.number]
            if found != vouched:
                raise _difference(first, found, vouched, self._are_logged)
            on_progress(first + tile.width, self.size)

    def begins_with(self, older: Checkpoint) -> None:
        if self._root(older.size) != older.root:
            raise InteropError(
                "forked",
                f"the log's first {older.size} entries are not those that an older checkpoint vouches for: "
                "somebody has rewritten them, or shows different logs to different people",
            )

    def _tile(self, tile: Tile) -> bytes:
        hashes = self.read(tile.path)
        if hashes is None:
            raise InteropError("tile-missing", f"there is no {tile.path}")
        if len(hashes) != tile.width * HASH_BYTES:
            wanted = tile.width * HASH_BYTES
            raise InteropError("tile-altered", f"{tile.path} should have {wanted} bytes, and has {len(hashes)}")
        return hashes

    def _root(self, size: int) -> bytes:
        return tree_root(size, hash_reader(lambda level, number: self.rows[level][number], self.hashing.tile))

    def _are_logged(self, leaves: set[bytes]) -> bool:
        """Whether the tiles vouch for all entries with these hashes, wherever they stand."""
        # Mostly it is one entry that was altered, and that is told from one search through the tiles.
        one = next(iter(leaves))
        if not any(one in tile for tile in self.rows[0]):
            return False
        return len(leaves) == 1 or leaves <= {leaf for tile in self.rows[0] for leaf in split_hashes(tile)}

    def _disagreeing(self) -> list[tuple[int, int]]:
        """The full tiles that are not what the tile above them says, the highest first."""
        found: list[tuple[int, int]] = []
        for level in range(len(self.rows) - 1, 0, -1):
            made = b"".join(map(self.hashing.tile, self.rows[level - 1][: self.size >> HEIGHT * level]))
            if made != (vouched := b"".join(self.rows[level])):
                pairs = zip(split_hashes(made), split_hashes(vouched), strict=True)
                found += [(level - 1, number) for number, (here, above) in enumerate(pairs) if here != above]
        return found

    def _blame(self, disagreeing: list[tuple[int, int]]) -> None:
        """Names what makes the root another than the checkpoint's: a tile of the right edge, or all of the log."""
        if disagreeing:
            level, number = disagreeing[0]
            above = number // WIDTH
            raise InteropError(
                "tile-altered",
                f"tile {above} of level {level + 1} is not what the tiles below it make, nor the checkpoint",
            )
        last = self.size // WIDTH
        if width := self.size % WIDTH:
            bundle = self.read(Tile(None, last, width).path)
            if bundle is not None and self._leaves(bundle, Tile(None, last, width)) != self.rows[0][last]:
                raise InteropError(
                    "tile-altered", f"tile {last} of level 0 is not what its entries make, nor the checkpoint"
                )
        raise InteropError(
            "root-differs",
            f"entries and tiles agree, and make another root than the checkpoint of {self.size} entries has",
        )

    def _leaves(self, bundle: bytes, tile: Tile) -> bytes:
        try:
            return self.hashing.leaves(bundle)
        except InteropError as error:
            raise InteropError("entry-altered", f"{tile.path} cannot be read: {error.sentence}") from error


def _difference(first: int, found: bytes, vouched: bytes, are_logged: Callable[[set[bytes]], bool]) -> InteropError:
    """What became of the entries of a bundle, whose hashes are others than those that the log vouches for."""
    here, there = list(split_hashes(found)), list(split_hashes(vouched))
    at = next(place for place, pair in enumerate(zip_longest(here, there)) if pair[0] != pair[1])
    if removed := _left_out(here, there, at):
        return InteropError("entry-removed", f"{removed} entries were removed, entry {first + at} the first of them")
    added = _left_out(there, here, at)
    if added and not are_logged(set(here[at : at + added])):
        return InteropError("entry-added", f"{added} entries were added, the first of them as entry {first + at}")
    if are_logged({leaf for leaf, logged in zip_longest(here, there) if leaf not in (logged, None)}):
        if len(here) < len(there):
            return InteropError("entry-removed", f"entries were removed here and there, from entry {first + at} on")
        return InteropError("entries-reordered", f"entries were put into another order, from entry {first + at} on")
    return InteropError("entry-altered", f"entry {first + at} is not the one that was logged")


def _left_out(here: list[bytes], there: list[bytes], at: int) -> int:
    """How many of `there` are left out of `here`, from `at` on, so that what follows them has moved up; 0 for none."""
    if at == len(here):
        return len(there) - at
    try:
        count = there.index(here[at], at + 1) - at
    except ValueError:
        return 0
    moved = there[at + count :]
    if here[at : at + len(moved)] != moved or set(there[at : at + count]) & set(here):
        return 0
    return count
