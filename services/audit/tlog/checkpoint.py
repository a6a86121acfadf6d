"""Checkpoints (c2sp.org/tlog-checkpoint): how large a log is and what its root is, signed by the log."""

import re
from dataclasses import dataclass

from services.audit.tlog.merkle import HASH_BYTES
from services.audit.tlog.notes import Note, from_base64, parse_note, to_base64
from services.chassis.errors import InteropError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log's tree."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of the note that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def parse_checkpoint(raw: bytes) -> tuple[Checkpoint, Note]:
    """Reads a checkpoint with its signatures, which are still to be verified.

    Raises:
        InteropError: `bad-note`, `bad-checkpoint`.
    """
    note = parse_note(raw)
    return checkpoint_of(note.text), note


def checkpoint_of(text: str) -> Checkpoint:
    """Reads the text of a checkpoint, which has no extension lines in this log.

    Raises:
        InteropError: `bad-checkpoint`.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004  three lines
        raise InteropError("bad-checkpoint", "a checkpoint is an origin, a size and a root, a line each")
    try:
        root = from_base64(lines[2])
    except InteropError as error:
        raise InteropError("bad-checkpoint", error.sentence) from error
    if len(root) != HASH_BYTES:
        raise InteropError("bad-checkpoint", f"a root has {HASH_BYTES} bytes, not {len(root)}")
    return Checkpoint(lines[0], int(lines[1]), root)
