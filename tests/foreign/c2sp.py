"""The formats of the log, written from the C2SP specifications alone: an oracle that shares no code with `services`.

tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy and tlog-proof; all that is hashed is in memory.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

WIDTH: Final = 256
"""Hashes in a full tile, and entries in a full bundle."""

LOG, COSIGNER = 0x01, 0x04
"""How a vkey says what its Ed25519 key is for."""


@dataclass(frozen=True)
class Signer:
    """Who signs checkpoints: a log, or a witness that cosigns them."""

    name: str
    kind: int
    seed: bytes

    @property
    def _public(self) -> bytes:
        return bytes([self.kind]) + Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def _id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self._public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self._id.hex()}+{b64encode(self._public).decode()}"

    def line(self, text: str, time: int) -> str:
        """The line that signs a note; only a cosignature tells the time."""
        prefix = f"cosignature/v1\ntime {time}\n" if self.kind == COSIGNER else ""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign((prefix + text).encode())
        stamp = time.to_bytes(8, "big") if self.kind == COSIGNER else b""
        return f"— {self.name} {b64encode(self._id + stamp + signature).decode()}\n"


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    """One level up in the tree of RFC 6962; a hash without a sibling goes up as it is."""
    pairs = zip(hashes[::2], hashes[1::2], strict=False)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs] + list(hashes[len(hashes) & ~1 :])


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over the hashes of one level; of no entries, the hash of nothing."""
    while len(hashes) > 1:
        hashes = parents(hashes)
    return hashes[0] if hashes else sha256().digest()


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What to hash a leaf with, one level after the other, to arrive at the root."""
    path, level = [], leaves
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level, index = parents(level), index // 2
    return path


def checkpoint(signers: Sequence[Signer], size: int, tree: bytes, time: int) -> str:
    """A tree as signed by a log, which comes first, and cosigned by its witnesses."""
    text = f"{signers[0].name}\n{size}\n{b64encode(tree).decode()}\n"
    return f"{text}\n" + "".join(signer.line(text, time) for signer in signers)


def policy(log: Signer, witnesses: Sequence[Signer]) -> str:
    """All of the witnesses must have cosigned."""
    names = [f"w{number}" for number, _ in enumerate(witnesses, 1)]
    lines = [f"witness {name} {witness.vkey}" for name, witness in zip(names, witnesses, strict=True)]
    return "\n".join(
        [f"log {log.vkey}", *lines, f"group all-witnesses all {' '.join(names)}", "quorum all-witnesses\n"]
    )


def proof(leaves: Sequence[bytes], index: int, signed: str) -> str:
    hashes = (b64encode(sibling).decode() + "\n" for sibling in inclusion(leaves, index))
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{''.join(hashes)}\n{signed}"


def write_tiles(folder: Path, entries: Sequence[bytes]) -> None:
    """All tiles of a tree and all bundles of its entries, as the static files that a log serves."""
    bundles = (entries[start : start + WIDTH] for start in range(0, len(entries), WIDTH))
    _write(folder / "tile" / "entries", ((len(b), b"".join(_prefixed(entry) for entry in b)) for b in bundles))
    level, hashes = 0, [leaf(entry) for entry in entries]
    while hashes:
        tiles = [hashes[start : start + WIDTH] for start in range(0, len(hashes), WIDTH)]
        _write(folder / "tile" / str(level), ((len(tile), b"".join(tile)) for tile in tiles))
        level, hashes = level + 1, [root(tile) for tile in tiles if len(tile) == WIDTH]


def _prefixed(entry: bytes) -> bytes:
    return len(entry).to_bytes(2, "big") + entry


def _write(folder: Path, resources: Iterable[tuple[int, bytes]]) -> None:
    for number, (width, data) in enumerate(resources):
        *above, last = (f"{int(digits):03}" for digits in f"{number:,}".split(","))
        path = folder.joinpath(*(f"x{digits}" for digits in above), last)
        path = path if width == WIDTH else path.with_name(f"{last}.p") / str(width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
