"""Logs to show to a witness, made without the code under test: one that is honest, and its forged twin.

The proofs are written from RFC 6962, section 2.1.2, as it stands there; the rest is `tests.foreign.c2sp`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from services.audit.tlog.witnessing import Request, encode_request
from tests.foreign import c2sp

AUDIT = c2sp.Signer("sandbox.example/audit", c2sp.LOG, b"the audit log's own secret seed.")
IMPOSTOR = c2sp.Signer("sandbox.example/audit", c2sp.LOG, b"a key that the witness never met")
STRANGER = c2sp.Signer("pelican.example/ledger", c2sp.LOG, b"a log nobody told the witness of")


@dataclass(frozen=True)
class Log:
    """A log, as far as a witness ever gets to see it."""

    entries: tuple[bytes, ...]
    signer: c2sp.Signer = AUDIT

    def leaves(self, size: int) -> list[bytes]:
        return [c2sp.leaf(entry) for entry in self.entries[:size]]

    def root(self, size: int) -> bytes:
        return c2sp.root(self.leaves(size))

    def note(self, size: int) -> bytes:
        return c2sp.checkpoint([self.signer], size, self.root(size), 0).encode()

    def checkpoint(self, size: int) -> Checkpoint:
        return parse_checkpoint(self.note(size))[0]

    def proof(self, old: int, size: int) -> tuple[bytes, ...]:
        return () if old in {0, size} else tuple(_subproof(old, self.leaves(size), True))

    def request(self, old: int, size: int) -> Request:
        return Request(old, self.proof(old, size), self.note(size))

    def body(self, old: int, size: int) -> bytes:
        return encode_request(old, self.proof(old, size), self.note(size))


def _subproof(old: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [c2sp.root(leaves)]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if old <= middle:
        return [*_subproof(old, leaves[:middle], whole), c2sp.root(leaves[middle:])]
    return [*_subproof(old - middle, leaves[middle:], False), c2sp.root(leaves[:middle])]


HONEST = Log(tuple(f"disclosure {number}: ZZ0010000 told ICE".encode() for number in range(40)))
COMMON = 20
"""As many entries the two have in common."""

FORGED = Log((*HONEST.entries[:COMMON], *(f"nothing was told, {number}".encode() for number in range(20))))
