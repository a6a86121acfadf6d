"""Work for which the page has a process of its own: what needs the lab, and what takes long."""

import asyncio
import json
import sys
from typing import Any

from services.chassis.errors import InteropError


async def told_by(module: str, *arguments: str) -> bytes:
    """What `python -m <module>` writes.

    Raises:
        InteropError: what the process says is wrong, in its one sentence.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode == 0:
        return out
    raise complained(complaint.decode(errors="replace"))


def complained(complaint: str) -> InteropError:
    """The error that a process ended with: `code: sentence` on its last line."""
    code, colon, sentence = (complaint.strip().splitlines() or [""])[-1].partition(": ")
    if not colon or " " in code or not code.islower():
        return InteropError(
            "worker-failed", "a process of the console ended without a word; its log says more", status=500
        )
    return InteropError(code, sentence)


async def json_by(module: str, *arguments: str) -> Any:
    """The JSON that `python -m <module>` writes.

    Raises:
        InteropError: as `told_by`.
    """
    return json.loads(await told_by(module, *arguments))
