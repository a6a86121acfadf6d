"""What the console may ask of the stack that started it: a request is a file in a folder that both know.

The stack looks into the folder, does what is asked, and writes beside the request what came of it. No port, no
password, and nobody can ask who may not write there.
"""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from sandbox.embedded import write_private
from services.chassis.errors import InteropError

RESTART_REDIS = "restart-redis"
"""Kill the stack's own Redis as a crash would, and start it again."""


def ask(folder: Path, errand: str) -> str:
    """Leaves a request, and tells its number.

    Raises:
        InteropError: `under-way`, when the same is being done already.
        OSError: the folder is gone, or cannot be written to.
    """
    number = uuid4().hex
    draft = folder / f".{errand}.{number}"
    write_private(draft, number)
    try:
        # Unlike a rename, this fails where there is one already.
        os.link(draft, folder / errand)
    except FileExistsError:
        raise InteropError("under-way", f"'{errand}' is being done just now; wait for it", status=409) from None
    finally:
        draft.unlink()
    return number


def asked(folder: Path, errand: str) -> str | None:
    """The number of the request that waits, or None."""
    try:
        return (folder / errand).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def answer(folder: Path, errand: str, number: str, told: dict[str, Any]) -> None:
    """Writes what came of a request, and takes the request away."""
    write_private(_answer(folder, errand), json.dumps({"number": number, **told}))
    withdraw(folder, errand)


def answered(folder: Path, errand: str, number: str) -> dict[str, Any] | None:
    """What came of a request; None as long as nobody has said."""
    try:
        told: dict[str, Any] = json.loads(_answer(folder, errand).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return told if told.pop("number") == number else None


def withdraw(folder: Path, errand: str) -> None:
    """Takes a request away."""
    (folder / errand).unlink(missing_ok=True)


def _answer(folder: Path, errand: str) -> Path:
    return folder / f"{errand}.json"
