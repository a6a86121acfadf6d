"""The check of a whole log from its files alone: every entry, every tile, the root, the signatures, and its past.

What is wrong is named for what it is. The tiles are believed from the top: the checkpoint vouches for the root, a tile
for the tiles below it, and the lowest tiles for the entries.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.merkle import HASH_BYTES, leaf_hash, tree_root
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import (
    CHECKPOINT,
    WIDTH,
    Tile,
    hash_reader,
    split_hashes,
    subtree_of_tile,
    tiles_of,
    unpack_bundle,
    width_of,
)
from services.chassis.errors import InteropError

ReadFile = Callable[[str], bytes | None]
"""`read(path)`: a file of the log, by its path below the log's prefix; None when there is none."""

OnProgress = Callable[[int, int], None]
"""Told how many entries of how many were looked at."""


def leaf_hashes(bundle: bytes) -> bytes:
    """The hashes of the entries of a bundle, one after the other."""
    return b"".join(map(leaf_hash, unpack_bundle(bundle)))


@dataclass(frozen=True, slots=True)
class Hashing:
    """How bundles and tiles are hashed. A drill that checks one log ten thousand times remembers what it has hashed."""

    leaves: Callable[[bytes], bytes] = leaf_hashes
    tile: Callable[[bytes], bytes] = subtree_of_tile


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
    checkpoint = policy.open(raw)
    check = _Check(read, checkpoint, hashing or Hashing())
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
        self.hashes: dict[tuple[int, int], bytes] = {}

    def tiles(self) -> None:
        for tile in tiles_of(self.size):
            if tile.level is not None:
                self.hashes[tile.level, tile.number] = self._tile(tile)
        altered = sorted(self._disagreeing(), reverse=True)
        if tree_root(self.size, hash_reader(self._hashes_of)) != self.checkpoint.root:
            self._blame(altered)
        if altered:
            # The root vouches for the right edge, so of two tiles that disagree the lower one was altered.
            level, number = altered[0]
            raise InteropError(
                "tile-altered", f"tile {number} of level {level} is not what the tile above it vouches for"
            )

    def entries(self, on_progress: OnProgress) -> None:
        for number in range(-(-self.size // WIDTH)):
            tile = Tile(None, number, width_of(None, number, self.size))
            bundle = self.read(tile.path)
            if bundle is None:
                raise InteropError("entries-missing", f"the entries from {number * WIDTH} on are gone: no {tile.path}")
            found, vouched = self._leaves(bundle, tile), self.hashes[0, number]
            if found != vouched:
                raise _difference(number * WIDTH, found, vouched)
            on_progress(number * WIDTH + tile.width, self.size)

    def begins_with(self, older: Checkpoint) -> None:
        if tree_root(older.size, hash_reader(self._hashes_of)) != older.root:
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

    def _hashes_of(self, level: int, number: int) -> bytes:
        return self.hashes[level, number]

    def _disagreeing(self) -> list[tuple[int, int]]:
        """The full tiles that are not what the tile above them says."""
        return [
            (level, number)
            for (level, number), hashes in self.hashes.items()
            if len(hashes) == WIDTH * HASH_BYTES and self.hashing.tile(hashes) != self._vouched(level, number)
        ]

    def _vouched(self, level: int, number: int) -> bytes:
        above, place = divmod(number, WIDTH)
        return self.hashes[level + 1, above][place * HASH_BYTES : (place + 1) * HASH_BYTES]

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
            if bundle is not None and self._leaves(bundle, Tile(None, last, width)) != self.hashes[0, last]:
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


def _difference(first: int, found: bytes, vouched: bytes) -> InteropError:
    """What became of entries whose hashes are others than those that the log vouches for."""
    here, there = list(split_hashes(found)), list(split_hashes(vouched))
    at = next((place for place, pair in enumerate(zip(here, there, strict=False)) if pair[0] != pair[1]), None)
    index = first + (min(len(here), len(there)) if at is None else at)
    if len(here) < len(there):
        return InteropError(
            "entry-removed", f"{len(there) - len(here)} entries were removed, at or after entry {index}"
        )
    if len(here) > len(there):
        return InteropError("entry-added", f"{len(here) - len(there)} entries were added, at or after entry {index}")
    if sorted(here) == sorted(there):
        return InteropError("entries-reordered", f"entries were put into another order, from entry {index} on")
    return InteropError("entry-altered", f"entry {index} is not the one that was logged")
