"""The request that asks a witness for a cosignature (c2sp.org/tlog-witness, `add-checkpoint`): written and read.

It says which size the log believes that the witness knows, proves that the tree of that size is where the new one
begins, and ends with the checkpoint as the log has signed it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.audit.tlog.merkle import HASH_BYTES
from services.audit.tlog.notes import from_base64, to_base64
from services.chassis.errors import InteropError

PATH = "/add-checkpoint"
"""Where a witness takes requests, below its submission prefix."""

SIZE_TYPE = "text/x.tlog.size"
"""The `Content-Type` of a 409, whose body is the size that the witness cosigned last."""

LINES_TYPE = "text/plain; charset=utf-8"
"""The `Content-Type` of a cosignature, and of a request; the specification leaves both open."""

LONGEST_PROOF = 63
"""Hashes in a request: enough for every tree whose size fits into 63 bits."""

BODY_LIMIT = 64_000
"""Bytes. A request of this log has less than 4,000."""

_OLD = re.compile(rb"old (0|[1-9]\d{0,18})")
_SIZE_ANSWER = re.compile(rb"(0|[1-9]\d{0,18})\n")


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks of a witness: nothing of it is verified yet.

    `note` is a checkpoint with the log's signature, `proof` the way to it from the tree of `old` entries.
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes


def encode_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of a request."""
    hashes = "".join(to_base64(each) + "\n" for each in proof)
    return f"old {old}\n{hashes}\n".encode() + note


def parse_request(body: bytes) -> Request:
    """Reads the body of a request strictly: there is only one way to write it.

    Raises:
        InteropError: `bad-request`, with status 400.
    """
    head, separator, note = body.partition(b"\n\n")
    first, *hashes = head.split(b"\n")
    old = _OLD.fullmatch(first)
    if old is None:
        raise _bad_request("the first line is not 'old' and a size, written without leading zeros")
    try:
        proof = tuple(from_base64(line.decode("ascii")) for line in hashes)
    except (UnicodeDecodeError, InteropError) as error:
        raise _bad_request("the lines of the proof are not base64") from error
    if not separator or not note:
        raise _bad_request("no checkpoint follows after an empty line")
    if len(proof) > LONGEST_PROOF:
        raise _bad_request(f"a proof has at most {LONGEST_PROOF} hashes, and this one has {len(proof)}")
    if any(len(each) != HASH_BYTES for each in proof):
        raise _bad_request(f"a hash in a proof has {HASH_BYTES} bytes")
    return Request(int(old[1]), proof, note)


def parse_size(body: bytes) -> int | None:
    """The size in the body of a 409, or None where there is none."""
    size = _SIZE_ANSWER.fullmatch(body)
    return int(size[1]) if size is not None else None


def _bad_request(what: str) -> InteropError:
    return InteropError("bad-request", f"{what}; c2sp.org/tlog-witness says what a request looks like", status=400)
