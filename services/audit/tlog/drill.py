"""The tamper drill: attacks a log in memory in every way that its keeper could, and tells what each was detected as.

What is attacked is what a verifier reads: the files. Every attempt is put before `verify_log`, which is told nothing
but the policy and a checkpoint that somebody has kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from random import Random

from services.audit.tlog.merkle import HASH_BYTES, leaf_hash, tree_root
from services.audit.tlog.notes import Signer, parse_note, parse_signature
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import (
    CHECKPOINT,
    WIDTH,
    Tile,
    bundles_of,
    hash_reader,
    hash_tiles_of,
    pack_bundle,
    subtree_of_tile,
    tiles_of,
    unpack_bundle,
    width_of,
)
from services.audit.tlog.verify import Hashing, OnProgress, leaf_hashes, verify_log
from services.chassis.errors import InteropError

TRIES = 25
"""Of every attack but flips of bits and those that rewrite the whole log."""

REWRITES = 3

Change = Mapping[str, bytes | None]
"""What an attack makes of some files; None removes one."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What became of one kind of attack: `named` counts the codes of the errors by which it was detected."""

    name: str
    tries: int
    detected: int
    named: Counter[str]


def drill(
    files: Mapping[str, bytes],
    policy: Policy,
    older: bytes,
    *,
    flips: int = 10_000,
    seed: int = 0,
    signer: Signer | None = None,
    on_progress: OnProgress = lambda _, __: None,
) -> list[Attack]:
    """Attacks a log. Attacks for which it is too small are left out.

    Every known cosignature that the checkpoint bears is demanded, and no other line is kept: whoever alters what nobody
    relies on is not noticed, and does no harm.

    Args:
        files: all files of the log, by path.
        policy: whom to believe about it.
        older: a checkpoint of the same log that somebody has kept, as it was signed.
        flips: of single bits: a third each in bundles, in tiles and in the checkpoint.
        seed: draws the places.
        signer: the log's own key, for the attacks of somebody who holds it.
        on_progress: told how many tries of how many were made.

    Raises:
        InteropError: what is wrong with the log as it is.
    """
    return list(_Drill(files, policy, older, Random(seed)).run(flips, signer, on_progress))


def files_of(entries: Sequence[bytes]) -> dict[str, bytes]:
    """The bundles and tiles of a log with these entries, by path."""
    rows = [list(map(leaf_hash, entries))]
    while len(rows[-1]) >= WIDTH:
        below, full = rows[-1], len(rows[-1]) // WIDTH
        rows.append([subtree_of_tile(b"".join(below[at * WIDTH : (at + 1) * WIDTH])) for at in range(full)])
    files: dict[str, bytes] = {}
    for tile in tiles_of(len(entries)):
        here = slice(tile.number * WIDTH, tile.number * WIDTH + tile.width)
        files[tile.path] = pack_bundle(entries[here]) if tile.level is None else b"".join(rows[tile.level][here])
    return files


class _Drill:
    def __init__(self, files: Mapping[str, bytes], policy: Policy, older: bytes, chance: Random) -> None:
        self.hashing = Hashing(
            lru_cache(2 * len(files) + WIDTH)(leaf_hashes),
            lru_cache(2 * len(files) + WIDTH)(subtree_of_tile),
            lru_cache(WIDTH)(Policy.open),
        )
        raw = files[CHECKPOINT]
        self.policy = replace(policy, quorum=len(parse_note(raw).signed_by(policy.witnesses)))
        self.files = {**files, CHECKPOINT: _without_unknown(raw, policy)}
        self.older_note, self.older = older, policy.open(older)
        self.newest = verify_log(self.files.get, self.policy, self.older, hashing=self.hashing).checkpoint
        self.bundles = list(bundles_of(self.newest.size))
        self.tiles = [tile for row in hash_tiles_of(self.newest.size) for tile in row]
        self.entries = [entry for tile in self.bundles for entry in unpack_bundle(files[tile.path])]
        self.chance = chance

    def run(self, flips: int, signer: Signer | None, on_progress: OnProgress) -> Iterator[Attack]:
        """Attacks, one kind after the other."""
        third, rest = divmod(flips, 3)
        plan: list[tuple[str, int, Iterator[Change]]] = [
            ("one bit of an entry flipped", third + rest, self._flips([tile.path for tile in self.bundles])),
            ("one bit of a tile flipped", third, self._flips([tile.path for tile in self.tiles])),
            ("one bit of the checkpoint flipped", third, self._flips([CHECKPOINT])),
            ("an entry deleted", TRIES, self._deletions()),
            ("an entry deleted and the gap closed", TRIES, self._closed_gaps()),
            ("the newest entries deleted", TRIES, self._newest_deleted()),
            ("two entries swapped", TRIES, self._swapped_entries()),
            ("two bundles swapped", TRIES, self._swapped_bundles()),
            ("a tile removed", TRIES, self._removals(self.tiles)),
            ("a bundle removed", TRIES, self._removals(self.bundles)),
            ("the newest entries dropped with their tiles", TRIES, self._truncations()),
            ("an older state brought back", REWRITES, self._rollbacks()),
        ]
        if signer is not None:
            plan += [
                ("history rewritten and signed by the log", REWRITES, self._forks(signer, "")),
                ("history rewritten under the old cosignatures", REWRITES, self._forks(signer, self._cosignatures())),
            ]
        done, total = 0, sum(tries for _, tries, _ in plan)
        for name, tries, changes in plan:
            named: Counter[str | None] = Counter()
            for number, change in enumerate(islice(changes, tries), start=1):
                named[self._named(change)] += 1
                on_progress(done + number, total)
            done += tries
            undetected = named.pop(None, 0)
            detected = Counter({code: count for code, count in named.items() if code is not None})
            if made := undetected + detected.total():
                yield Attack(name, made, detected.total(), detected)
        on_progress(total, total)

    def _named(self, change: Change) -> str | None:
        """The code of the error by which a change is detected, or None."""
        # Who has kept an older checkpoint cannot know of the newer one that was taken away; somebody else can.
        kept = self.newest if change.get(CHECKPOINT) == self.older_note else self.older
        try:
            verify_log(
                lambda path: change[path] if path in change else self.files.get(path),
                self.policy,
                kept,
                hashing=self.hashing,
            )
        except InteropError as error:
            return error.code
        return None

    def _flips(self, paths: Sequence[str]) -> Iterator[Change]:
        while paths:
            path = self.chance.choice(paths)
            data = bytearray(self.files[path])
            at, bit = divmod(self.chance.randrange(len(data) * 8), 8)
            data[at] ^= 1 << bit
            yield {path: bytes(data)}

    def _deletions(self) -> Iterator[Change]:
        while self.bundles:
            tile = self.chance.choice(self.bundles)
            entries = self._of(tile)
            del entries[self.chance.randrange(tile.width)]
            yield {tile.path: pack_bundle(entries)}

    def _closed_gaps(self) -> Iterator[Change]:
        while self.bundles:
            at = self.chance.randrange(len(self.entries))
            yield self._bundled(self.entries[:at] + self.entries[at + 1 :])

    def _newest_deleted(self) -> Iterator[Change]:
        while self.bundles:
            last = self.bundles[-1]
            left = self.chance.randrange(last.width)
            yield {last.path: pack_bundle(self._of(last)[:left]) if left else None}

    def _swapped_entries(self) -> Iterator[Change]:
        while len(set(self.entries)) > 1:
            one, other = self.chance.sample(range(len(self.entries)), 2)
            entries = list(self.entries)
            entries[one], entries[other] = entries[other], entries[one]
            if entries != self.entries:
                yield self._bundled(entries)

    def _swapped_bundles(self) -> Iterator[Change]:
        full = [tile.path for tile in self.bundles if tile.full]
        while len({self.files[path] for path in full}) > 1:
            one, other = self.chance.sample(full, 2)
            if self.files[one] != self.files[other]:
                yield {one: self.files[other], other: self.files[one]}

    def _removals(self, tiles: Sequence[Tile]) -> Iterator[Change]:
        while tiles:
            yield {self.chance.choice(tiles).path: None}

    def _truncations(self) -> Iterator[Change]:
        while self.entries:
            yield self._cut(self.chance.randrange(len(self.entries)))

    def _rollbacks(self) -> Iterator[Change]:
        if self.older.size < self.newest.size:
            yield {**self._cut(self.older.size), CHECKPOINT: self.older_note}

    def _forks(self, signer: Signer, cosignatures: str) -> Iterator[Change]:
        while self.entries:
            entries = list(self.entries)
            entries[self.chance.randrange(self.older.size or len(entries))] = b"rewritten %d" % self.chance.getrandbits(
                64
            )
            files = files_of(entries)
            text = replace(self.newest, root=_root(len(entries), files)).text
            yield {**files, CHECKPOINT: f"{text}\n{signer.sign(text)}{cosignatures}".encode()}

    def _of(self, bundle: Tile) -> list[bytes]:
        return self.entries[bundle.number * WIDTH : bundle.number * WIDTH + bundle.width]

    def _bundled(self, entries: Sequence[bytes]) -> Change:
        """These entries under the paths that the bundles have."""
        parts = ((each, entries[each.number * WIDTH : (each.number + 1) * WIDTH]) for each in self.bundles)
        return {each.path: pack_bundle(part) if part else None for each, part in parts if part != self._of(each)}

    def _cut(self, size: int) -> Change:
        """The log as it was when it had `size` entries, but for its checkpoint."""
        change: dict[str, bytes | None] = {tile.path: None for tile in [*self.bundles, *self.tiles]}
        for tile in tiles_of(size):
            if tile.level is None:
                change[tile.path] = pack_bundle(self._of(tile))
            else:
                wider = replace(tile, width=width_of(tile.level, tile.number, self.newest.size))
                change[tile.path] = self.files[wider.path][: tile.width * HASH_BYTES]
        return change

    def _cosignatures(self) -> str:
        _, _, lines = self.files[CHECKPOINT].decode().rpartition("\n\n")
        witnesses = {witness.name for witness in self.policy.witnesses}
        return "".join(f"{line}\n" for line in lines.split("\n")[:-1] if parse_signature(line)[0] in witnesses)


def _without_unknown(raw: bytes, policy: Policy) -> bytes:
    """A checkpoint with one signature line of each key that the policy names, and no other lines."""
    text, _, lines = raw.decode().rpartition("\n\n")
    known = {key.name: key.id for key in (policy.log, *policy.witnesses)}
    kept: dict[str, str] = {}
    for line in lines.split("\n")[:-1]:
        name, blob = parse_signature(line)
        if blob.startswith(known.get(name, blob + b"?")):
            kept[name] = line
    return f"{text}\n\n".encode() + "".join(f"{line}\n" for line in kept.values()).encode()


def _root(size: int, files: Mapping[str, bytes]) -> bytes:
    return tree_root(
        size, hash_reader(lambda level, number: files[Tile(level, number, width_of(level, number, size)).path])
    )
