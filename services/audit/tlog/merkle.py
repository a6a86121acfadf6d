"""The Merkle tree of RFC 6962, section 2.1: its hashes, its inclusion proofs and its consistency proofs.

A proof is made from a `HashReader`, which knows the hashes of complete subtrees; it is verified from nothing but the
two hashes that it joins.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256

from services.chassis.errors import InteropError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

HashReader = Callable[[int, int], bytes]
"""`hash_at(level, index)`: the hash of the complete subtree over entries `index << level` to `(index + 1) << level`."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry (RFC 6962: `SHA-256(0x00 || entry)`)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes = b"") -> bytes:
    """The hash of two subtrees (RFC 6962: `SHA-256(0x01 || left || right)`), which may come as one string."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, by their level.

    Appending a leaf costs one hash on average, and the root of the tree a hash for each of the subtrees.
    """

    def __init__(self, size: int = 0, roots: Mapping[int, bytes] | None = None) -> None:
        self.size = size
        self._roots = dict(roots or {})

    @classmethod
    def of(cls, size: int, hash_at: HashReader) -> "Frontier":
        """The frontier of a tree of `size` entries."""
        return cls(size, {level: hash_at(level, start >> level) for level, start in complete_subtrees(0, size)})

    def copy(self) -> "Frontier":
        """Another frontier of the same tree, which grows by itself."""
        return Frontier(self.size, self._roots)

    def extend(self, leaves: Sequence[bytes]) -> Iterator[tuple[int, int, Sequence[bytes]]]:
        """Appends the hashes of leaves.

        Yields (level, index, hashes) of the subtrees that they complete, level by level: `hashes` are those of the
        subtrees from `index` on. The tree has grown when all of it was taken.
        """
        level, index, row = 0, self.size, leaves
        while row:
            yield level, index, row
            if index & 1:
                row = [self._roots.pop(level), *row]
            if len(row) & 1:
                self._roots[level] = row[-1]
            pairs = iter(row)
            row = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
            level, index = level + 1, index >> 1
        self.size += len(leaves)

    @property
    def root(self) -> bytes:
        """The tree's root hash."""
        return _fold([self._roots[level] for level in sorted(self._roots, reverse=True)])


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root hash over leaf hashes."""
    row = list(leaves)
    if not row:
        return EMPTY_ROOT
    while len(row) > 1:
        paired = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
        # RFC 6962 splits at the largest power of two, so that an odd one out moves up as it is.
        row = paired + row[len(paired) * 2 :]
    return row[0]


def tree_root(size: int, hash_at: HashReader) -> bytes:
    """The root hash of a tree of `size` entries."""
    return Frontier.of(size, hash_at).root


def inclusion_proof(index: int, size: int, hash_at: HashReader) -> list[bytes]:
    """The path from an entry to the root of a tree of `size` entries (RFC 6962, section 2.1.1).

    Raises:
        ValueError: there is no such entry in such a tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} entries has no entry {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, hash_at))
            end = middle
        else:
            path.append(_subtree(start, middle, hash_at))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, hash_at: HashReader) -> list[bytes]:
    """The proof that a tree of `size` entries begins with the tree of its first `old` (RFC 6962, section 2.1.2).

    Raises:
        ValueError: `old` is larger than `size`.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} entries cannot begin with one of {old}")
    if old in (0, size):
        return []
    proof: list[bytes] = []
    start, end = 0, size
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_subtree(middle, end, hash_at))
            end = middle
        else:
            proof.append(_subtree(start, middle, hash_at))
            start = middle
    if start > 0:
        proof.append(_subtree(start, end, hash_at))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Checks that the entry with this leaf hash stands at `index` of the tree with this size and root.

    Raises:
        InteropError: `not-included`.
    """
    if not 0 <= index < size or len(proof) != _inclusion_length(index, size):
        raise InteropError("not-included", f"this is no proof of entry {index} in a tree of {size} entries")
    merged, at, last = leaf, index, size - 1
    for sibling in proof:
        # An odd last node has no sibling on its level; it moves up until it has one.
        while at == last and not at & 1:
            at, last = at >> 1, last >> 1
        merged = node_hash(sibling, merged) if at & 1 else node_hash(merged, sibling)
        at, last = at >> 1, last >> 1
    if merged != root:
        raise InteropError(
            "not-included", f"entry {index} is not what the proof was made for: it leads to another root of the tree"
        )


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Checks that the tree with this size and root begins with the one with `old` entries and `old_root`.

    Raises:
        InteropError: `inconsistent`.
    """
    refused = InteropError(
        "inconsistent", f"the tree of {size} entries does not begin with the tree of {old} that was seen before"
    )
    if old == 0 and not proof and old_root == EMPTY_ROOT:
        return
    if old == size and not proof and old_root == root:
        return
    if not 0 < old < size:
        raise refused
    hashes = list(proof)
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if at == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise refused
    merged_old = merged = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise refused
        if at & 1 or at == last:
            merged_old = node_hash(sibling, merged_old)
            merged = node_hash(sibling, merged)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            merged = node_hash(merged, sibling)
        at, last = at >> 1, last >> 1
    if last != 0 or merged_old != old_root or merged != root:
        raise refused


def complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The (level, first entry) of the complete subtrees that make up entries `start` to `end`, left to right.

    `start` must be the first entry of a subtree that is at least as large as the range: that is so of 0, and of
    wherever a proof splits a tree.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start
        start += 1 << level


def _subtree(start: int, end: int, hash_at: HashReader) -> bytes:
    return _fold([hash_at(level, at >> level) for level, at in complete_subtrees(start, end)])


def _fold(roots: Sequence[bytes]) -> bytes:
    if not roots:
        return EMPTY_ROOT
    merged = roots[-1]
    for root in reversed(roots[:-1]):
        merged = node_hash(root, merged)
    return merged


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _inclusion_length(index: int, size: int) -> int:
    """How many hashes a proof has: one a level until it meets the right edge, then one for each turn to the left."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()
