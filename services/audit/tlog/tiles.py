"""The files of a tiled log (c2sp.org/tlog-tiles): where they are, and what stands in them.

A tile of level `l` has up to 256 hashes of subtrees of `256 ** l` entries; a bundle has up to 256 entries, each after
its length in two bytes. What is full never changes; what is not yet has its width in its name.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import pack, unpack_from

from services.audit.tlog.merkle import HASH_BYTES, HashReader, node_hash
from services.chassis.errors import InteropError

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

HEIGHT = 8
"""Levels of the tree in one tile: `2 ** HEIGHT == WIDTH`."""

LARGEST_ENTRY = 65_535
"""Bytes: what two bytes can count."""

CHECKPOINT = "checkpoint"
_PATH = re.compile(r"tile/(entries|0|[1-9]\d?)/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?")


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
        level = "entries" if self.level is None else self.level
        partial = "" if self.full else f".p/{self.width}"
        return f"tile/{level}/{_number_path(self.number)}{partial}"


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
    return tile if tile.path == path else None


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a tree of `size` entries: the bundles first, then the tiles, level by level."""
    yield from _row(None, size)
    level = 0
    while size:
        yield from _row(level, size)
        size >>= HEIGHT
        level += 1


def width_of(level: int | None, number: int, size: int) -> int:
    """How wide a tile is in a tree of `size` entries; 0 when there is none."""
    hashes = size >> (HEIGHT * (level or 0))
    return max(0, min(WIDTH, hashes - number * WIDTH))


def hash_reader(read_tile: Callable[[int, int], bytes]) -> HashReader:
    """Reads hashes of subtrees out of tiles.

    Args:
        read_tile: `read_tile(level, number)`: the hashes of a tile, one after the other.
    """

    def hash_at(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        first = index << above
        tile = read_tile(tile_level, first // WIDTH)
        start = first % WIDTH
        return subtree_of_tile(tile[start * HASH_BYTES : (start + (1 << above)) * HASH_BYTES])

    return hash_at


def subtree_of_tile(hashes: bytes) -> bytes:
    """The root over hashes that stand one after the other; their number is a power of two."""
    row = list(split_hashes(hashes))
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


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
    at = 0
    while at < len(bundle):
        if at + 2 > len(bundle):
            raise InteropError("bundle-altered", "it ends in the middle of a length")
        (length,) = unpack_from(">H", bundle, at)
        entry = bundle[at + 2 : at + 2 + length]
        if len(entry) != length:
            raise InteropError("bundle-altered", f"entry {len(entries)} of it should have {length} bytes")
        entries.append(entry)
        at += 2 + length
    return entries


def _row(level: int | None, hashes: int) -> Iterator[Tile]:
    full, rest = divmod(hashes, WIDTH)
    yield from (Tile(level, number) for number in range(full))
    if rest:
        yield Tile(level, full, rest)


def _number_path(number: int) -> str:
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    return "/".join(parts)
