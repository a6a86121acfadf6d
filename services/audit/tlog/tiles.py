"""The files of a tiled log (c2sp.org/tlog-tiles): where they are, and what stands in them.

A tile of level `l` has up to 256 hashes of subtrees of `256 ** l` entries; a bundle has up to 256 entries, each after
its length in two bytes. What is full never changes; what is not yet has its width in its name.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from struct import pack

from services.audit.tlog.merkle import HASH_BYTES, HashReader, node_hash
from services.chassis.errors import InteropError

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

HEIGHT = 8
"""Levels of the tree in one tile: `2 ** HEIGHT == WIDTH`."""

LARGEST_ENTRY = 65_535
"""Bytes: what two bytes can count."""

CHECKPOINT = "checkpoint"
_PATH = re.compile(r"tile/(entries|[1-5]?\d|6[0-3])/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """Names a tile, or with `level=None` a bundle of entries. `width` is how many hashes or entries it has."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def full(self) -> bool:
        """Whether it will never change."""
        return self.width == WIDTH

    @property
    def path(self) -> str:
        """Where it is, below the log's prefix."""
        return _path(self.level, self.number, self.width)


def parse_path(path: str) -> Tile | None:
    """The tile that a path names, or None for a path that names none."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, number, width = match.groups()
    tile = Tile(
        None if level == "entries" else int(level),
        int(number.replace("x", "").replace("/", "")),
        WIDTH if width is None else int(width),
    )
    return tile if tile.path == path and tile.width <= WIDTH else None


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a tree of `size` entries: the bundles first, then the tiles, level by level."""
    yield from bundles_of(size)
    for row in hash_tiles_of(size):
        yield from row


def bundles_of(size: int) -> Iterator[Tile]:
    """Every bundle of the entries of a tree."""
    return _row(None, size)


def hash_tiles_of(size: int) -> Iterator[Iterator[Tile]]:
    """Every tile of a tree: the levels from the lowest up, and the tiles of each."""
    level = 0
    while size:
        yield _row(level, size)
        size >>= HEIGHT
        level += 1


def width_of(level: int | None, number: int, size: int) -> int:
    """How wide a tile is in a tree of `size` entries; 0 when there is none."""
    hashes = size >> (HEIGHT * (level or 0))
    return max(0, min(WIDTH, hashes - number * WIDTH))


def subtree_of_tile(hashes: bytes) -> bytes:
    """The root over hashes that stand one after the other; their number is a power of two."""
    pair = 2 * HASH_BYTES
    while len(hashes) > HASH_BYTES:
        # Two hashes that stand side by side are what the hash above them is made of.
        hashes = b"".join([node_hash(hashes[at : at + pair]) for at in range(0, len(hashes), pair)])
    return hashes


def hash_reader(
    read_tile: Callable[[int, int], bytes], subtree: Callable[[bytes], bytes] = subtree_of_tile
) -> HashReader:
    """Reads hashes of subtrees out of tiles. What was read is kept, for as long as the reader is.

    Args:
        read_tile: `read_tile(level, number)`: the hashes of a tile, one after the other.
        subtree: makes the root over hashes of a tile, as `subtree_of_tile` does.
    """

    known_tile = cache(read_tile)

    def hash_at(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        first = index << above
        tile = known_tile(tile_level, first // WIDTH)
        start = first % WIDTH
        return subtree(tile[start * HASH_BYTES : (start + (1 << above)) * HASH_BYTES])

    return hash_at


def split_hashes(hashes: bytes) -> Iterator[bytes]:
    """The hashes of a tile, one by one."""
    return (hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as a bundle holds them."""
    return b"".join(pack(">H", len(entry)) + entry for entry in entries)


def unpack_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        InteropError: `bundle-altered`, when lengths and bytes do not fit together.
    """
    entries: list[bytes] = []
    end, total = 0, len(bundle)
    while end < total:
        start = end + 2
        end = start + int.from_bytes(bundle[end:start], "big")
        entries.append(bundle[start:end])
    if end > total:
        raise InteropError("bundle-altered", f"it ends in the middle of its entry {len(entries) - 1}")
    return entries


def _row(level: int | None, hashes: int) -> Iterator[Tile]:
    full, rest = divmod(hashes, WIDTH)
    yield from (Tile(level, number) for number in range(full))
    if rest:
        yield Tile(level, full, rest)


@lru_cache(maxsize=65_536)
def _path(level: int | None, number: int, width: int) -> str:
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{'/'.join(parts)}{partial}"
