"""Small logs in memory, with two witnesses, written by the reference writer that shares no code with `services`."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from services.audit.tlog.notes import Algorithm, Signer
from services.audit.tlog.policy import Policy
from services.chassis.errors import InteropError
from tests.foreign import c2sp

ORIGIN = "sandbox.example/audit"
SEEN_AT = 1_800_000_000

LOG = Signer.from_seed(ORIGIN, Algorithm.ED25519, sha256(b"log").digest())
CLINIC = Signer.from_seed("lawclinic.example/w1", Algorithm.COSIGNATURE_V1, sha256(b"clinic").digest())
AUDITOR = Signer.from_seed("stateauditor.example/w2", Algorithm.COSIGNATURE_V1, sha256(b"auditor").digest())
SOMEBODY = Signer.from_seed(ORIGIN, Algorithm.ED25519, sha256(b"somebody else").digest())

POLICY = Policy(LOG.verifier, (CLINIC.verifier, AUDITOR.verifier), 2)


def code(caught: pytest.ExceptionInfo[InteropError]) -> str:
    return caught.value.code


def shares(count: int, first: int = 0) -> list[bytes]:
    """What a log says about shares of prints; some entries are longer than others."""
    numbers = range(first, first + count)
    return [b'{"kind":"share","number":%d,"to":"ice"%s}' % (number, b" " * (number % 30)) for number in numbers]


def leaves(entries: Sequence[bytes]) -> list[bytes]:
    return [c2sp.leaf(entry) for entry in entries]


def oracle(signer: Signer) -> c2sp.Signer:
    """The same key, as the reference writer has it."""
    return c2sp.Signer(signer.name, signer.algorithm, signer.seed)


def checkpoint(entries: Sequence[bytes], *signers: Signer) -> bytes:
    """Signed by the log and both witnesses, or by others."""
    who = [oracle(signer) for signer in signers or (LOG, CLINIC, AUDITOR)]
    size, tree = len(entries), c2sp.root(leaves(entries))
    text = f"{ORIGIN}\n{size}\n{c2sp.b64encode(tree).decode()}\n"
    return (text + "\n" + "".join(each.line(text, SEEN_AT) for each in who)).encode()


def files(entries: Sequence[bytes]) -> dict[str, bytes]:
    """All of what a log with these entries serves, by path."""
    with TemporaryDirectory() as folder:
        c2sp.write_tiles(Path(folder), entries)
        written = {
            str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
        }
    return {**written, "checkpoint": checkpoint(entries)}
