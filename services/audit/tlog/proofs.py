"""Proof files (c2sp.org/tlog-proof): that an entry stands in a log whose checkpoint witnesses have seen, offline."""

import re
from dataclasses import dataclass

from services.audit.tlog.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from services.audit.tlog.notes import from_base64, to_base64
from services.audit.tlog.policy import Policy
from services.chassis.errors import InteropError

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry stands, the path from it to the root, and the checkpoint with that root, as it was signed."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def text(self) -> str:
        """The proof as a file."""
        hashes = "".join(to_base64(each) + "\n" for each in self.path)
        return f"{HEADER}\nindex {self.index}\n{hashes}\n{self.checkpoint.decode()}"

    def verify(self, entry: bytes, policy: Policy) -> None:
        """Checks that `entry` stands in the log, believing nobody but `policy`.

        Raises:
            InteropError: whatever `Policy.open` raises, and `not-included`.
        """
        checkpoint = policy.open(self.checkpoint)
        verify_inclusion(leaf_hash(entry), self.index, checkpoint.size, self.path, checkpoint.root)


def parse_proof(raw: bytes) -> Proof:
    """Reads a proof file.

    Raises:
        InteropError: `bad-proof`.
    """
    head, separator, checkpoint = raw.partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if lines[0] != HEADER or not separator:
        raise InteropError("bad-proof", f"a proof begins with '{HEADER}' and holds a checkpoint after an empty line")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]  # nothing vouches for it
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if index is None:
        raise InteropError("bad-proof", "a proof says 'index N' in its second line")
    try:
        path = tuple(from_base64(line) for line in lines[2:])
    except InteropError as error:
        raise InteropError("bad-proof", error.sentence) from error
    if any(len(each) != HASH_BYTES for each in path):
        raise InteropError("bad-proof", f"a hash in a proof has {HASH_BYTES} bytes")
    return Proof(int(index[1]), path, checkpoint)
