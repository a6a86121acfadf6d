"""The worker process of the lab as the page reaches it: one job at a time, with progress, and an end on request."""

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from services.chassis.errors import InfrastructureError, InteropError

MODULE = "console.lab.worker"
LONGEST_LINE = 64 << 20
PATIENCE_SECONDS = 3.0
"""How long a job may take to its next step once nobody wants it; then the worker is ended, and with it what it kept."""

Message = Mapping[str, Any]

_log = logging.getLogger(__name__)


class _Job:
    """Something for the worker to do, and what it has said of it so far."""

    def __init__(self, number: int, wanted: Mapping[str, Any]) -> None:
        self.message = {"id": number, **wanted}
        self.said: asyncio.Queue[Message | InteropError] = asyncio.Queue()
        self.is_wanted = True
        self._process: Process | None = None
        self._end: asyncio.TimerHandle | None = None

    def begun(self, process: Process) -> None:
        self._process = process

    def drop(self) -> None:
        """Nobody wants it any more. The worker is told so, and ended if that does not help."""
        self.is_wanted = False
        process = self._process
        if process is not None and process.returncode is None and process.stdin is not None:
            process.stdin.write(_line({"cancel": self.message["id"]}))
            self._end = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, _kill, process)

    def over(self) -> None:
        self._process = None
        if self._end is not None:
            self._end.cancel()


class Lab:
    """The lab's worker: started when it is first needed, and again after it was ended."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._scenarios: list[dict[str, Any]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def scenarios(self) -> list[dict[str, Any]]:
        """What there is to know of each scenario.

        Raises:
            InfrastructureError: the lab cannot be started.
        """
        if not self._scenarios:
            async with self._turn:
                await self._running()
        return self._scenarios

    async def run(self, wanted: Mapping[str, Any]) -> AsyncIterator[Message]:
        """Has something done: messages with `share` and `words` on the way, and at the end one with `done`.

        Whoever stops listening ends the job.

        Raises:
            InteropError: what is wrong with the job; InfrastructureError, when the lab has ended over it.
        """
        job = _Job(next(self._numbers), wanted)
        # A task of its own: a listener who is gone has no time left to see the job to its end.
        task = asyncio.create_task(self._do(job))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        ended = False
        try:
            while not ended:
                said = await job.said.get()
                ended = isinstance(said, InteropError) or "share" not in said
                if isinstance(said, InteropError):
                    raise said
                yield said
        finally:
            if not ended:
                job.drop()

    async def result(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What comes of a job.

        Raises:
            InteropError: as `run` does.
        """
        async for said in self.run(wanted):
            if "done" in said:
                return dict(said["done"])
        raise _gone()

    async def close(self) -> None:
        """Ends the worker, and whatever it is at."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._process is not None:
            await _end(self._process)

    async def _do(self, job: _Job) -> None:
        async with self._turn:
            if not job.is_wanted:
                return
            try:
                process = await self._running()
                job.begun(process)
                await _tell(process, job.message)
                said: Message = {"share": 0}
                while "share" in said:
                    said = await _hear(process)
                    job.said.put_nowait(_error_of(said) or said)
            except InteropError as error:
                job.said.put_nowait(error)
            finally:
                job.over()

    async def _running(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE, start_new_session=True
        )
        first = await _hear(self._process)
        self._scenarios = list(first["scenarios"])
        return self._process


def _line(message: Message) -> bytes:
    return json.dumps(message).encode() + b"\n"


async def _tell(process: Process, message: Message) -> None:
    assert process.stdin is not None  # noqa: S101  it was started with one
    try:
        process.stdin.write(_line(message))
        await process.stdin.drain()
    except ConnectionError as error:
        raise _gone() from error


async def _hear(process: Process) -> Message:
    assert process.stdout is not None  # noqa: S101  it was started with one
    line = await process.stdout.readline()
    if not line:
        await _end(process)
        raise _gone()
    message: Message = json.loads(line)
    return message


def _error_of(said: Message) -> InteropError | None:
    error = said.get("error")
    return None if error is None else InteropError(error["code"], error["sentence"], status=error["status"])


def _gone() -> InfrastructureError:
    return InfrastructureError("the lab has ended unexpectedly; try again, and see the console's log if it ends again")


def _kill(process: Process) -> None:
    _log.warning("the lab did not stop when it was asked to, and was ended")
    with suppress(ProcessLookupError):
        process.kill()


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
