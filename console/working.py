"""The inside of a worker process of `console/workers.py`: it tells in lines of JSON, and ends when the console does."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

from services.chassis.errors import InteropError

ENDS_WITH_STDIN = "CONSOLE_WORKER"
"""Set in the environment by the console. A command that people run goes on when nobody can type into it."""

Tell = Callable[[Mapping[str, Any]], None]


def teller() -> Tell:
    """What writes a line of JSON to whoever started this process. Whatever else prints does not get between them."""
    lines, sys.stdout = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"), sys.stderr

    def tell(told: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more; the end of stdin is what ends this process
            print(json.dumps(told, separators=(",", ":")), file=lines, flush=True)

    return tell


def run(work: Callable[[Tell], Any], listen: Callable[[Iterable[str]], None] | None = None) -> None:
    """Does the work of this process, and tells what comes of it.

    Args:
        work: given what tells of steps; its result is the last line, and an `InteropError` of it, too.
        listen: takes the lines of stdin, and sees to the end of the work when there are none to come; without it the
            process ends then, if it is the console's.
    """
    tell = teller()
    if listen is not None or ENDS_WITH_STDIN in os.environ:
        Thread(target=listen or _end_after, args=(sys.stdin,), daemon=True).start()
    try:
        last = {"result": work(tell)}
    except InteropError as error:
        last = told_error(error)
    tell(last)


def told_error(error: InteropError) -> dict[str, dict[str, str | int]]:
    """An error as a line tells it."""
    return {"error": {"code": error.code, "sentence": error.sentence, "status": error.status}}


def _end_after(lines: Iterable[str]) -> None:
    for _ in lines:
        pass
    os._exit(1)
