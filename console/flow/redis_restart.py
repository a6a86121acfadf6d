"""Redis killed and started again, where it is the house's own: the stack that started both does it when asked."""

import asyncio
import time
from typing import Any

from console.settings import ConsoleSettings
from sandbox.errands import RESTART_REDIS, answered, ask, withdraw
from services.chassis.errors import InteropError

PATIENCE_SECONDS = 75.0
"""Longer than the stack waits for a Redis that reads its data."""

LOOK_EVERY_SECONDS = 0.05


async def restart_redis(settings: ConsoleSettings, patience: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """Has the house's own Redis killed, as a crash would end it, and started again on the same port and data.

    Args:
        settings: where the house takes requests.
        patience: how many seconds to wait for the answer.

    Returns:
        `seconds`: how long Redis was away.

    Raises:
        InteropError: `redis-not-ours`, where somebody else runs it; `under-way`, when it is being restarted just now;
            `redis-start` or `no-redis`, when it does not come back; `nobody-answers`, when nobody does it.
    """
    folder = settings.house_dir
    if folder is None:
        raise InteropError(
            "redis-not-ours",
            "this Redis is not the console's to restart; with Docker try 'docker compose restart redis', or start"
            " the house with 'interop up'",
            status=409,
        )
    try:
        number = ask(folder, RESTART_REDIS)
    except OSError as error:
        raise InteropError(
            "nobody-answers", f"{folder}: {error.strerror}; start the house again", status=503
        ) from error
    deadline = time.monotonic() + patience
    while (told := answered(folder, RESTART_REDIS, number)) is None:
        if time.monotonic() > deadline:
            withdraw(folder, RESTART_REDIS)
            raise InteropError(
                "nobody-answers", "whoever started this house does not answer; start the house again", status=503
            )
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    if "code" in told:
        raise InteropError(told["code"], told["message"], status=503)
    return told
