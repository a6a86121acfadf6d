"""The files of a tiled log: where they are, and what stands in them."""

import pytest
from hypothesis import given, strategies as st

from services.audit.tlog.tiles import (
    LARGEST_ENTRY,
    WIDTH,
    Tile,
    bundles_of,
    hash_reader,
    hash_tiles_of,
    pack_bundle,
    parse_path,
    split_hashes,
    subtree_of_tile,
    tiles_of,
    unpack_bundle,
    width_of,
)
from services.chassis.errors import InteropError
from tests.foreign import c2sp
from tests.unit.tlogs import code, files, leaves, shares

TILES = st.builds(
    Tile, st.none() | st.integers(0, 63), st.integers(0, 10**12) | st.integers(0, 2000), st.integers(1, WIDTH)
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(3, 999), "tile/3/999"),
        (Tile(3, 1000), "tile/3/x001/000"),
        (Tile(63, 5, 1), "tile/63/005.p/1"),
        (Tile(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_a_tile_has_the_path_that_the_specification_gives_it(tile: Tile, path: str) -> None:
    assert (tile.path, parse_path(path)) == (path, tile)


@given(TILES)
def test_a_path_names_one_tile(tile: Tile) -> None:
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/0/x000/001",
        "tile/0/001/234",
        "tile/0/x1/234",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/100/000",
        "tile/-1/000",
        "tile/entry/000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/64/000",
        "tile/0/../entries/000",
        "checkpoint",
        "",
    ],
)
def test_what_is_no_path_of_a_tile_names_none(path: str) -> None:
    assert parse_path(path) is None


def test_only_a_full_tile_never_changes() -> None:
    assert (Tile(0, 0).full, Tile(0, 0, 255).full) == (True, False)


def test_a_tree_of_70_000_entries_has_the_tiles_that_the_specification_counts() -> None:
    bundles = list(bundles_of(70_000))
    levels = [list(row) for row in hash_tiles_of(70_000)]

    assert [len(bundles), *map(len, levels)] == [274, 274, 2, 1]
    assert [bundles[-1].width, *(row[-1].width for row in levels)] == [112, 112, 17, 1]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700, 65_536])
def test_a_tree_has_the_files_that_the_reference_writes(size: int) -> None:
    assert {tile.path for tile in tiles_of(size)} == files(shares(size)).keys() - {"checkpoint"}


@given(st.integers(0, 20_000_000), st.sampled_from([None, 0, 1, 2]), st.integers(0, 80_000))
def test_a_tile_is_as_wide_as_the_tree_has_hashes_for_it(size: int, level: int | None, number: int) -> None:
    covers = 256 ** (level or 0)
    hashes = sum(1 for place in range(256) if (number * 256 + place + 1) * covers <= size)

    assert width_of(level, number, size) == hashes


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 700])
def test_every_complete_subtree_is_read_out_of_the_tiles(size: int) -> None:
    entries = shares(size)
    stored = files(entries)
    read = hash_reader(lambda level, number: stored[Tile(level, number, width_of(level, number, size)).path])

    for level in range(size.bit_length()):
        for index in range(size >> level):
            assert read(level, index) == c2sp.root(leaves(entries[index << level : (index + 1) << level]))


def test_the_root_over_a_tile_is_that_of_its_subtree() -> None:
    hashes = leaves(shares(256))

    assert subtree_of_tile(b"".join(hashes)) == c2sp.root(hashes)
    assert subtree_of_tile(hashes[0]) == hashes[0]


def test_a_tile_is_its_hashes_one_after_the_other() -> None:
    hashes = leaves(shares(3))

    assert list(split_hashes(b"".join(hashes))) == hashes


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert unpack_bundle(pack_bundle(entries)) == entries


def test_the_largest_entry_fits_into_a_bundle() -> None:
    assert pack_bundle([bytes(LARGEST_ENTRY)]) == b"\xff\xff" + bytes(LARGEST_ENTRY)


@pytest.mark.parametrize("cut", [b"\x00", b"\x00\x05shor", b"\x00\x02ok\x00", b"\x00\x02ok\x00\x01"])
def test_a_bundle_that_ends_too_early_is_refused(cut: bytes) -> None:
    with pytest.raises(InteropError) as caught:
        unpack_bundle(cut)

    assert code(caught) == "bundle-altered"
