"""Private keys as files that only their owner may read, made at the first start."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes

from services.audit.tlog.notes import Algorithm, Signer, from_base64, to_base64
from services.chassis.errors import InteropError

_KEY_BYTES = 32


def signer(path: Path, name: str, algorithm: Algorithm) -> Signer:
    """Whoever signs with the key in a file, which is made when it is not there.

    Raises:
        InteropError: `bad-key-file`.
    """
    return Signer.from_seed(name, algorithm, secret(path))


def secret(path: Path) -> bytes:
    """The 32 secret bytes in a file, which is made when it is not there.

    Raises:
        InteropError: `bad-key-file`.
    """
    try:
        with suppress(FileExistsError):
            _make(path)
    except OSError as error:
        raise InteropError("bad-key-file", f"{path} cannot be made: {error}") from error
    try:
        found = from_base64(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError, InteropError) as error:
        raise InteropError(
            "bad-key-file", f"{path} holds no key that can be read; bring it back from a backup"
        ) from error
    if len(found) != _KEY_BYTES:
        raise InteropError("bad-key-file", f"{path} holds {len(found)} bytes, and a key has {_KEY_BYTES}")
    return found


def _make(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(to_base64(token_bytes(_KEY_BYTES)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link, not a rename: of two processes that start together the second takes the first one's key.
        os.link(draft, path)
    finally:
        draft.unlink()
    # What was signed with a key outlives a power cut, and so must the key.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
