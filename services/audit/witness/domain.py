"""What a witness decides: whether a checkpoint is the log's, and whether it goes on from what was cosigned before.

The order of the checks and their statuses are those of c2sp.org/tlog-witness, `add-checkpoint`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from services.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from services.audit.tlog.merkle import EMPTY_ROOT, verify_consistency
from services.audit.tlog.notes import Verifier
from services.audit.tlog.witnessing import Request
from services.chassis.errors import InteropError

LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Head:
    """How large a tree is, and its root."""

    size: int
    root: bytes


NOTHING_SEEN = Head(0, EMPTY_ROOT)
"""What a witness knows of a log that it has cosigned nothing of."""


@dataclass(frozen=True, slots=True)
class Cosign:
    """The checkpoint goes on from what was seen: it is to be remembered, and only then signed."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The checkpoint is the log's, and is not to be cosigned.

    `size` is what the witness cosigned last. `evidence` says whether the checkpoint may prove that the log misbehaves.
    """

    status: int
    code: str
    sentence: str
    size: int
    evidence: bool = False


Decision = Cosign | Refuse


def open_checkpoint(raw: bytes, logs: Mapping[str, Verifier]) -> Checkpoint:
    """The checkpoint in a note that one of `logs` (by origin) has signed.

    Raises:
        InteropError: `bad-request` (400), `unknown-log` (404), `not-signed` (403).
    """
    try:
        checkpoint, note = parse_checkpoint(raw)
    except InteropError as error:
        raise _refused(
            HTTPStatus.BAD_REQUEST, "bad-request", f"the checkpoint cannot be read: {error.sentence}"
        ) from error
    if checkpoint.size > LARGEST_SIZE:
        raise _refused(HTTPStatus.BAD_REQUEST, "bad-request", f"no log has {checkpoint.size} entries")
    log = logs.get(checkpoint.origin)
    if log is None:
        raise _refused(HTTPStatus.NOT_FOUND, "unknown-log", f"this witness does not watch a log '{checkpoint.origin}'")
    try:
        signed = note.signed_by([log])
    except InteropError as error:
        raise _refused(HTTPStatus.FORBIDDEN, "not-signed", error.sentence) from error
    if not signed:
        raise _refused(
            HTTPStatus.FORBIDDEN,
            "not-signed",
            f"the key of '{log.name}' that this witness knows ({log.vkey}) has not signed this checkpoint",
        )
    return checkpoint


def decide(remembered: Head, request: Request, checkpoint: Checkpoint) -> Decision:
    """Whether a checkpoint, of which the signature is verified, goes on from what the witness remembers.

    Another root for a size that was cosigned is named whatever else is wrong with the request: with the checkpoint
    that was cosigned it makes two statements of the log that cannot both be true.
    """
    if request.old > checkpoint.size:
        return Refuse(
            HTTPStatus.BAD_REQUEST,
            "bad-request",
            f"a tree of {checkpoint.size} entries cannot begin with one of {request.old}",
            remembered.size,
        )
    if checkpoint.size == remembered.size and checkpoint.root != remembered.root:
        return Refuse(
            HTTPStatus.CONFLICT,
            "forked",
            f"the log has shown this witness another tree of {checkpoint.size} entries",
            remembered.size,
            evidence=True,
        )
    if request.old != remembered.size:
        return Refuse(
            HTTPStatus.CONFLICT,
            "other-size",
            f"this witness has cosigned {remembered.size} entries, not {request.old}",
            remembered.size,
        )
    if request.proof and request.old in {0, checkpoint.size}:
        return Refuse(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "inconsistent",
            f"from {request.old} to {checkpoint.size} entries there is nothing to prove, and the proof must be empty",
            remembered.size,
        )
    try:
        verify_consistency(request.old, remembered.root, checkpoint.size, checkpoint.root, request.proof)
    except InteropError as error:
        return Refuse(HTTPStatus.UNPROCESSABLE_ENTITY, error.code, error.sentence, remembered.size, evidence=True)
    return Cosign()


def _refused(status: int, code: str, sentence: str) -> InteropError:
    return InteropError(code, sentence, status=status)
