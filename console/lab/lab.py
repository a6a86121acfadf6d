"""The worker process of the lab as the page reaches it: one job at a time, with progress, and an end on request."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any

from console.workers import Worker, ended, error_in, gone
from services.chassis.errors import InteropError

MODULE = "console.lab.worker"
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
        self._worker: Worker | None = None
        self._end: asyncio.TimerHandle | None = None

    def begun(self, worker: Worker) -> None:
        self._worker = worker

    def drop(self) -> None:
        """Nobody wants it any more. The worker is told so, and ended if that does not help."""
        self.is_wanted = False
        if self._worker is not None and self._worker.is_up:
            self._worker.tell({"cancel": self.message["id"]})
            self._end = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, _kill, self._worker)

    def over(self) -> None:
        self._worker = None
        if self._end is not None:
            self._end.cancel()


class Lab:
    """The lab's worker: started when it is first needed, and again after it was ended."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._turn = asyncio.Lock()
        self._worker: Worker | None = None
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
        raise gone()

    async def close(self) -> None:
        """Ends the worker, and whatever it is at."""
        await ended(self._under_way)
        if self._worker is not None:
            await self._worker.end()

    async def _do(self, job: _Job) -> None:
        async with self._turn:
            if not job.is_wanted:
                return
            try:
                worker = await self._running()
                job.begun(worker)
                worker.tell(job.message)
                said: Message = {"share": 0}
                while "share" in said:
                    said = await _heard(worker)
                    job.said.put_nowait(error_in(said) if "error" in said else said)
            except InteropError as error:
                job.said.put_nowait(error)
            finally:
                job.over()

    async def _running(self) -> Worker:
        if self._worker is not None and self._worker.is_up:
            return self._worker
        self._worker = await Worker.start(MODULE)
        first = await _heard(self._worker)
        self._scenarios = list(first["scenarios"])
        return self._worker


async def _heard(worker: Worker) -> Message:
    said = await worker.hear()
    if said is None:
        await worker.end()
        raise gone()
    return said


def _kill(worker: Worker) -> None:
    _log.warning("the lab did not stop when it was asked to, and was ended")
    worker.kill()
