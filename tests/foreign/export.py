"""Exported logs for the foreign verifiers to look at, and one that the specifications alone have made."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.foreign import c2sp

SIGNED_AT = 1_800_000_000
LOG = c2sp.Signer("sandbox.example/audit", c2sp.LOG, sha256(b"log").digest())
WITNESSES = tuple(
    c2sp.Signer(name, c2sp.COSIGNER, sha256(name.encode()).digest())
    for name in ("lawclinic.example/w1", "stateauditor.example/w2")
)


@dataclass(frozen=True)
class Export:
    """A folder with `checkpoint`, `checkpoint.older`, `policy` and `tile`, and what else its maker can do."""

    folder: Path
    entries: list[bytes]
    prove: Callable[[int], str]
    """The tlog-proof of the entry with that index."""
    cosigned: Callable[[int, bytes], str]
    """What the log and both witnesses would sign if they lied: any size with any root."""


def make_export(folder: Path, entries: int) -> Export:
    """Written from the specifications, without the project's own log."""
    logged = [json.dumps({"kind": "share", "number": number, "to": "ice"}).encode() for number in range(entries)]
    leaves = [c2sp.leaf(entry) for entry in logged]

    def cosigned(size: int, root: bytes) -> str:
        return c2sp.checkpoint([LOG, *WITNESSES], size, root, SIGNED_AT)

    signed = cosigned(entries, c2sp.root(leaves))
    older = max(1, entries * 2 // 3)
    c2sp.write_tiles(folder, logged)
    (folder / "policy").write_text(c2sp.policy(LOG, WITNESSES), encoding="utf-8")
    (folder / "checkpoint").write_text(signed, encoding="utf-8")
    (folder / "checkpoint.older").write_text(cosigned(older, c2sp.root(leaves[:older])), encoding="utf-8")
    return Export(folder, logged, lambda index: c2sp.proof(leaves, index, signed), cosigned)
