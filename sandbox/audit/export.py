"""A log as a folder of files: any web server can serve it, and anybody check it without us (c2sp.org/tlog-tiles)."""

import os
from collections.abc import Callable
from pathlib import Path

from services.audit.log import Published, StoredLog
from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import CHECKPOINT, tiles_of
from services.chassis.errors import InteropError

OLDER = "checkpoint.older"
"""The checkpoint that was published before: whoever kept it can see that the log has only grown since."""

POLICY = "policy"

OnProgress = Callable[[int, int], None]


def export(log: StoredLog, published: Published, policy: Policy, folder: Path, on_progress: OnProgress) -> Checkpoint:
    """Writes everything that a published checkpoint covers into an empty or new folder.

    Raises:
        InteropError: `folder-in-use`, `cannot-write`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InteropError("folder-in-use", f"'{folder}' is not empty; name a folder that is, or a new one")
    tiles = list(tiles_of(published.size))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, tile in enumerate(tiles, start=1):
            _write(folder / tile.path, log.read_file(tile.path, published) or b"")
            on_progress(number, len(tiles))
        older = log.published_before(published.size)
        if older is not None and older.size > 0:
            _write(folder / OLDER, older.note)
        _write(folder / POLICY, policy.text.encode())
        _write(folder / CHECKPOINT, published.note)
    except OSError as error:
        raise InteropError("cannot-write", f"the log cannot be written into '{folder}': {error.strerror}") from error
    return published.checkpoint


def folder_reader(folder: Path) -> Callable[[str], bytes | None]:
    """Reads the files of an exported log."""
    base = os.fspath(folder)

    def read(path: str) -> bytes | None:
        try:
            with open(f"{base}/{path}", "rb") as file:  # noqa: PTH123  a million entries are eight thousand files
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    return read


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
