"""The console's worker processes: what takes long, or needs the lab, runs in one of its own.

One is `python -m MODULE ARGUMENTS`. It tells in lines of JSON: what it is at, line by line, and at last
`{"result": ...}` or `{"error": {"code", "sentence", "status"}}`. What it is like inside is in `console/working.py`.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from console.working import ENDS_WITH_STDIN
from services.chassis.errors import InfrastructureError, InteropError

Line = dict[str, Any]

LONGEST_LINE = 64 << 20


class Worker:
    """A process that was started, what it says, and its end."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> "Worker":
        """Starts `python -m <module>`. It ends with the console, however that ends: its stdin is closed then.

        Raises:
            InfrastructureError: the machine starts no further process.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, *arguments),
                stdin=PIPE,
                stdout=PIPE,
                limit=LONGEST_LINE,
                env={**os.environ, ENDS_WITH_STDIN: "1"},
                # Ctrl-C in a terminal is the console's to see to.
                start_new_session=True,
            )
        except OSError as error:
            raise InfrastructureError(f"the console cannot start a process ({error.strerror}); try again") from error
        return cls(process)

    @property
    def is_up(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def tell(self, told: object) -> None:
        """Sends it a line of JSON; one that has ended is told nothing."""
        assert self.process.stdin is not None  # noqa: S101  it was started with one
        if self.is_up and not self.process.stdin.is_closing():
            with suppress(ConnectionError):
                self.process.stdin.write(json.dumps(told).encode() + b"\n")

    async def hear(self) -> Line | None:
        """Its next line; None when there is none to come."""
        assert self.process.stdout is not None  # noqa: S101  it was started with one
        line = await self.process.stdout.readline()
        if not line.endswith(b"\n"):  # it was ended in the middle of one
            return None
        said: Line = json.loads(line)
        return said

    async def result(self, on_step: Callable[[Line], None]) -> Any:
        """What it comes to.

        Args:
            on_step: told every line before the last.

        Raises:
            InteropError: what it says is wrong.
            InfrastructureError: it has ended without a word.
        """
        while (said := await self.hear()) is not None:
            if "result" in said:
                return said["result"]
            if "error" in said:
                raise error_in(said)
            on_step(said)
        raise gone()

    def kill(self) -> None:
        """Ends it at once; whoever listens to it hears that."""
        with suppress(ProcessLookupError):
            self.process.kill()

    async def end(self) -> None:
        """Ends it, if it has not, and waits until it has."""
        self.kill()
        assert self.process.stdin is not None  # noqa: S101  it was started with one
        self.process.stdin.close()
        await self.process.wait()


async def result_of(
    module: str, *arguments: str, told: object = None, on_step: Callable[[Line], None] = lambda _: None
) -> Any:
    """What a worker comes to. Whoever stops waiting ends it.

    Args:
        module: what is run, as `python -m` takes it.
        arguments: those of the command line.
        told: a line that it is sent first, if it waits for one.
        on_step: told every line before the last.

    Raises:
        InteropError: as `Worker.result` does.
    """
    worker = await Worker.start(module, *arguments)
    try:
        if told is not None:
            worker.tell(told)
        return await worker.result(on_step)
    finally:
        await worker.end()


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks, and waits until what they had begun has ended.

    One that was cancelled before is ending its worker: cancelled once more, it would leave that to itself.
    """
    waited_for = list(tasks)
    for task in waited_for:
        if not task.cancelling():
            task.cancel()
    await asyncio.gather(*waited_for, return_exceptions=True)


def error_in(said: Mapping[str, Any]) -> InteropError:
    """The error that a worker's line tells."""
    error = said["error"]
    return InteropError(error["code"], error["sentence"], status=error["status"])


def gone() -> InfrastructureError:
    """The error of a worker that has ended without a word."""
    return InfrastructureError(
        "a process of the console has ended unexpectedly; try again, and see the console's log if it ends again"
    )
