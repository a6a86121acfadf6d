"""The tree of RFC 6962: its hashes and roots, and proofs that hold for what they were made for and nothing else."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from services.audit.tlog.merkle import (
    EMPTY_ROOT,
    Frontier,
    HashReader,
    complete_subtrees,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from services.chassis.errors import InteropError
from tests.foreign import c2sp
from tests.unit.tlogs import code, leaves, shares

LARGEST = 600
LEAVES = leaves(shares(LARGEST))

# The entries of the tests of Certificate Transparency, and the roots of their first 1 to 8.
CT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in CT_ENTRIES]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

SIZES = st.integers(1, LARGEST)


def reader(hashes: Sequence[bytes]) -> HashReader:
    """Complete subtrees, as the reference makes them."""
    return lambda level, index: c2sp.root(hashes[index << level : (index + 1) << level])


READ = reader(LEAVES)


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int]:
    """An entry, and the size of a tree that it stands in."""
    size = draw(SIZES)
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    """The sizes of a tree before and after it has grown."""
    size = draw(st.integers(2, LARGEST))
    return draw(st.integers(1, size - 1)), size


def flipped(data: bytes, bit: int) -> bytes:
    altered = bytearray(data)
    altered[bit // 8] ^= 1 << bit % 8
    return bytes(altered)


def root(size: int) -> bytes:
    return c2sp.root(LEAVES[:size])


# Hashes and roots


def test_an_entry_and_a_pair_of_hashes_are_never_hashed_alike() -> None:
    assert leaf_hash(b"\x01" + bytes(63)) != node_hash(b"\x01" + bytes(31), bytes(32))


def test_two_hashes_may_come_as_one_string() -> None:
    assert node_hash(LEAVES[0] + LEAVES[1]) == node_hash(LEAVES[0], LEAVES[1]) == c2sp.root(LEAVES[:2])


def test_the_root_of_no_entries_is_the_hash_of_nothing() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert {EMPTY_ROOT.hex(), root_of([]).hex(), Frontier().root.hex(), tree_root(0, READ).hex()} == {empty}


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root_of(CT_LEAVES[:size]).hex() == CT_ROOTS[size - 1]


@given(st.integers(0, LARGEST))
def test_every_way_to_a_root_leads_to_that_of_the_reference(size: int) -> None:
    grown = Frontier()
    list(grown.extend(LEAVES[:size]))

    assert {root_of(LEAVES[:size]), tree_root(size, READ), Frontier.of(size, READ).root, grown.root} == {root(size)}


@given(st.lists(st.integers(0, 90), max_size=7))
def test_a_frontier_grows_to_the_same_tree_however_it_is_fed(batches: list[int]) -> None:
    frontier, completed = Frontier(), {}
    for count in batches:
        for level, index, hashes in frontier.extend(LEAVES[frontier.size : frontier.size + count]):
            completed.update({(level, index + at): each for at, each in enumerate(hashes)})

    assert (frontier.size, frontier.root) == (sum(batches), root(sum(batches)))
    assert completed == {
        (level, index): READ(level, index) for level in range(10) for index in range(sum(batches) >> level)
    }


def test_a_copy_of_a_frontier_grows_by_itself() -> None:
    frontier = Frontier.of(5, READ)
    list(frontier.copy().extend(LEAVES[5:9]))

    assert (frontier.size, frontier.root) == (5, root(5))


@given(st.integers(0, 5000))
def test_a_tree_is_made_up_of_complete_subtrees_without_a_gap(size: int) -> None:
    end = 0
    for level, start in complete_subtrees(0, size):
        assert (start, start % (1 << level)) == (end, 0)
        end = start + (1 << level)

    assert end == size


# Inclusion


@given(places())
def test_the_path_of_an_entry_is_that_of_the_reference(place: tuple[int, int]) -> None:
    index, size = place

    assert inclusion_proof(index, size, READ) == c2sp.inclusion(LEAVES[:size], index)


@given(places())
def test_an_entry_is_where_its_proof_says(place: tuple[int, int]) -> None:
    index, size = place

    verify_inclusion(LEAVES[index], index, size, c2sp.inclusion(LEAVES[:size], index), root(size))


@given(places(), st.data())
def test_an_altered_proof_of_inclusion_is_refused(place: tuple[int, int], data: st.DataObject) -> None:
    index, size = place
    hashes = [LEAVES[index], root(size), *c2sp.inclusion(LEAVES[:size], index)]
    which = data.draw(st.integers(0, len(hashes) - 1))
    hashes[which] = flipped(hashes[which], data.draw(st.integers(0, 255)))

    with pytest.raises(InteropError) as caught:
        verify_inclusion(hashes[0], index, size, hashes[2:], hashes[1])

    assert code(caught) == "not-included"


@given(places(), st.data())
def test_a_proof_of_another_length_is_refused(place: tuple[int, int], data: st.DataObject) -> None:
    index, size = place
    path = c2sp.inclusion(LEAVES[:size], index)
    other = data.draw(
        st.sampled_from([[*path, bytes(32)], [bytes(32), *path], *([path[1:], path[:-1]] if path else [])])
    )

    with pytest.raises(InteropError) as caught:
        verify_inclusion(LEAVES[index], index, size, other, root(size))

    assert code(caught) == "not-included"


@given(places(), st.integers(-2, LARGEST + 2))
def test_a_proof_does_not_hold_for_another_place(place: tuple[int, int], elsewhere: int) -> None:
    index, size = place
    path = c2sp.inclusion(LEAVES[:size], index)

    if elsewhere == index:
        return
    with pytest.raises(InteropError) as caught:
        verify_inclusion(LEAVES[index], elsewhere, size, path, root(size))

    assert code(caught) == "not-included"


def test_a_tree_without_entries_holds_nothing() -> None:
    with pytest.raises(InteropError):
        verify_inclusion(LEAVES[0], 0, 0, [], EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(5, 5), (0, 0), (-1, 5)])
def test_no_proof_is_made_of_an_entry_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"a tree of {size} entries has no entry {index}"):
        inclusion_proof(index, size, READ)


# Consistency


@given(growths())
@settings(max_examples=300)
def test_a_tree_that_has_grown_begins_with_what_it_was(growth: tuple[int, int]) -> None:
    old, size = growth

    verify_consistency(old, root(old), size, root(size), consistency_proof(old, size, READ))


def test_the_proofs_of_the_example_in_rfc_6962_are_those_that_it_gives() -> None:
    """Section 2.1.3: the tree of seven entries, and what it was with three, four and six."""
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = c2sp.root([a, b]), c2sp.root([c, d]), c2sp.root([e, f])
    k, l_ = c2sp.root([g, h]), c2sp.root([i, j])

    assert consistency_proof(3, 7, READ) == [c, d, g, l_]
    assert consistency_proof(4, 7, READ) == [l_]
    assert consistency_proof(6, 7, READ) == [i, j, k]
    assert inclusion_proof(0, 7, READ) == [b, h, l_]
    assert inclusion_proof(6, 7, READ) == [i, k]


@given(growths(), st.data())
def test_an_altered_proof_of_consistency_is_refused(growth: tuple[int, int], data: st.DataObject) -> None:
    old, size = growth
    hashes = [root(old), root(size), *consistency_proof(old, size, READ)]
    which = data.draw(st.integers(0, len(hashes) - 1))
    hashes[which] = flipped(hashes[which], data.draw(st.integers(0, 255)))

    with pytest.raises(InteropError) as caught:
        verify_consistency(old, hashes[0], size, hashes[1], hashes[2:])

    assert code(caught) == "inconsistent"


@given(growths(), st.data())
def test_a_proof_of_consistency_of_another_length_is_refused(growth: tuple[int, int], data: st.DataObject) -> None:
    old, size = growth
    proof = consistency_proof(old, size, READ)
    other = data.draw(st.sampled_from([proof[1:], proof[:-1], [*proof, bytes(32)], [bytes(32), *proof], []]))

    with pytest.raises(InteropError) as caught:
        verify_consistency(old, root(old), size, root(size), other)

    assert code(caught) == "inconsistent"


@given(growths(), st.integers(-2, LARGEST + 2))
def test_a_proof_of_consistency_does_not_hold_for_another_size(growth: tuple[int, int], other: int) -> None:
    old, size = growth

    if other == old:
        return
    with pytest.raises(InteropError) as caught:
        verify_consistency(other, root(old), size, root(size), consistency_proof(old, size, READ))

    assert code(caught) == "inconsistent"


@given(SIZES)
def test_every_tree_begins_with_itself_and_with_the_empty_one(size: int) -> None:
    assert consistency_proof(size, size, READ) == consistency_proof(0, size, READ) == []

    verify_consistency(size, root(size), size, root(size), [])
    verify_consistency(0, EMPTY_ROOT, size, root(size), [])


@pytest.mark.parametrize(
    ("old", "old_root", "size", "proof"),
    [
        (0, LEAVES[0], 5, []),
        (0, EMPTY_ROOT, 5, [LEAVES[0]]),
        (5, root(4), 5, []),
        (5, root(5), 5, [LEAVES[0]]),
        (6, root(6), 5, []),
        (6, root(6), 5, consistency_proof(5, 6, READ)),
        (-1, EMPTY_ROOT, 5, []),
    ],
    ids=["empty with a root", "empty with a proof", "another", "itself with a proof", "larger", "turned round", "less"],
)
def test_a_tree_does_not_begin_with(old: int, old_root: bytes, size: int, proof: list[bytes]) -> None:
    with pytest.raises(InteropError) as caught:
        verify_consistency(old, old_root, size, root(size), proof)

    assert code(caught) == "inconsistent"


def test_no_proof_is_made_of_a_tree_that_was_larger() -> None:
    with pytest.raises(ValueError, match="a tree of 5 entries cannot begin with one of 6"):
        consistency_proof(6, 5, READ)
